/* recorded_day: the days that were recorded, not only touched. A connection that began before midnight stands in the next day's log, a call after
   midnight in that of the day before, and clocks can be wrong: a day counts with a fiftieth of the busiest day's clients and servers, or half of
   its hours. */
with told as (
  select day, hours
  from pair_day
  where mappers + endpoints + smb > 0
  union all
  select day, hours
  from deed_day
),
counted as (
  select day, count(*) as told, bit_count(bit_or(hours)) as hours
  from told
  group by day
)
select day
from counted
where 50 * told >= (select max(told) from counted)
  or 2 * hours >= (select max(hours) from counted)
