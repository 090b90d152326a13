/* clock_difference: for two observers (sensors, hosts) that recorded the same connections within a minute, how far their times are apart:
   the second's time less the first's. */
with seen as (
  select observer, src_ip, src_port, dest_ip, dest_port, start_us
  from candidate
  where is_oriented
  union
  select lower(host) as observer, src_ip, src_port, dest_ip, dest_port, time_us as start_us
  from host_flow
),
both_saw as (
  select
    earlier.observer as first_observer,
    later.observer as second_observer,
    later.start_us - earlier.start_us as difference_us
  from seen as earlier
  join seen as later
    on later.src_ip = earlier.src_ip
    and later.src_port = earlier.src_port
    and later.dest_ip = earlier.dest_ip
    and later.dest_port = earlier.dest_port
    and lower(later.observer) > lower(earlier.observer)
    and later.start_us between earlier.start_us - 60000000 and earlier.start_us + 60000000
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
