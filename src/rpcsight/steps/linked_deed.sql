/* linked_deed: what clients called on servers over all that was learned, for roles; days that are held back do not count. */
select
  deed_day.src_ip,
  deed_day.dest_ip,
  deed_day.service,
  deed_day.operation,
  cast(count(distinct deed_day.day) as integer) as days
from deed_day
left join held_back
  on held_back.src_ip = deed_day.src_ip
  and held_back.dest_ip = deed_day.dest_ip
  and held_back.day <= deed_day.day
where held_back.day is null
group by deed_day.src_ip, deed_day.dest_ip, deed_day.service, deed_day.operation
