/* known_hour: at which hours clients met servers for the first time, after their first days; from Saturday to Sunday apart. */
select
  cast(met_day.first_us % 86400000000 // 3600000000 + case when (met_day.day + 3) % 7 >= 5 then 24 else 0 end as integer) as slot,
  count(*) as pairs
from met_day
join known_pair
  on known_pair.src_ip = met_day.src_ip
  and known_pair.dest_ip = met_day.dest_ip
  and known_pair.first_day = met_day.day
where known_pair.is_new
group by met_day.first_us % 86400000000 // 3600000000 + case when (met_day.day + 3) % 7 >= 5 then 24 else 0 end
