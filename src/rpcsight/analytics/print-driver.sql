/*
id       = "print-driver"
title    = "Printer driver, port monitor or print processor installed from afar (PrintNightmare)"
about    = "Calls of the spooler (winspool, IRemoteWinspool) that add a driver, a port monitor or a print processor on another machine."
why      = "The spooler loads such a library as SYSTEM: CVE-2021-1675 and CVE-2021-34527 let any user name one on a share, and a monitor starts at every boot."
source   = "MITRE ATT&CK T1547.010, T1547.012; MS-RPRN 3.1.4.4.8; MS-PAR 3.1.4.2.2; BZAR (Persistence, T1547.010)"
kind     = "attack"
attack   = ["T1547.012", "T1547.010"]
d3fend   = ["D3-RTA"]
needs    = ["rpc_call"]
uses     = ["rpc_call", "rpc_interface", "rpc_operation", "rpc_name", "rpc_technique", "called", "telling", "technique_call"]
mistaken = "Print management that installs drivers on print servers; clients whose driver is pushed."
blind    = "Flow records; encrypted SMB sessions; which library, and whether the server loaded it."
*/
select
  'print-driver' as analytic,
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
where technique in ('T1547.010', 'T1547.012')
order by start_time, src_ip, dest_ip, technique, service, operation, interface, opnum, transport_protocol
