/* stock: what was read, by observer: how many flows that can be part of RPC over TCP, and how many of SMB beside them, when, and how fine the clock is (no time off the second, the millisecond). */
select
  observer,
  cast(sum(1 - is_smb) as bigint) as flows,
  cast(sum(is_smb) as bigint) as smb,
  make_timestamp(min(start_us)) as first_time,
  make_timestamp(max(start_us)) as last_time,
  sum(case when start_us % 1000000 = 0 then 0 else 1 end) as uneven_s,
  sum(case when start_us % 1000 = 0 then 0 else 1 end) as uneven_ms
from (
  select
    observer,
    start_us,
    case
      when dest_port = $mapper_port or dest_port between $dynamic_low and $dynamic_high then 0
      when dest_port = $smb_port or src_port = $smb_port then 1
      else 0
    end as is_smb
  from reading
  where problem is null
) as usable
group by observer
order by observer
