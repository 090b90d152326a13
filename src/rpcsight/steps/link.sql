/* link: clients and servers over all that was learned, for roles. */
select
  src_ip,
  dest_ip,
  cast(count(*) as integer) as days,
  min(day) as first_day,
  max(day) as last_day,
  cast(sum(mappers) as bigint) as mappers,
  cast(sum(endpoints) as bigint) as endpoints,
  cast(sum(failed) as bigint) as failed,
  cast(bit_or(hours) as integer) as hours
from counted_pair
where mappers + endpoints + failed > 0
group by src_ip, dest_ip
