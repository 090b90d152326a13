/*
id       = "rpc-activity"
title    = "RPC activity, robust"
about    = "One row per connection to a dynamic port that a connection to the endpoint mapper explains, on records as they really are."
why      = "The rule as published misses Linux and NAT clients, coarse clocks and long mapper connections, and counts failed and doubled records; this finds what it means."
source   = "MITRE CAR-2014-05-001; D3FEND D3-RTA"
attack   = ["T1021.002", "T1021.003", "T1021.006", "T1047", "T1053.005", "T1543.003", "T1569.002"]
d3fend   = ["D3-RTA"]
needs    = ["flow"]
uses     = ["reading", "candidate", "sighting", "connection", "mapper", "matched", "strict_endpoint", "activity"]
mistaken = "A connection to any service on a high port of a host whose endpoint mapper was asked within the window (backup agents, HTTP on high ports)."
blind    = "RPC inside SMB pipes (445), RPC over HTTP (593), WinRM (5985/5986), servers with fixed ports below the dynamic range, loopback."
*/
select
  activity.src_ip,
  activity.dest_ip,
  make_timestamp(activity.start_us) as start_time,
  activity.src_port,
  activity.dest_port,
  make_timestamp(activity.mapper_us) as mapper_time,
  activity.mapper_count,
  cast(activity.gap_us as double) / 1000000 as gap_s,
  activity.basis,
  not activity.is_exchanged and strict_endpoint.flow_id is not null as is_strict,
  true as is_robust,
  activity.mapper_id,
  activity.flow_id,
  activity.observer,
  activity.source
from activity
left join strict_endpoint
  on strict_endpoint.flow_id = activity.flow_id
  and strict_endpoint.source = activity.source
  and strict_endpoint.observer = activity.observer
  and strict_endpoint.start_us = activity.start_us
  and strict_endpoint.src_ip = activity.src_ip
  and strict_endpoint.src_port = activity.src_port
  and strict_endpoint.dest_ip = activity.dest_ip
  and strict_endpoint.dest_port = activity.dest_port
where activity.place = 1
order by start_time, flow_id, src_ip, src_port, dest_ip, dest_port, observer
