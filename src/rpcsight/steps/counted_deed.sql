/* counted_deed: what clients called on servers, a day, without the days that are held back. */
select deed_day.src_ip, deed_day.dest_ip, deed_day.service, deed_day.operation, deed_day.day
from deed_day
left join held_back
  on held_back.src_ip = deed_day.src_ip
  and held_back.dest_ip = deed_day.dest_ip
  and held_back.day <= deed_day.day
where held_back.day is null
group by deed_day.src_ip, deed_day.dest_ip, deed_day.service, deed_day.operation, deed_day.day
