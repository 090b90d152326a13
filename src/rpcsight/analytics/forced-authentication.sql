/*
id       = "forced-authentication"
title    = "A machine told to log on elsewhere"
about    = "Calls whose path or name of a machine makes the server log on there: EFSR, the spooler's notifications, FSRVP, DFSNM, and backup of event logs."
why      = "The machine's account logs on to a host that the caller names (PetitPotam, PrinterBug, ShadowCoerce, DFSCoerce); relayed, that is a domain controller's account."
source   = "MITRE ATT&CK T1187; MS-EFSR, MS-RPRN 3.1.4.10.4, MS-FSRVP, MS-DFSNM, MS-EVEN 3.1.4.11"
kind     = "attack"
attack   = ["T1187"]
d3fend   = ["D3-RTA"]
needs    = ["rpc_call"]
uses     = ["rpc_call", "rpc_interface", "rpc_operation", "rpc_name", "rpc_technique", "called", "telling", "technique_call"]
mistaken = "Print clients that ask for notifications, backup of file servers, changes of namespaces: each has few known callers."
blind    = "Flow records; encrypted SMB sessions; which machine was named. The logon that follows is not looked for."
*/
select
  'forced-authentication' as analytic,
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
where technique = 'T1187'
  and weight >= 0.5
order by start_time, src_ip, dest_ip, technique, service, operation, interface, opnum, transport_protocol
