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
uses     = ["reading", "candidate", "sighting", "pair", "connection", "mapper", "matched", "rpc_bind", "rpc_call", "rpc_mapping", "host_flow", "rpc_interface", "rpc_operation", "rpc_name", "rpc_technique", "known", "lone", "activity", "uttered", "spoken", "named", "fact", "judged", "decoded", "sole_service", "answering", "listening", "service_evidence", "server_epoch", "learned", "served"]
mistaken = "A connection to any service on a high port of a host whose endpoint mapper was asked within the window (backup agents, HTTP on high ports)."
blind    = "RPC inside SMB pipes (445), RPC over HTTP (593), WinRM (5985/5986), servers with fixed ports below the dynamic range, loopback."
*/
select
  judged.src_ip,
  judged.dest_ip,
  make_timestamp(judged.start_us) as start_time,
  judged.src_port,
  judged.dest_port,
  make_timestamp(judged.mapper_us) as mapper_time,
  judged.mapper_count,
  cast(judged.gap_us as double) / 1000000 as gap_s,
  judged.basis,
  judged.interface,
  judged.version as interface_version,
  judged.calls,
  judged.named_by,
  served.service,
  served.operation,
  served.tier,
  served.tier_confidence,
  judged.is_strict,
  true as is_robust,
  judged.mapper_id,
  judged.flow_id,
  judged.observer,
  judged.source
from judged
left join served
  on served.src_ip = judged.src_ip
  and served.src_port = judged.src_port
  and served.dest_ip = judged.dest_ip
  and served.dest_port = judged.dest_port
  and served.start_us = judged.start_us
order by start_time, flow_id, src_ip, src_port, dest_ip, dest_port, observer, source
