/*
id       = "remote-service"
title    = "A service made, changed or started over TCP, from another computer"
about    = "Calls of the service control manager over TCP that install, change or start a service, with the process that came of it; where no calls are recorded, a connection that services.exe accepted and the process that it started then."
why      = "Whatever program a service names runs as the system: the usual way to execute on another computer, PsExec's among others."
source   = "MITRE ATT&CK T1543.003, T1569.002; MITRE CAR-2014-03-005, with the parent's process; MS-SCMR; BZAR"
kind     = "attack"
attack   = ["T1543.003", "T1569.002"]
d3fend   = ["D3-RTA", "D3-PLA"]
needs    = ["rpc_call", "host_flow", "process", "host_event"]
uses     = ["rpc_call", "host_flow", "process", "host_event", "rpc_interface", "rpc_operation", "rpc_name", "rpc_technique", "called", "telling", "technique_call", "host_address", "host_skew", "launch", "consequence"]
mistaken = "Software distribution and administration, which install and start services alike; a service that starts for another reason in the seconds after a connection."
blind    = "Flow records; services over a named pipe (service-pipe); hosts' logs without the connections of services.exe, which most Sysmon configurations leave out; a service that is only installed, where the host's log is all there is."
*/
with decoded as (
  select
    technique_call.*,
    consequence.host,
    consequence.image_path,
    consequence.command_line
  from technique_call
  left join consequence
    on consequence.src_ip = technique_call.src_ip
    and consequence.dest_ip = technique_call.dest_ip
    and consequence.interface = technique_call.interface
    and consequence.opnum = technique_call.opnum
    and consequence.technique = technique_call.technique
    and consequence.transport_protocol = technique_call.transport_protocol
    and consequence.hour = technique_call.hour
  where technique_call.interface = '367abb81-9844-35f1-ad32-98f038001003'
    and technique_call.technique in ('T1543.003', 'T1569.002')
    and technique_call.transport_protocol = 'tcp'
),
accepted as (
  select
    lower(host) as host,
    time_us,
    src_ip,
    src_port,
    dest_ip,
    dest_port,
    process_guid,
    coalesce(cast(pid as varchar), process_guid) as parent,
    observer,
    source
  from host_flow
  where not is_outbound
    and transport_protocol = 'tcp'
    and lower(concat('/', replace(image_path, '\', '/'))) like '%/services.exe'
    and src_ip <> dest_ip
    and src_ip not like '127.%'
    and src_ip <> '::1'
    and time_us between 0 and 4102444799999999
    and time_us >= $since_us
    and time_us < $until_us
),
/* a parent is known by its number, or where a log lacks that by Sysmon's id; older Windows does not name it */
child as (
  select distinct host, cast(parent_pid as varchar) as parent, time_us, image_path, command_line
  from launch
  where kind = 'services' and parent_pid is not null
  union
  select distinct host, parent_guid as parent, time_us, image_path, command_line
  from launch
  where kind = 'services' and parent_guid is not null
  union
  select distinct lower(host) as host, cast(parent_pid as varchar) as parent, time_us, image_path, command_line
  from process
  where parent_image_path is null
    and parent_pid is not null
    and time_us between 0 and 4102444799999999
),
moment as (
  select distinct host, parent, time_us as at_us, 0 as turn, time_us as accepted_us
  from accepted
  union all
  select distinct host, parent, time_us as at_us, 1 as turn, cast(null as bigint) as accepted_us
  from child
),
timeline as (
  select
    host,
    parent,
    at_us,
    turn,
    max(accepted_us) over (
      partition by host, parent order by at_us, turn rows between unbounded preceding and current row
    ) as before_us,
    min(accepted_us) over (
      partition by host, parent order by at_us, turn rows between current row and unbounded following
    ) as after_us
  from moment
),
/* the latest connection before, else, as clocks are, the first within a second after */
caused as (
  select
    child.host,
    child.parent,
    child.time_us,
    child.image_path,
    child.command_line,
    case
      when timeline.before_us >= child.time_us - $service_us then timeline.before_us
      when timeline.after_us <= child.time_us + 1000000 then timeline.after_us
    end as accepted_us
  from child
  join timeline
    on timeline.host = child.host
    and timeline.parent = child.parent
    and timeline.at_us = child.time_us
  where timeline.turn = 1
),
paired as (
  select
    accepted.host,
    accepted.time_us as accepted_us,
    accepted.src_ip,
    accepted.src_port,
    accepted.dest_ip,
    accepted.dest_port,
    accepted.observer,
    accepted.source,
    caused.time_us,
    caused.image_path,
    caused.command_line,
    row_number() over (
      partition by accepted.host, accepted.time_us, accepted.src_ip, accepted.src_port, accepted.dest_ip, accepted.dest_port
      order by caused.time_us, caused.image_path, caused.command_line, accepted.observer, accepted.source
    ) as place
  from accepted
  join caused
    on caused.host = accepted.host
    and caused.parent = accepted.parent
    and caused.accepted_us = accepted.time_us
),
/* the rows of calls say it already, and better */
alone as (
  select host, accepted_us, src_ip, src_port, dest_ip, dest_port, observer, source, time_us, image_path, command_line
  from paired
  where place = 1
    and not exists (
      select 1
      from decoded
      where decoded.host = paired.host
        and decoded.src_ip = paired.src_ip
        and decoded.dest_ip = paired.dest_ip
        and paired.accepted_us between decoded.first_us - 60000000 and decoded.last_us + 60000000
    )
),
/* what was installed within $service_us of either lies in the slot of its beginning or in the next one */
near as (
  select alone.*, (accepted_us - $service_us) // (3 * $service_us + 1000000) + shift.slots as slot
  from alone
  cross join (select 0 as slots union all select 1) as shift
),
installed as (
  select
    near.host,
    near.accepted_us,
    near.src_ip,
    near.src_port,
    near.dest_ip,
    near.dest_port,
    host_event.name,
    row_number() over (
      partition by near.host, near.accepted_us, near.src_ip, near.src_port, near.dest_ip, near.dest_port
      order by host_event.time_us, host_event.name
    ) as place
  from near
  join host_event
    on lower(host_event.host) = near.host
    and host_event.time_us // (3 * $service_us + 1000000) = near.slot
  where host_event.action = 'service'
    and host_event.name is not null
    and host_event.time_us >= near.accepted_us - $service_us
    and host_event.time_us <= near.time_us + $service_us
),
started as (
  select alone.*, installed.name
  from alone
  left join installed
    on installed.place = 1
    and installed.host = alone.host
    and installed.accepted_us = alone.accepted_us
    and installed.src_ip = alone.src_ip
    and installed.src_port = alone.src_port
    and installed.dest_ip = alone.dest_ip
    and installed.dest_port = alone.dest_port
),
done as (
  select 'T1569.002' as technique, * from started
  union all
  select 'T1543.003' as technique, * from started where name is not null
),
found as (
  select
    technique,
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
    cast(null as varchar) as target,
    image_path,
    command_line,
    flow_id,
    observer,
    source,
    opnum as place,
    cast(null as integer) as src_port,
    cast(null as integer) as dest_port
  from decoded
  union all
  select
    technique,
    'process' as tier,
    cast(0.9 as double) as confidence,
    cast(0.8 as double) as weight,
    accepted_us as first_us,
    case when time_us > accepted_us then time_us else accepted_us end as last_us,
    src_ip,
    dest_ip,
    host,
    cast(null as varchar) as user_name,
    'svcctl' as service,
    cast(null as varchar) as operation,
    cast(1 as bigint) as events,
    name as target,
    image_path,
    command_line,
    cast(null as varchar) as flow_id,
    observer,
    source,
    cast(null as integer) as place,
    src_port,
    dest_port
  from done
)
select
  'remote-service' as analytic,
  technique,
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
  image_path,
  command_line,
  flow_id,
  observer,
  source
from found
order by start_time, src_ip, dest_ip, technique, service, operation, tier, place, host, src_port, dest_port
