/* host_place: where each host that leases tell was last, and the name that it gave last. Reads known_lease. */
select placed.host, placed.ip, coalesce(named.hostname, '') as hostname
from (
  select host, ip, row_number() over (partition by host order by at_us desc, ip) as place
  from known_lease
) as placed
left join (
  select host, hostname, row_number() over (partition by host order by at_us desc, hostname) as place
  from known_lease
  where hostname <> ''
) as named on named.host = placed.host and named.place = 1
where placed.place = 1
