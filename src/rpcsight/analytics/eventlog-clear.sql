/*
id       = "eventlog-clear"
title    = "Event log emptied from another machine"
about    = "ElfrClearELF of eventlog, or EvtRpcClearLog of IEventService, called over the network."
why      = "Emptying a log takes away the record of what was done before; administrators seldom do it from afar."
source   = "MITRE ATT&CK T1070.001; MS-EVEN 3.1.4.9; MS-EVEN6; BZAR (Defense_Evasion, T1070.001)"
kind     = "attack"
attack   = ["T1070.001"]
d3fend   = ["D3-RTA"]
needs    = ["rpc_call"]
uses     = ["rpc_call", "rpc_interface", "rpc_operation", "rpc_name", "rpc_technique", "called", "telling", "technique_call"]
mistaken = "An administrator who empties a log in the event viewer, connected to that machine."
blind    = "Flow records; encrypted SMB sessions; logs emptied on the machine itself; calls with privacy over TCP show their number, not which log."
*/
select
  'eventlog-clear' as analytic,
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
  cast(null as varchar) as target,
  cast(null as varchar) as image_path,
  cast(null as varchar) as command_line,
  flow_id,
  observer,
  source
from technique_call
where technique = 'T1070.001'
order by start_time, src_ip, dest_ip, technique, service, operation, interface, opnum, transport_protocol
