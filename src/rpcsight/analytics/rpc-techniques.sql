/*
id       = "rpc-techniques"
title    = "Calls that can serve a technique"
about    = "Every operation called that can serve an ATT&CK technique, by client, server and hour: BZAR's list and more, each with how strongly it speaks for it."
why      = "What was called says what it can have been for; most of it is administration and the domain's own traffic, so look at the weight, and at who asks whom."
source   = "MITRE BZAR; docs/techniques.md"
kind     = "list"
attack   = ["T1003", "T1021.003", "T1047", "T1053.005", "T1069", "T1087", "T1187", "T1543.003", "T1569.002"]
d3fend   = ["D3-RTA"]
needs    = ["rpc_call"]
uses     = ["rpc_call", "rpc_interface", "rpc_operation", "rpc_name", "rpc_technique", "called", "telling", "technique_call"]
mistaken = "Administration and the domain's own traffic, which make the same calls: weights below 0.3 are everyday."
blind    = "Flow records; encrypted SMB sessions; arguments. Logs of calls: what they leave out (Zeek: unanswered calls)."
*/
select
  'rpc-techniques' as analytic,
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
order by start_time, src_ip, dest_ip, technique, service, operation, opnum, transport_protocol
