/* known_deed: what each client is known to call. */
select
  src_ip,
  service,
  operation,
  cast(count(distinct day) as integer) as days,
  count(distinct dest_ip) as servers,
  count(*) / cast(count(distinct day) as double) as servers_a_day
from counted_deed
group by src_ip, service, operation
