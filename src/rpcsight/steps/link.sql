/* link: clients and servers over all that was learned, for roles; days that are held back do not count. */
select
  pair_day.src_ip,
  pair_day.dest_ip,
  cast(count(*) as integer) as days,
  min(pair_day.day) as first_day,
  max(pair_day.day) as last_day,
  cast(sum(mappers) as bigint) as mappers,
  cast(sum(endpoints) as bigint) as endpoints,
  cast(sum(failed) as bigint) as failed,
  cast(bit_or(hours) as integer) as hours
from pair_day
left join held_back
  on held_back.src_ip = pair_day.src_ip
  and held_back.dest_ip = pair_day.dest_ip
  and held_back.day <= pair_day.day
where held_back.day is null
  and pair_day.mappers + pair_day.endpoints + pair_day.failed > 0
group by pair_day.src_ip, pair_day.dest_ip
