/*
id       = "rpc-internet"
title    = "RPC between an internal host and the internet"
about    = "An established connection to the endpoint mapper, RPC activity, or a call, of which exactly one end has a public address."
why      = "RPC has no business on the internet: from outside it is a server that anybody can try, from inside a host that is told to reach out."
source   = "MITRE ATT&CK T1190, T1021; Elastic's rules on RPC from and to the internet ask for port 135 alone"
kind     = "attack"
attack   = ["T1190", "T1021"]
d3fend   = ["D3-RTA"]
needs    = ["flow", "rpc_call"]
uses     = ["reading", "candidate", "sighting", "pair", "connection", "mapper", "matched", "rpc_bind", "rpc_call", "rpc_mapping", "rpc_interface", "rpc_operation", "rpc_name", "known", "lone", "activity", "uttered", "spoken", "named", "fact", "judged", "called", "contact", "public"]
mistaken = "A network whose hosts have public addresses of its own; branch offices and clouds joined over public addresses; honeypots; scanners that get an answer on 135."
blind    = "RPC over HTTP (port 593) and SMB (445) in flow records; servers behind address translation; refused and unanswered connections; ends that are both public, or both not. Addresses count as written: 192.0.2.0/24 and other reserved networks but those of RFC 1918, 6598, 3927 and 4193, loopback and groups count as public."
*/
with counted as (
  select
    src_ip, dest_ip, at_us // 3600000000 as hour, kind,
    case when kind = 'activity' then '' else observer end as seen_by,
    min(at_us) as first_us, max(at_us) as last_us, count(*) as contacts, min(service) as service, min(user_name) as user_name,
    min(flow_id) as flow_id, min(observer) as observer, min(source) as source
  from contact
  group by src_ip, dest_ip, at_us // 3600000000, kind, case when kind = 'activity' then '' else observer end
),
outer_contact as (
  select counted.*, caller.ip is not null as is_from_outside
  from counted
  left join public as caller on caller.ip = counted.src_ip
  left join public as server on server.ip = counted.dest_ip
  where (caller.ip is null and server.ip is not null) or (caller.ip is not null and server.ip is null)
),
together as (
  select
    src_ip, dest_ip, hour, kind, is_from_outside,
    min(first_us) as first_us, max(last_us) as last_us, max(contacts) as contacts, min(service) as service, min(user_name) as user_name,
    min(flow_id) as flow_id, min(observer) as observer, min(source) as source
  from outer_contact
  group by src_ip, dest_ip, hour, kind, is_from_outside
)
select
  'rpc-internet' as analytic,
  case when is_from_outside then 'T1190' else 'T1021' end as technique,
  max(case when kind = 'call' then 'decoded' end) as tier,
  cast(max(case when kind = 'call' then 1 else 0.8 end) as double) as confidence,
  cast(0.6 as double) as weight,
  make_timestamp(min(first_us)) as start_time,
  make_timestamp(max(last_us)) as end_time,
  src_ip,
  dest_ip,
  cast(null as varchar) as host,
  min(user_name) as user_name,
  min(service) as service,
  cast(null as varchar) as operation,
  cast(coalesce(max(case when kind = 'call' then contacts end), sum(contacts)) as bigint) as events,
  cast(null as varchar) as target,
  cast(null as varchar) as image_path,
  cast(null as varchar) as command_line,
  min(flow_id) as flow_id,
  min(observer) as observer,
  min(source) as source
from together
group by src_ip, dest_ip, hour, is_from_outside
order by start_time, src_ip, dest_ip, technique, end_time
