/*
id       = "dcsync"
title    = "Directory replicated to a host that is no domain controller"
about    = "DRSGetNCChanges or DRSGetNT4ChangeLog asked for by a host that nobody in this input uses as a domain controller."
why      = "Replication hands out the password hashes of every account; only domain controllers have cause to ask."
source   = "MITRE ATT&CK T1003.006; MS-DRSR 4.1.10; BZAR"
kind     = "attack"
attack   = ["T1003.006"]
d3fend   = ["D3-RTA"]
needs    = ["rpc_call"]
uses     = ["rpc_call", "rpc_mapping", "rpc_interface", "rpc_operation", "rpc_name", "rpc_technique", "called", "telling", "technique_call", "controller"]
mistaken = "A domain controller of which only the asking side was recorded; directory synchronisation to a cloud."
blind    = "Flow records; an attacker on a domain controller."
*/
select
  'dcsync' as analytic,
  technique,
  'decoded' as tier,
  cast(1 as double) as confidence,
  cast(0.9 as double) as weight,
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
where technique = 'T1003.006'
  and interface = 'e3514235-4b06-11d1-ab04-00c04fc2dcd2'
  and opnum in (3, 11)
  and src_ip not in (select ip from controller where ip is not null)
order by start_time, src_ip, dest_ip, technique, service, operation, opnum, transport_protocol
