/* lease_event: what tells which host has which address, as far as that is an IPv4 address of a host: leases, and computers' own logs. */
select host, ip, hostname, cast(at_us // 86400000000 as integer) as day, at_us, until_us, records
from (
  select host, ip, hostname, at_us, until_us, records from granted
  union all
  select host, ip, hostname, at_us, until_us, records from own_address
) as told
where regexp_matches(concat(ip, '.'), '^((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])[.]){4}$')
  and not regexp_matches(ip, '^(0|127|22[4-9]|2[345][0-9])[.]')
