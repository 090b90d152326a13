/* pair_day: what is learned of each client and server, a day: records of connections to the endpoint mapper, to dynamic ports and to
   SMB. Endpoint records that do not say who called are left out. */
with placed as (
  select
    src_ip,
    dest_ip,
    case when is_mapper then 'mapper' else 'endpoint' end as kind,
    left_out is null as is_answered,
    start_us,
    end_us - start_us as length_us,
    start_us // 86400000000 as day,
    start_us % 86400000000 // 3600000000 as hour
  from sighting
  where (left_out is null or left_out = 'failed')
    and (is_mapper or is_oriented)
  union all
  select
    src_ip,
    dest_ip,
    'smb' as kind,
    true as is_answered,
    start_us,
    end_us - start_us as length_us,
    start_us // 86400000000 as day,
    start_us % 86400000000 // 3600000000 as hour
  from smb_contact
)
select
  src_ip,
  dest_ip,
  cast(day as integer) as day,
  cast(sum(case when is_answered and kind = 'mapper' then 1 else 0 end) as bigint) as mappers,
  cast(sum(case when is_answered and kind = 'endpoint' then 1 else 0 end) as bigint) as endpoints,
  cast(sum(case when kind = 'smb' then 1 else 0 end) as bigint) as smb,
  cast(sum(case when is_answered then 0 else 1 end) as bigint) as failed,
  cast(bit_or(case when is_answered then 1 << cast(hour as integer) else 0 end) as integer) as hours,
  min(start_us) as first_us,
  max(start_us) as last_us,
  cast(sum(case when is_answered then length_us else 0 end) as bigint) as busy_us
from placed
group by src_ip, dest_ip, day
