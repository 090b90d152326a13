/* judged: activities, each with the answer of the published rule: did a mapper flow of the pair, in whatever state and from whatever
   observer, start before it and within the window? The latest one that started before tells (at equal times the activity comes first:
   `<` is strict). */
with moment as (
  select distinct pair_no, start_us as at_us, 0 as turn, cast(null as bigint) as mapper_us
  from activity
  where pair_no is not null and not is_exchanged and src_port between $dynamic_low and $dynamic_high
  union all
  select pair.pair_no, sighting.start_us as at_us, 1 as turn, sighting.start_us as mapper_us
  from sighting
  join pair on pair.src_ip = sighting.src_ip and pair.dest_ip = sighting.dest_ip
  where sighting.is_mapper and not sighting.is_exchanged
),
timeline as (
  select
    pair_no,
    at_us,
    turn,
    max(mapper_us) over (
      partition by pair_no
      order by at_us, turn
      rows between unbounded preceding and current row
    ) as mapper_us
  from moment
),
strict as (
  select pair_no, at_us
  from timeline
  where turn = 0
    and at_us - mapper_us < $window_us
)
select
  activity.*,
  strict.at_us is not null as is_strict
from activity
left join strict
  on strict.pair_no = activity.pair_no
  and strict.at_us = activity.start_us
  and not activity.is_exchanged
  and activity.src_port between $dynamic_low and $dynamic_high
