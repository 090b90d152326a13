/*
id       = "remote-task"
title    = "A task registered or started over TCP, from another computer"
about    = "Calls of the task scheduler over TCP that register, start, switch or remove a task, with the task that the server's log names; where no calls are recorded, a connection that the scheduler's process accepted and the task registered then."
why      = "A task runs any program as any account, now or whenever wanted: execution and a foothold on another computer in one call."
source   = "MITRE ATT&CK T1053.005; MITRE CAR-2015-04-002; MS-TSCH 3.2.5.4; BZAR; Elastic: Remote Scheduled Task Creation"
kind     = "attack"
attack   = ["T1053.005"]
d3fend   = ["D3-RTA", "D3-SJA"]
needs    = ["rpc_call", "host_flow", "host_event"]
uses     = ["rpc_call", "host_flow", "host_event", "rpc_interface", "rpc_operation", "rpc_name", "rpc_technique", "called", "telling", "technique_call", "host_address", "host_skew", "registration"]
mistaken = "Software distribution and administration, which register tasks alike; Windows' own tasks registered in the minute after some connection to svchost.exe: likely with old Windows, where the scheduler shares a process, and where only the Security log tells of the task (confidence 0.5)."
blind    = "Flow records; tasks over a named pipe (task-atsvc); hosts' logs with neither event 4698 nor registry events below TaskCache; a task only started, not registered, where hosts' logs are all there is."
*/
with asked as (
  select
    telling.src_ip,
    telling.dest_ip,
    telling.opnum,
    telling.at_us // 3600000000 as hour,
    host_address.host,
    telling.at_us + coalesce(host_skew.skew_us, 0) - 1000000 as from_us
  from telling
  join host_address
    on host_address.ip = telling.dest_ip
  left join host_skew
    on host_skew.host = host_address.host
    and host_skew.observer = lower(telling.observer)
  where telling.interface = '86d35949-83c9-4044-b424-db363231fd0c'
    and telling.technique = 'T1053.005'
    and coalesce(telling.transport_protocol, 'tcp') = 'tcp'
),
call_moment as (
  select distinct host, from_us as at_us, 0 as turn, cast(null as bigint) as registered_us
  from asked
  union all
  select distinct host, time_us as at_us, 1 as turn, time_us as registered_us
  from registration
  where name is not null
),
call_line as (
  select
    host,
    at_us,
    turn,
    min(registered_us) over (
      partition by host order by at_us, turn rows between current row and unbounded following
    ) as registered_us
  from call_moment
),
led as (
  select asked.src_ip, asked.dest_ip, asked.opnum, asked.hour, asked.host, min(call_line.registered_us) as registered_us
  from asked
  join call_line
    on call_line.host = asked.host
    and call_line.at_us = asked.from_us
  where call_line.turn = 0
    and call_line.registered_us <= asked.from_us + $task_us + 1000000
  group by asked.src_ip, asked.dest_ip, asked.opnum, asked.hour, asked.host
),
named as (
  select
    led.*,
    registration.name,
    registration.command_line,
    row_number() over (
      partition by led.src_ip, led.dest_ip, led.opnum, led.hour
      order by led.registered_us, led.host, registration.name, registration.command_line
    ) as place
  from led
  join registration
    on registration.host = led.host
    and registration.time_us = led.registered_us
  where registration.name is not null
),
decoded as (
  select technique_call.*, named.host, named.name, named.command_line
  from technique_call
  left join named
    on named.place = 1
    and named.src_ip = technique_call.src_ip
    and named.dest_ip = technique_call.dest_ip
    and named.opnum = technique_call.opnum
    and named.hour = technique_call.hour
  where technique_call.interface = '86d35949-83c9-4044-b424-db363231fd0c'
    and technique_call.technique = 'T1053.005'
    and technique_call.transport_protocol = 'tcp'
),
scheduler as (
  select distinct host, process_key
  from registration
  where process_key is not null
),
accepted as (
  select
    lower(host_flow.host) as host,
    host_flow.time_us,
    host_flow.src_ip,
    host_flow.src_port,
    host_flow.dest_ip,
    host_flow.dest_port,
    coalesce(cast(host_flow.pid as varchar), host_flow.process_guid, '') as process_key,
    scheduler.process_key is not null as is_scheduler,
    host_flow.observer,
    host_flow.source
  from host_flow
  left join scheduler
    on scheduler.host = lower(host_flow.host)
    and scheduler.process_key = coalesce(cast(host_flow.pid as varchar), host_flow.process_guid, '')
  where not host_flow.is_outbound
    and host_flow.transport_protocol = 'tcp'
    and lower(concat('/', replace(host_flow.image_path, '\', '/'))) like '%/svchost.exe'
    and host_flow.dest_port >= $dynamic_low
    and host_flow.src_ip <> host_flow.dest_ip
    and host_flow.src_ip not like '127.%'
    and host_flow.src_ip <> '::1'
    and host_flow.time_us between 0 and 4102444799999999
    and host_flow.time_us >= $since_us
    and host_flow.time_us < $until_us
    and lower(host_flow.host) in (select host from registration)
),
/* whose connections a registration may belong to: those of the process that wrote it; where that is not told, the scheduler's, else anyone's */
lane_of_connection as (
  select accepted.*, concat('=', process_key) as lane, 1 as choice from accepted
  union all
  select accepted.*, 'scheduler' as lane, 1 as choice from accepted where is_scheduler
  union all
  select accepted.*, 'any' as lane, 2 as choice from accepted
),
lane_of_task as (
  select registration.*, concat('=', process_key) as lane from registration where process_key is not null
  union all
  select registration.*, 'scheduler' as lane from registration where process_key is null
  union all
  select registration.*, 'any' as lane from registration where process_key is null
),
moment as (
  select distinct host, lane, time_us as at_us, 0 as turn, time_us as accepted_us
  from lane_of_connection
  union all
  select distinct host, lane, time_us as at_us, 1 as turn, cast(null as bigint) as accepted_us
  from lane_of_task
),
timeline as (
  select
    host,
    lane,
    at_us,
    turn,
    max(accepted_us) over (
      partition by host, lane order by at_us, turn rows between unbounded preceding and current row
    ) as before_us,
    min(accepted_us) over (
      partition by host, lane order by at_us, turn rows between current row and unbounded following
    ) as after_us
  from moment
),
/* the latest connection before, else, as clocks are, the first within a second after */
caused as (
  select
    lane_of_task.host,
    lane_of_task.lane,
    lane_of_task.time_us,
    lane_of_task.name,
    lane_of_task.process_key,
    lane_of_task.command_line,
    lane_of_task.user_name,
    case
      when timeline.before_us >= lane_of_task.time_us - $task_us then timeline.before_us
      when timeline.after_us <= lane_of_task.time_us + 1000000 then timeline.after_us
    end as accepted_us
  from lane_of_task
  join timeline
    on timeline.host = lane_of_task.host
    and timeline.lane = lane_of_task.lane
    and timeline.at_us = lane_of_task.time_us
  where timeline.turn = 1
),
paired as (
  select
    caused.host,
    caused.time_us,
    caused.name,
    caused.command_line,
    caused.user_name,
    lane_of_connection.choice,
    lane_of_connection.time_us as accepted_us,
    lane_of_connection.src_ip,
    lane_of_connection.src_port,
    lane_of_connection.dest_ip,
    lane_of_connection.dest_port,
    lane_of_connection.observer,
    lane_of_connection.source,
    row_number() over (
      partition by caused.host, caused.time_us, caused.name, caused.process_key
      order by
        lane_of_connection.choice, lane_of_connection.src_ip, lane_of_connection.src_port, lane_of_connection.dest_ip,
        lane_of_connection.dest_port, lane_of_connection.observer, lane_of_connection.source
    ) as place
  from caused
  join lane_of_connection
    on lane_of_connection.host = caused.host
    and lane_of_connection.lane = caused.lane
    and lane_of_connection.time_us = caused.accepted_us
),
single as (
  select
    paired.*,
    case when accepted_us > time_us then accepted_us else time_us end as done_us,
    time_us // 3600000000 as hour,
    max(name) over (partition by host, src_ip, dest_ip, time_us // 3600000000) as some_name
  from paired
  where place = 1
),
/* one row for one task, however many records it left: those without its name say nothing more beside one with it */
logged as (
  select
    host,
    src_ip,
    dest_ip,
    name,
    hour,
    min(choice) as choice,
    min(accepted_us) as first_us,
    max(done_us) as last_us,
    count(distinct concat(cast(src_port as varchar), ' ', cast(dest_port as varchar))) as connections,
    min(command_line) as command_line,
    min(user_name) as user_name,
    min(observer) as observer,
    min(source) as source
  from single
  where name is not null
    or some_name is null
  group by host, src_ip, dest_ip, name, hour
),
found as (
  select
    'decoded' as tier,
    cast(1 as double) as confidence,
    weight,
    first_us,
    last_us,
    src_ip,
    dest_ip,
    host,
    user_name,
    service,
    operation,
    calls as events,
    name as target,
    command_line,
    flow_id,
    observer,
    source,
    opnum
  from decoded
  union all
  select
    'process' as tier,
    cast(case choice when 1 then 0.8 else 0.5 end as double) as confidence,
    cast(0.7 as double) as weight,
    first_us,
    last_us,
    src_ip,
    dest_ip,
    host,
    user_name,
    'ITaskSchedulerService' as service,
    cast(null as varchar) as operation,
    connections as events,
    name as target,
    command_line,
    cast(null as varchar) as flow_id,
    observer,
    source,
    cast(null as integer) as opnum
  from logged
  where not exists (
    select 1
    from decoded
    where decoded.host = logged.host
      and decoded.src_ip = logged.src_ip
      and decoded.dest_ip = logged.dest_ip
      and logged.first_us between decoded.first_us - 60000000 and decoded.last_us + 60000000
      and coalesce(logged.name = decoded.name, true)
  )
)
select
  'remote-task' as analytic,
  'T1053.005' as technique,
  tier,
  confidence,
  weight,
  make_timestamp(first_us) as start_time,
  make_timestamp(last_us) as end_time,
  src_ip,
  dest_ip,
  host,
  user_name,
  service,
  operation,
  events,
  target,
  cast(null as varchar) as image_path,
  command_line,
  flow_id,
  observer,
  source
from found
order by start_time, src_ip, dest_ip, technique, service, operation, tier, host, target, opnum, last_us
