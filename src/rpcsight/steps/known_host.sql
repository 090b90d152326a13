/* known_host: what is known of each host: its role, and how often it meets hosts and servers that it had not met, after its first days. */
with client_day as (
  select src_ip, day, sum(1 - is_held) as servers
  from met_day
  group by src_ip, day
),
started as (
  select src_ip, min(day) as first_day
  from client_day
  group by src_ip
),
active as (
  select
    client_day.src_ip as ip,
    count(*) as days,
    sum(client_day.servers) / cast(count(*) as double) as servers_a_day,
    sum(case when client_day.day >= started.first_day + $settle_days then 1 else 0 end) as settled_days
  from client_day
  join started on started.src_ip = client_day.src_ip
  group by client_day.src_ip
),
met as (
  select
    known_pair.src_ip as ip,
    sum(case when host_role.role in ('domain controller', 'server', 'management server') then 0 else 1 end) as new_hosts,
    sum(case when host_role.role in ('domain controller', 'server', 'management server') then 1 else 0 end) as new_servers
  from known_pair
  join host_role on host_role.ip = known_pair.dest_ip
  where known_pair.is_new
  group by known_pair.src_ip
),
/* each client is one tie, shared among the hosts (or among the servers) that it uses, in whole numbers, since a sum of fractions depends on
   the order of the rows */
used as (
  select
    known_pair.src_ip,
    known_pair.dest_ip,
    count(*) over (
      partition by known_pair.src_ip, host_role.role in ('domain controller', 'server', 'management server')
    ) as peers
  from known_pair
  join host_role on host_role.ip = known_pair.dest_ip
),
tied as (
  select dest_ip as ip, round(cast(sum(1000000000000 // peers) as double) / 1000000000000, 9) as ties
  from used
  group by dest_ip
),
welcomed as (
  select dest_ip as ip, count(*) as new_clients
  from known_pair
  where is_new
  group by dest_ip
),
side as (
  select src_ip as ip, min(first_day) as first_day, max(last_day) as last_day, 0 as clients, count(*) as servers
  from known_pair
  group by src_ip
  union all
  select dest_ip as ip, min(first_day) as first_day, max(last_day) as last_day, count(*) as clients, 0 as servers
  from known_pair
  group by dest_ip
  union all
  /* of whom all is held back, too */
  select ip, cast(null as integer) as first_day, cast(null as integer) as last_day, 0 as clients, 0 as servers
  from host_role
),
span as (
  select ip, min(first_day) as first_day, max(last_day) as last_day, sum(clients) as clients, sum(servers) as servers
  from side
  group by ip
),
/* the address, of hosts that leases tell their last, and IPv6 with the zeros that its short form leaves out */
spelt as (
  select
    *,
    case when place like '%::%' then replace(place, '::', concat(':', repeat('0:', 8 - (length(place) - length(replace(place, ':', '')))))) else place end as address
  from (
    select span.*, coalesce(host_place.ip, span.ip) as place
    from span
    left join host_place on host_place.host = span.ip
  ) as placed
)
select
  spelt.ip,
  host_role.role,
  host_role.role_confidence,
  host_role.role_evidence,
  host_role.name,
  host_role.owner,
  cast(spelt.clients as bigint) as clients,
  cast(spelt.servers as bigint) as servers,
  coalesce(tied.ties, 0.0) as ties,
  cast(coalesce(active.days, 0) as integer) as days,
  coalesce(active.servers_a_day, 0.0) as servers_a_day,
  cast(coalesce(active.settled_days, 0) as integer) as settled_days,
  cast(coalesce(met.new_hosts, 0) as bigint) as new_hosts,
  cast(coalesce(met.new_servers, 0) as bigint) as new_servers,
  cast(coalesce(welcomed.new_clients, 0) as bigint) as new_clients,
  case when spelt.address like '%:%' then concat(split_part(spelt.address, ':', 1), ':', split_part(spelt.address, ':', 2), ':', split_part(spelt.address, ':', 3))
    else concat(split_part(spelt.address, '.', 1), '.', split_part(spelt.address, '.', 2)) end as site,
  case when spelt.address like '%:%' then split_part(spelt.address, ':', 4) else split_part(spelt.address, '.', 3) end as subnet,
  spelt.first_day,
  spelt.last_day
from spelt
join host_role on host_role.ip = spelt.ip
left join active on active.ip = spelt.ip
left join met on met.ip = spelt.ip
left join welcomed on welcomed.ip = spelt.ip
left join tied on tied.ip = spelt.ip
