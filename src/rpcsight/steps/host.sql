/* host: each host of the input's stories, as the baseline knows it, else as the input shows it. */
with seen as (
  select src_ip as ip from story where src_ip <> ''
  union
  select dest_ip as ip from story where dest_ip <> ''
),
/* the address, of hosts that leases tell their last, and IPv6 with the zeros that its short form leaves out */
spelt as (
  select
    ip,
    case when place like '%::%' then replace(place, '::', concat(':', repeat('0:', 8 - (length(place) - length(replace(place, ':', '')))))) else place end as address
  from (
    select seen.ip, coalesce(host_place.ip, seen.ip) as place
    from seen
    left join host_place on host_place.host = seen.ip
  ) as placed
)
select
  spelt.ip,
  coalesce(case when known_host.role <> 'unknown' then known_host.role end, role.role, 'unknown') as role,
  coalesce(case when known_host.role <> 'unknown' then known_host.role end, role.role, 'unknown')
    in ('domain controller', 'server', 'management server') as is_server,
  coalesce(case when known_host.role <> 'unknown' then known_host.role_evidence end, role.role_evidence) as role_evidence,
  case when spelt.address like '%:%' then concat(split_part(spelt.address, ':', 1), ':', split_part(spelt.address, ':', 2), ':', split_part(spelt.address, ':', 3))
    else concat(split_part(spelt.address, '.', 1), '.', split_part(spelt.address, '.', 2)) end as site,
  case when spelt.address like '%:%' then split_part(spelt.address, ':', 4) else split_part(spelt.address, '.', 3) end as subnet,
  known_host.ip is not null as is_known,
  coalesce(known_host.clients, 0) as clients,
  coalesce(known_host.ties, 0.0) as ties,
  coalesce(known_host.servers, 0) as servers,
  coalesce(known_host.days, 0) as days,
  coalesce(known_host.servers_a_day, 0.0) as servers_a_day,
  coalesce(known_host.settled_days, 0) as settled_days,
  coalesce(known_host.new_hosts, 0) as new_hosts,
  coalesce(known_host.new_servers, 0) as new_servers,
  coalesce(known_host.new_clients, 0) as new_clients
from spelt
left join known_host on known_host.ip = spelt.ip
left join role on role.ip = spelt.ip
