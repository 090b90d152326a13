/* story: what a client did with a server on a day (UTC) without a break of $story_us. */
with hourly as (
  select
    src_ip, dest_ip, hour,
    sum(activities) as activities,
    sum(attempts) as attempts,
    sum(smb) as smb,
    sum(by_mapper) as by_mapper,
    sum(by_decoded) as by_decoded,
    sum(unnamed) as unnamed,
    sum(by_strict) as by_strict,
    min(least_gap_s) as least_gap_s,
    min(first_us) as first_us,
    max(latest_us) as latest_us,
    max(last_us) as last_us
  from meeting
  group by src_ip, dest_ip, hour
),
broken as (
  select
    *,
    case
      when hour // 24 = lag(hour) over (partition by src_ip, dest_ip order by hour) // 24
        and first_us - lag(latest_us) over (partition by src_ip, dest_ip order by hour) <= $story_us
        then 0
      else 1
    end as is_first
  from hourly
),
numbered as (
  select
    *,
    sum(is_first) over (partition by src_ip, dest_ip order by hour rows between unbounded preceding and current row) as story_no
  from broken
)
select
  src_ip,
  dest_ip,
  cast(story_no as bigint) as story_no,
  cast(min(first_us) // 86400000000 as integer) as day,
  cast(sum(activities) as bigint) as activities,
  cast(sum(attempts) as bigint) as attempts,
  cast(sum(smb) as bigint) as smb,
  cast(sum(by_mapper) as bigint) as by_mapper,
  cast(sum(by_decoded) as bigint) as by_decoded,
  cast(sum(unnamed) as bigint) as unnamed,
  cast(sum(by_strict) as bigint) as by_strict,
  min(least_gap_s) as least_gap_s,
  min(first_us) as first_us,
  max(latest_us) as latest_us,
  max(last_us) as last_us
from numbered
group by src_ip, dest_ip, story_no
