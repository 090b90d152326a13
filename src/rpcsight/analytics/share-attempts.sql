/*
id       = "share-attempts"
title    = "Many connections to administrative shares, as BZAR counts them"
about    = "One client connects five times or more to C$ or ADMIN$ within five minutes of the clock, of whichever servers, whether or not anything was written there."
why      = "Whoever tries one account on many hosts, or copies a tool to them, begins with these shares; share-writes is the form that asks for written files."
source   = "MITRE BZAR, Lateral_Movement_Multiple_Attempts (scripts/main.zeek, bzar_config_options.zeek: 5 in 5 minutes)"
kind     = "published"
of_many  = true
attack   = ["T1021.002"]
d3fend   = ["D3-RTA"]
needs    = ["smb_event"]
uses     = ["smb_event"]
mistaken = "Administrators' consoles and scripts, backup, inventory: five connections may all be to one server."
blind    = "Flow records; encrypted SMB sessions; shares of other drives; slower attempts. BZAR's periods begin with Zeek, ours with the clock, so that a burst can fall on two sides of either; smb_mapping.log leaves out what was refused."
*/
with connected as (
  select
    src_ip, coalesce(dest_ip, observer) as server, coalesce(time_us, flow_us) // 300000000 as slot, observer,
    min(coalesce(time_us, flow_us)) as first_us, max(coalesce(time_us, flow_us)) as last_us, count(*) as connects,
    min(nullif(user_name, '')) as user_name, min(dest_ip) as dest_ip, min(source) as source
  from smb_event
  where action = 'share'
    and coalesce(name, '') = ''
    and (replace(lower(share), '\', '/') like '%/c$%' or replace(lower(share), '\', '/') like '%/admin$%')
    and src_ip is not null
    and coalesce(time_us, flow_us) is not null
    and coalesce(flow_us, time_us) >= $since_us
    and coalesce(flow_us, time_us) < $until_us
  group by src_ip, coalesce(dest_ip, observer), coalesce(time_us, flow_us) // 300000000, observer
),
reached as (
  select
    src_ip, server, slot,
    min(first_us) as first_us, max(last_us) as last_us, max(connects) as connects,
    min(user_name) as user_name, min(dest_ip) as dest_ip, min(observer) as observer, min(source) as source
  from connected
  group by src_ip, server, slot
)
select
  'share-attempts' as analytic,
  'T1021.002' as technique,
  cast(null as varchar) as tier,
  cast(1 as double) as confidence,
  cast(0.3 as double) as weight,
  make_timestamp(min(first_us)) as start_time,
  make_timestamp(max(last_us)) as end_time,
  src_ip,
  case when count(*) = 1 then min(dest_ip) end as dest_ip,
  cast(null as varchar) as host,
  min(user_name) as user_name,
  cast(null as varchar) as service,
  cast(null as varchar) as operation,
  cast(sum(connects) as bigint) as events,
  case when count(*) = 1 then '1 server' else concat(cast(count(*) as varchar), ' servers, such as ', min(server), ' and ', max(server)) end as target,
  cast(null as varchar) as image_path,
  cast(null as varchar) as command_line,
  cast(null as varchar) as flow_id,
  min(observer) as observer,
  min(source) as source
from reached
group by src_ip, slot
having sum(connects) >= $copies
order by start_time, src_ip, end_time
