/* judged: activities, each with the answer of the published rule: did a mapper flow of the pair, in whatever state and from whatever
   observer, start before it and within the window? The mapper connection that explains it mostly tells; for the others, the latest mapper
   flow that started before does (at equal times the activity comes first: `<` is strict). */
with eligible as (
  select
    *,
    not is_exchanged and src_port between $dynamic_low and $dynamic_high as is_eligible,
    coalesce(not is_mapper_exchanged and gap_us > 0 and gap_us < $window_us, false) as is_told
  from fact
),
untold as (
  select distinct pair_no, start_us
  from eligible
  where pair_no is not null and is_eligible and not is_told
),
moment as (
  select pair_no, start_us as at_us, 0 as turn, cast(null as bigint) as mapper_us
  from untold
  union all
  select pair.pair_no, sighting.start_us as at_us, 1 as turn, sighting.start_us as mapper_us
  from sighting
  join pair
    on pair.src_ip = sighting.src_ip
    and pair.dest_ip = sighting.dest_ip
    and pair.observer = sighting.observer
  where sighting.is_mapper and not sighting.is_exchanged
    and pair.pair_no in (select pair_no from untold)
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
  eligible.*,
  is_eligible and (is_told or strict.at_us is not null) as is_strict
from eligible
left join strict
  on strict.pair_no = eligible.pair_no
  and strict.at_us = eligible.start_us
