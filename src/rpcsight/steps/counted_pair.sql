/* counted_pair: what clients and servers did with one another, a day, without the days that are held back. */
select pair_day.*
from pair_day
left join held_back
  on held_back.src_ip = pair_day.src_ip
  and held_back.dest_ip = pair_day.dest_ip
  and held_back.day <= pair_day.day
where held_back.day is null
