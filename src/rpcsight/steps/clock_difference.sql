/* clock_difference: for two observers (sensors, hosts) that recorded the same connections within a minute, how far their times are apart:
   the second's time less the first's. Of a minute's records of one connection, the first counts. */
with recorded as (
  select lower(observer) as observer, src_ip, src_port, dest_ip, dest_port, start_us
  from candidate
  where is_oriented
  union all
  select lower(host) as observer, src_ip, src_port, dest_ip, dest_port, time_us as start_us
  from host_flow
),
seen as (
  select observer, src_ip, src_port, dest_ip, dest_port, start_us // 60000000 as at_minute, min(start_us) as start_us
  from recorded
  group by observer, src_ip, src_port, dest_ip, dest_port, start_us // 60000000
),
/* most ends have one observer: those need no comparing */
shared as (
  select src_ip, src_port, dest_ip, dest_port
  from seen
  group by src_ip, src_port, dest_ip, dest_port
  having min(observer) < max(observer)
),
compared as (
  select seen.*
  from seen
  join shared
    on shared.src_ip = seen.src_ip
    and shared.src_port = seen.src_port
    and shared.dest_ip = seen.dest_ip
    and shared.dest_port = seen.dest_port
),
near as (
  select observer, src_ip, src_port, dest_ip, dest_port, start_us, at_minute + shift.minutes as at_minute
  from compared
  cross join (select -1 as minutes union all select 0 union all select 1) as shift
),
both_saw as (
  select
    near.observer as first_observer,
    compared.observer as second_observer,
    compared.start_us - near.start_us as difference_us
  from near
  join compared
    on compared.src_ip = near.src_ip
    and compared.src_port = near.src_port
    and compared.dest_ip = near.dest_ip
    and compared.dest_port = near.dest_port
    and compared.at_minute = near.at_minute
    and compared.observer > near.observer
  where compared.start_us - near.start_us between -60000000 and 60000000
)
select
  first_observer,
  second_observer,
  count(*) as connections,
  median(difference_us) / 1000000 as median_s,
  min(difference_us) / 1000000 as least_s,
  max(difference_us) / 1000000 as most_s
from both_saw
group by first_observer, second_observer
order by connections desc, first_observer, second_observer
