/* story_link: clients and servers of the input, for roles: as `link` of what was learned. */
select
  src_ip,
  dest_ip,
  cast(count(distinct day) as integer) as days,
  min(day) as first_day,
  max(day) as last_day,
  cast(sum(activities) as bigint) as mappers,
  cast(sum(activities) as bigint) as endpoints,
  cast(sum(attempts) as bigint) as failed,
  cast(bit_or(1 << cast(first_us % 86400000000 // 3600000000 as integer)) as integer) as hours
from story
where src_ip <> '' and dest_ip <> ''
  and (smb = 0 or activities + attempts > 0)
group by src_ip, dest_ip
