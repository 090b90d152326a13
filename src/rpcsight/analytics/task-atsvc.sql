/*
id       = "task-atsvc"
title    = "Scheduled task made over a pipe, or with the old interfaces"
about    = "Calls that make, run or enable a task: of ATSvc and SASec, which only old systems and tools use, and of ITaskSchedulerService inside SMB (pipe atsvc); where no calls are recorded, a task that the server's own log shows being registered in a logon session from another machine, or soon after one opened that pipe."
why      = "A task runs a program on another machine as any account. The old interfaces are what at.exe and tools written to its time speak; Windows' own tools use TCP."
source   = "MITRE ATT&CK T1053.002, T1053.005; MS-TSCH 2.1; BZAR (Execution, T1053.002, T1053.005); Windows Security 4624, 4698, 5145"
kind     = "attack"
attack   = ["T1053.002", "T1053.005"]
d3fend   = ["D3-RTA"]
needs    = ["rpc_call", "host_event"]
uses     = ["rpc_call", "host_flow", "host_event", "rpc_interface", "rpc_operation", "rpc_name", "rpc_technique", "called", "telling", "technique_call", "host_address", "registration", "remote_cause"]
mistaken = "Management of machines older than Windows 8, with at.exe or the scheduler's first interface. In the server's log alone: a task registered over TCP, or within a session of WinRM, which is a logon over the network, too; one of Windows' own in the minute after the pipe was opened, where only the registry tells of it (confidence 0.7); a machine that reaches itself by an address that its log shows no connection of."
blind    = "Flow records; encrypted SMB sessions; the task scheduler over TCP (remote-task); what the task runs, where calls are all there is. Logs of calls leave out what was not answered. Servers' logs: a task only run or changed; one registered without 4698 later than task_s after the pipe was opened; clients with a link-local address, which may be the server's own."
*/
with decoded as (
  select *
  from technique_call
  where technique in ('T1053.002', 'T1053.005')
    and interface in (
      '1ff70682-0a51-30e8-076d-740be8cee98b', '378e52b0-c0a9-11cf-822d-00aa0051e40f', '86d35949-83c9-4044-b424-db363231fd0c'
    )
),
/* calls say better what was made, over TCP (remote-task), too */
said as (
  select distinct host_address.host, decoded.src_ip, decoded.hour
  from decoded
  join host_address
    on host_address.ip = decoded.dest_ip
),
runs as (
  select host, name, time_us // 3600000000 as hour, min(command_line) as command_line
  from registration
  where name is not null
  group by host, name, time_us // 3600000000
),
logged as (
  select
    host,
    src_ip,
    name,
    time_us // 3600000000 as hour,
    max(confidence) as confidence,
    min(first_us) as first_us,
    max(time_us) as last_us,
    count(distinct time_us) as events,
    min(dest_ip) as dest_ip,
    min(user_name) as user_name,
    min(observer) as observer,
    min(source) as source
  from remote_cause
  where action = 'task'
  group by host, src_ip, name, time_us // 3600000000
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
    cast(null as varchar) as host,
    user_name,
    service,
    operation,
    calls as events,
    pipe as target,
    cast(null as varchar) as command_line,
    flow_id,
    observer,
    source,
    interface,
    opnum,
    transport_protocol
  from decoded
  where interface <> '86d35949-83c9-4044-b424-db363231fd0c'
    or transport_protocol = 'smb'
  union all
  select
    'T1053.005' as technique,
    'process' as tier,
    logged.confidence,
    cast(0.7 as double) as weight,
    logged.first_us,
    logged.last_us,
    logged.src_ip,
    logged.dest_ip,
    logged.host,
    logged.user_name,
    'ITaskSchedulerService' as service,
    cast(null as varchar) as operation,
    logged.events,
    logged.name as target,
    runs.command_line,
    cast(null as varchar) as flow_id,
    logged.observer,
    logged.source,
    cast(null as varchar) as interface,
    cast(null as integer) as opnum,
    cast(null as varchar) as transport_protocol
  from logged
  left join runs
    on runs.host = logged.host
    and runs.name = logged.name
    and runs.hour = logged.hour
  where not exists (
    select 1
    from said
    where said.host = logged.host
      and said.src_ip = logged.src_ip
      and said.hour = logged.hour
  )
)
select
  'task-atsvc' as analytic,
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
  cast(null as varchar) as image_path,
  command_line,
  flow_id,
  observer,
  source
from found
order by start_time, src_ip, dest_ip, technique, service, operation, tier, interface, opnum, transport_protocol, host, target, last_us
