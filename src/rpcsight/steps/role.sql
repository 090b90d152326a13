/* role: what each host is, by who uses it and whom it uses. Interim. */
with side as (
  select src_ip as ip, 0 as clients, 1 as servers from link where mappers > 0
  union all
  select dest_ip as ip, 1 as clients, 0 as servers from link where mappers > 0
),
host as (
  select ip, sum(clients) as clients, sum(servers) as servers from side group by ip
),
size as (
  select count(*) as hosts from host where servers > 0
)
select
  host.ip,
  case
    when host.clients >= 3 and host.clients * 2 >= size.hosts then 'domain controller'
    when host.servers >= 10 and host.servers * 5 >= size.hosts then 'scanner'
    when host.clients >= 5 and host.clients * 50 >= size.hosts and host.clients > host.servers then 'server'
    when host.servers >= 15 then 'administration host'
    else 'workstation'
  end as role,
  0.5 as role_confidence,
  '' as role_evidence,
  cast(host.clients as bigint) as clients,
  cast(host.servers as bigint) as servers
from host
cross join size
