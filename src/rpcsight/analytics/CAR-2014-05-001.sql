/*
id       = "CAR-2014-05-001"
title    = "RPC Activity, as published"
about    = "Every pair of a flow to the endpoint mapper and a later flow between the same hosts on two dynamic ports, both strictly within the window."
why      = "The auditable reference: what MITRE's page says, bit for bit, every pair, nothing left out."
source   = "https://car.mitre.org/analytics/CAR-2014-05-001/"
kind     = "published"
attack   = ["T1021.002", "T1021.003", "T1021.006", "T1047", "T1053.005", "T1543.003", "T1569.002"]
d3fend   = ["D3-RTA"]
needs    = ["flow"]
uses     = ["reading", "candidate"]
mistaken = "Failed connections, a host talking to itself, one connection recorded twice, any service on a high port right after a mapper connection."
blind    = "Clients with ports below 49152 (Linux, NAT), clocks of one second, endpoints opened later than the window or without asking the mapper; RPC inside SMB pipes, over HTTP, WinRM."
*/
with rpc_mapper as (
  select flow_id, start_us, src_ip, src_port, dest_ip, start_us // $window_us as bucket
  from candidate
  where dest_port = $mapper_port
),
rpc_endpoint as (
  select flow_id, start_us, src_ip, src_port, dest_ip, dest_port, source, start_us // $window_us as bucket
  from candidate
  where dest_port between $dynamic_low and $dynamic_high
    and src_port between $dynamic_low and $dynamic_high
),
/* an endpoint flow within the window of a mapper flow is in its bucket or the next one: equality the engine can hash */
bucketed as (
  select flow_id, start_us, src_ip, src_port, dest_ip, bucket from rpc_mapper
  union all
  select flow_id, start_us, src_ip, src_port, dest_ip, bucket + 1 as bucket from rpc_mapper
),
rpc as (
  select
    rpc_mapper.src_ip,
    rpc_mapper.dest_ip,
    rpc_mapper.start_us as mapper_us,
    rpc_mapper.src_port as mapper_src_port,
    rpc_endpoint.start_us as endpoint_us,
    rpc_endpoint.src_port as endpoint_src_port,
    rpc_endpoint.dest_port as endpoint_dest_port,
    rpc_mapper.flow_id as mapper_id,
    rpc_endpoint.flow_id as endpoint_id,
    rpc_endpoint.source
  from bucketed as rpc_mapper
  join rpc_endpoint
    on rpc_mapper.src_ip = rpc_endpoint.src_ip
    and rpc_mapper.dest_ip = rpc_endpoint.dest_ip
    and rpc_mapper.bucket = rpc_endpoint.bucket
  where rpc_mapper.start_us < rpc_endpoint.start_us
    and rpc_endpoint.start_us < rpc_mapper.start_us + $window_us
)
select
  src_ip,
  dest_ip,
  make_timestamp(mapper_us) as mapper_time,
  mapper_src_port,
  make_timestamp(endpoint_us) as endpoint_time,
  endpoint_src_port,
  endpoint_dest_port,
  cast(endpoint_us - mapper_us as double) / 1000000 as gap_s,
  mapper_id,
  endpoint_id,
  source
from rpc
order by endpoint_time, mapper_time, endpoint_id, mapper_id, src_ip, dest_ip, mapper_src_port, endpoint_src_port, endpoint_dest_port, source
