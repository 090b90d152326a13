/* story_deed: what the input's decoded activities called, for roles: as `linked_deed` of what was learned. */
select
  src_ip,
  dest_ip,
  service,
  '' as operation,
  cast(count(distinct epoch_us(start_time) // 86400000000) as integer) as days
from rpc_activity
where service is not null and tier = 'decoded'
group by src_ip, dest_ip, service
