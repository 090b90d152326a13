/* hour_use: for each hour of a working day (0 to 23) and of the weekend (24 to 47), how much rarer first meetings are then than at the busiest,
   in tens of points. */
with slot as (
  select hour.hour + 24 * kind.is_weekend as slot
  from (select distinct hour % 24 as hour from meeting) as hour
  cross join (select 0 as is_weekend union all select 1 as is_weekend) as kind
  union
  select slot from known_hour
),
rate as (
  select slot.slot, (coalesce(known_hour.pairs, 0) + 1.0) / case when slot.slot < 24 then 5 else 2 end as a_day
  from slot
  left join known_hour on known_hour.slot = slot.slot
)
select slot, log10(max(a_day) over () / a_day) as tens
from rate
where exists (select 1 from known_hour)
