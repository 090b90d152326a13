/*
id       = "service-pipe"
title    = "Service made or started over a pipe"
about    = "Calls of the service control manager inside SMB (pipe svcctl) that make, change or start a service on another machine."
why      = "A service runs as SYSTEM: PsExec and its like copy a program and start it so; over the pipe no connection to an endpoint shows it."
source   = "MITRE ATT&CK T1543.003, T1569.002; MS-SCMR 2.1.2; BZAR (Execution, T1569.002)"
kind     = "attack"
attack   = ["T1543.003", "T1569.002"]
d3fend   = ["D3-RTA"]
needs    = ["rpc_call"]
uses     = ["rpc_call", "rpc_interface", "rpc_operation", "rpc_name", "rpc_technique", "called", "telling", "technique_call"]
mistaken = "Software distribution, backup agents and administrators with sc.exe or PsExec, which do the same."
blind    = "Flow records; encrypted SMB sessions; the same over TCP (remote-service); which service it was. Logs of calls leave out what was not answered."
*/
select
  'service-pipe' as analytic,
  technique,
  'decoded' as tier,
  cast(1 as double) as confidence,
  weight,
  make_timestamp(first_us) as start_time,
  make_timestamp(last_us) as end_time,
  src_ip,
  dest_ip,
  cast(null as varchar) as host,
  user_name,
  service,
  operation,
  calls as events,
  pipe as target,
  cast(null as varchar) as image_path,
  cast(null as varchar) as command_line,
  flow_id,
  observer,
  source
from technique_call
where transport_protocol = 'smb'
  and interface = '367abb81-9844-35f1-ad32-98f038001003'
  and technique in ('T1543.003', 'T1569.002')
order by start_time, src_ip, dest_ip, technique, service, operation, interface, opnum, transport_protocol
