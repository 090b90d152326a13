/* counted_deed: what clients called on servers, a day, without the days that are held back, and without what a client began to call on or after a day
   from which on one is held back that names no server (a sweep: dest_ip is ''). */
with begun as (
  select deed_day.src_ip, deed_day.service, deed_day.operation, min(deed_day.day) as day
  from deed_day
  join held_back on held_back.src_ip = deed_day.src_ip and held_back.dest_ip = ''
  group by deed_day.src_ip, deed_day.service, deed_day.operation
)
select deed_day.src_ip, deed_day.dest_ip, deed_day.service, deed_day.operation, deed_day.day
from deed_day
left join held_back
  on held_back.src_ip = deed_day.src_ip
  and held_back.dest_ip = deed_day.dest_ip
  and held_back.day <= deed_day.day
left join begun
  on begun.src_ip = deed_day.src_ip
  and begun.service = deed_day.service
  and begun.operation = deed_day.operation
left join held_back as swept
  on swept.src_ip = begun.src_ip
  and swept.dest_ip = ''
  and swept.day <= begun.day
where held_back.day is null
  and swept.day is null
group by deed_day.src_ip, deed_day.dest_ip, deed_day.service, deed_day.operation, deed_day.day
