/*
id       = "mapper-sweep"
title    = "Endpoint mappers of many servers asked"
about    = "A client that has everything listed which three servers or more offer (ept_lookup) within an hour of the clock; or one that connects to the mapper of twenty servers or more within ten minutes, answered or not."
why      = "Whoever looks for what can be attacked asks every mapper what it knows; a client of the domain asks a few servers, for one interface each."
source   = "MITRE ATT&CK T1046; C706 appendix L (ept_lookup); impacket's rpcdump"
kind     = "attack"
of_many  = true
attack   = ["T1046"]
d3fend   = ["D3-RTA"]
needs    = ["flow", "rpc_call"]
uses     = ["reading", "candidate", "sighting", "rpc_call", "rpc_interface", "rpc_operation", "rpc_name", "rpc_technique", "called", "telling", "technique_call"]
mistaken = "Vulnerability scanners, inventory and monitoring over WMI, which begins at the mapper; portqry and rpcping in an administrator's hands."
blind    = "One server or two that are asked for everything (rpc-techniques lists those calls; old mail clients make them); slow sweeps, and sweeps by many clients; the mapper over HTTP (port 593) or over SMB's pipe in flow records; refused connections that the sensor does not record."
*/
with asked as (
  select
    src_ip, dest_ip, hour,
    min(first_us) as first_us, max(last_us) as last_us, sum(calls) as calls, min(service) as service, min(operation) as operation,
    min(user_name) as user_name, min(flow_id) as flow_id, min(observer) as observer, min(source) as source
  from technique_call
  where technique = 'T1046' and interface = 'e1af8308-5d1f-11c9-91a4-08002b14a0fa' and opnum = 2
  group by src_ip, dest_ip, hour
),
lookup as (
  select
    src_ip, hour,
    min(first_us) as first_us, max(last_us) as last_us, sum(calls) as calls, count(*) as servers,
    min(dest_ip) as first_ip, max(dest_ip) as last_ip, min(service) as service, min(operation) as operation, min(user_name) as user_name,
    min(flow_id) as flow_id, min(observer) as observer, min(source) as source
  from asked
  group by src_ip, hour
  having count(*) >= 3
),
tried as (
  select
    src_ip, dest_ip, start_us // 600000000 as slot, observer,
    min(start_us) as first_us, max(start_us) as last_us, count(*) as flows, min(flow_id) as flow_id, min(source) as source
  from sighting
  where is_mapper and (left_out is null or left_out = 'failed')
  group by src_ip, dest_ip, start_us // 600000000, observer
),
server as (
  select
    src_ip, dest_ip, slot,
    min(first_us) as first_us, max(last_us) as last_us, max(flows) as flows,
    min(flow_id) as flow_id, min(observer) as observer, min(source) as source
  from tried
  group by src_ip, dest_ip, slot
),
sweep as (
  select
    src_ip, slot,
    min(first_us) as first_us, max(last_us) as last_us, sum(flows) as flows, count(*) as servers,
    min(dest_ip) as first_ip, max(dest_ip) as last_ip, min(flow_id) as flow_id, min(observer) as observer, min(source) as source
  from server
  group by src_ip, slot
  having count(*) >= $mapper_servers
)
select
  'mapper-sweep' as analytic,
  'T1046' as technique,
  'decoded' as tier,
  cast(1 as double) as confidence,
  cast(0.7 as double) as weight,
  make_timestamp(first_us) as start_time,
  make_timestamp(last_us) as end_time,
  src_ip,
  cast(null as varchar) as dest_ip,
  cast(null as varchar) as host,
  user_name,
  service,
  operation,
  cast(calls as bigint) as events,
  concat(cast(servers as varchar), ' servers, such as ', first_ip, ' and ', last_ip) as target,
  cast(null as varchar) as image_path,
  cast(null as varchar) as command_line,
  flow_id,
  observer,
  source
from lookup
union all
select
  'mapper-sweep' as analytic,
  'T1046' as technique,
  cast(null as varchar) as tier,
  cast(0.7 as double) as confidence,
  cast(0.5 as double) as weight,
  make_timestamp(first_us) as start_time,
  make_timestamp(last_us) as end_time,
  src_ip,
  cast(null as varchar) as dest_ip,
  cast(null as varchar) as host,
  cast(null as varchar) as user_name,
  cast(null as varchar) as service,
  cast(null as varchar) as operation,
  cast(flows as bigint) as events,
  concat(cast(servers as varchar), ' servers, such as ', first_ip, ' and ', last_ip) as target,
  cast(null as varchar) as image_path,
  cast(null as varchar) as command_line,
  flow_id,
  observer,
  source
from sweep
order by start_time, src_ip, dest_ip, technique, service, operation, end_time, target
