/*
id       = "service-pipe"
title    = "Service made or started over a pipe"
about    = "Calls of the service control manager inside SMB (pipe svcctl) that make, change or start a service on another machine; where no calls are recorded, a service that the server's own log shows being installed in a logon session from another machine, or just after one opened that pipe."
why      = "A service runs as SYSTEM: PsExec and its like copy a program and start it so; over the pipe no connection to an endpoint shows it."
source   = "MITRE ATT&CK T1543.003, T1569.002; MS-SCMR 2.1.2; BZAR (Execution, T1569.002); Windows Security 4624, 4697, 5145, System 7045"
kind     = "attack"
attack   = ["T1543.003", "T1569.002"]
d3fend   = ["D3-RTA"]
needs    = ["rpc_call", "host_event"]
uses     = ["rpc_call", "host_flow", "host_event", "rpc_interface", "rpc_operation", "rpc_name", "rpc_technique", "called", "telling", "technique_call", "host_address", "remote_cause"]
mistaken = "Software distribution, backup agents and administrators with sc.exe or PsExec, which do the same. In the server's log alone: a service made over TCP, or within a session of WinRM, which is a logon over the network, too; one that something else installed in the seconds after the pipe was opened (confidence 0.7); a machine that reaches itself by an address that its log shows no connection of."
blind    = "Flow records; encrypted SMB sessions; the same over TCP (remote-service); which service it was, where calls are all there is. Logs of calls leave out what was not answered. Servers' logs: a service only started or changed; one installed without 4697 later than service_s after the pipe was opened; clients with a link-local address, which may be the server's own."
*/
with decoded as (
  select *
  from technique_call
  where interface = '367abb81-9844-35f1-ad32-98f038001003'
    and technique in ('T1543.003', 'T1569.002')
),
/* calls say better what was made, over TCP (remote-service), too */
said as (
  select distinct host_address.host, decoded.src_ip, decoded.hour
  from decoded
  join host_address
    on host_address.ip = decoded.dest_ip
  where decoded.technique = 'T1543.003'
),
logged as (
  select
    host,
    src_ip,
    name,
    detail,
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
  where action = 'service'
  group by host, src_ip, name, detail, time_us // 3600000000
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
    opnum
  from decoded
  where transport_protocol = 'smb'
  union all
  select
    'T1543.003' as technique,
    'process' as tier,
    confidence,
    cast(0.7 as double) as weight,
    first_us,
    last_us,
    src_ip,
    dest_ip,
    host,
    user_name,
    'svcctl' as service,
    cast(null as varchar) as operation,
    events,
    name as target,
    detail as command_line,
    cast(null as varchar) as flow_id,
    observer,
    source,
    cast(null as integer) as opnum
  from logged
  where not exists (
    select 1
    from said
    where said.host = logged.host
      and said.src_ip = logged.src_ip
      and said.hour = logged.hour
  )
)
select
  'service-pipe' as analytic,
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
order by start_time, src_ip, dest_ip, technique, service, operation, tier, opnum, host, target, command_line, last_us
