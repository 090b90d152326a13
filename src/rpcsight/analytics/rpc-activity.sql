/*
id       = "rpc-activity"
title    = "RPC activity, robust"
about    = "One row per connection to a dynamic port that a connection to the endpoint mapper explains, on records as they really are."
why      = "The rule as published misses Linux and NAT clients, coarse clocks and long mapper connections, and counts failed and doubled records; this finds what it means."
source   = "MITRE CAR-2014-05-001; D3FEND D3-RTA"
kind     = "list"
attack   = ["T1021.002", "T1021.003", "T1021.006", "T1047", "T1053.005", "T1543.003", "T1569.002"]
d3fend   = ["D3-RTA"]
needs    = ["flow"]
uses     = ["reading", "candidate", "sighting", "pair", "connection", "mapper", "matched", "rpc_bind", "rpc_call", "rpc_mapping", "known", "lone", "activity", "spoken", "named", "fact", "judged"]
mistaken = "A connection to any service on a high port of a host whose endpoint mapper was asked within the window (backup agents, HTTP on high ports)."
blind    = "RPC inside SMB pipes (445), RPC over HTTP (593), WinRM (5985/5986), servers with fixed ports below the dynamic range, loopback."
*/
select
  src_ip,
  dest_ip,
  make_timestamp(start_us) as start_time,
  src_port,
  dest_port,
  make_timestamp(mapper_us) as mapper_time,
  mapper_count,
  cast(gap_us as double) / 1000000 as gap_s,
  basis,
  interface,
  version as interface_version,
  calls,
  named_by,
  is_strict,
  true as is_robust,
  mapper_id,
  flow_id,
  observer,
  source
from judged
order by start_time, flow_id, src_ip, src_port, dest_ip, dest_port, observer, source
