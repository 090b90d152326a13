/* smb_link: clients and servers of SMB over all that was learned, for roles; days that are held back do not count. */
select pair_day.src_ip, pair_day.dest_ip, cast(count(*) as integer) as days
from pair_day
left join held_back
  on held_back.src_ip = pair_day.src_ip
  and held_back.dest_ip = pair_day.dest_ip
  and held_back.day <= pair_day.day
where held_back.day is null
  and pair_day.smb > 0
group by pair_day.src_ip, pair_day.dest_ip
