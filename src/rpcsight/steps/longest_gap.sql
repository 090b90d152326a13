/* longest_gap: the longest time in which no candidate starts, to the minute. */
with busy as (
  select distinct start_us // 60000000 as at_minute
  from candidate
),
followed as (
  select at_minute, at_minute - lag(at_minute) over (order by at_minute) as minutes
  from busy
)
select
  minutes - 1 as minutes,
  make_timestamp((at_minute - minutes + 1) * 60000000) as from_time,
  make_timestamp(at_minute * 60000000) as until_time
from followed
where minutes is not null
order by followed.minutes desc, at_minute
limit 1
