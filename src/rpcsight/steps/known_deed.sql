/* known_deed: what each client is known to call; days that are held back do not count. */
with called as (
  select distinct deed_day.src_ip, deed_day.dest_ip, deed_day.service, deed_day.operation, deed_day.day
  from deed_day
  left join held_back
    on held_back.src_ip = deed_day.src_ip
    and held_back.dest_ip = deed_day.dest_ip
    and held_back.day <= deed_day.day
  where held_back.day is null
)
select
  src_ip,
  service,
  operation,
  cast(count(distinct day) as integer) as days,
  count(distinct dest_ip) as servers,
  count(*) / cast(count(distinct day) as double) as servers_a_day
from called
group by src_ip, service, operation
