/* clock_difference: for two observers (sensors, hosts) that recorded the same TCP connections within a minute, how far their times are
   apart: the second's less the first's, with median, quartiles and extremes. A time of whole seconds stands for half a second more. Of a
   minute's records of one connection, the first counts. What a host tells itself (127.0.0.1) or its link is another connection on each;
   ends that more than 8 observers have are not compared: the work grows with the square of the observers. */
with recorded as (
  select lower(observer) as observer, src_ip, src_port, dest_ip, dest_port, start_us
  from candidate
  where is_oriented and coalesce(transport_protocol, 'tcp') = 'tcp'
  union all
  select lower(host) as observer, src_ip, src_port, dest_ip, dest_port, time_us as start_us
  from host_flow
  where transport_protocol = 'tcp'
),
seen as (
  select observer, src_ip, src_port, dest_ip, dest_port, start_us // 60000000 as at_minute, min(start_us) as start_us
  from recorded
  where src_ip not like '127.%' and src_ip <> '::1' and src_ip not like 'fe80:%'
  group by observer, src_ip, src_port, dest_ip, dest_port, start_us // 60000000
),
/* most ends have one observer: those need no comparing */
shared as (
  select src_ip, src_port, dest_ip, dest_port
  from seen
  group by src_ip, src_port, dest_ip, dest_port
  having count(distinct observer) between 2 and 8
),
compared as (
  select
    seen.observer,
    seen.src_ip,
    seen.src_port,
    seen.dest_ip,
    seen.dest_port,
    seen.at_minute,
    seen.start_us,
    case when seen.start_us % 1000000 = 0 then 1 else 0 end as is_whole
  from seen
  join shared
    on shared.src_ip = seen.src_ip
    and shared.src_port = seen.src_port
    and shared.dest_ip = seen.dest_ip
    and shared.dest_port = seen.dest_port
),
near as (
  select compared.*, at_minute + shift.minutes as near_minute
  from compared
  cross join (select -1 as minutes union all select 0 union all select 1) as shift
),
both_saw as (
  select
    near.observer as first_observer,
    compared.observer as second_observer,
    compared.start_us - near.start_us + 500000 * (compared.is_whole - near.is_whole) as difference_us,
    case when compared.is_whole + near.is_whole > 0 then 1 else 0 end as is_whole
  from near
  join compared
    on compared.src_ip = near.src_ip
    and compared.src_port = near.src_port
    and compared.dest_ip = near.dest_ip
    and compared.dest_port = near.dest_port
    and compared.at_minute = near.near_minute
    and compared.observer > near.observer
  where compared.start_us - near.start_us between -60000000 and 60000000
)
select
  first_observer,
  second_observer,
  count(*) as connections,
  cast(sum(is_whole) as bigint) as whole_seconds,
  median(difference_us) / 1000000 as median_s,
  percentile_cont(0.25) within group (order by difference_us) / 1000000 as lower_quartile_s,
  percentile_cont(0.75) within group (order by difference_us) / 1000000 as upper_quartile_s,
  min(difference_us) / 1000000 as least_s,
  max(difference_us) / 1000000 as most_s
from both_saw
group by first_observer, second_observer
order by connections desc, first_observer, second_observer
limit 10000
