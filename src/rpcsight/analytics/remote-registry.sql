/*
id       = "remote-registry"
title    = "Registry of another machine written or copied out"
about    = "Calls of winreg that write, remove or replace parts of another machine's registry, or save a branch of it into a file."
why      = "Saved branches SAM and SECURITY hold password hashes; written ones make programs start, or switch protection off. Reading alone is in rpc-techniques."
source   = "MITRE ATT&CK T1112, T1003.002; MS-RRP 3.1.5"
kind     = "attack"
attack   = ["T1112", "T1003.002"]
d3fend   = ["D3-RTA"]
needs    = ["rpc_call"]
uses     = ["rpc_call", "rpc_interface", "rpc_operation", "rpc_name", "rpc_technique", "called", "telling", "technique_call"]
mistaken = "Administration with regedit or reg.exe, inventory and installation software; backup that saves branches."
blind    = "Flow records; encrypted SMB sessions; which key, so whether it was SAM or a setting of a program. Logs of calls leave out what was not answered."
*/
select
  'remote-registry' as analytic,
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
where interface = '338cd001-2244-31f1-aaaa-900038001003'
  and technique in ('T1112', 'T1003.002')
order by start_time, src_ip, dest_ip, technique, service, operation, interface, opnum, transport_protocol
