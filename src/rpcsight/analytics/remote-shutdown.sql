/*
id       = "remote-shutdown"
title    = "Machine shut down or restarted from another"
about    = "Calls that shut a machine down: of InitShutdown, WindowsShutdown, winreg, and of the terminal services."
why      = "Restarting stops what runs, starts what was put in place to start, and is the last step of those who encrypt or wipe."
source   = "MITRE ATT&CK T1529; MS-RSP; MS-TSTS 3.7.4.1.14; BZAR (Impact, T1529)"
kind     = "attack"
attack   = ["T1529"]
d3fend   = ["D3-RTA"]
needs    = ["rpc_call"]
uses     = ["rpc_call", "rpc_interface", "rpc_operation", "rpc_name", "rpc_technique", "called", "telling", "technique_call"]
mistaken = "Patching and maintenance, which restart machines, often many of them at once."
blind    = "Flow records; encrypted SMB sessions; a shutdown made by a service, a task or WMI."
*/
select
  'remote-shutdown' as analytic,
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
where technique = 'T1529'
order by start_time, src_ip, dest_ip, technique, service, operation, interface, opnum, transport_protocol
