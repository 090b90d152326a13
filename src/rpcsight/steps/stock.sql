/* stock: what was read, by observer: how many candidates, when, and how fine the clock is (no time off the second, the millisecond). */
select
  observer,
  count(*) as flows,
  make_timestamp(min(start_us)) as first_time,
  make_timestamp(max(start_us)) as last_time,
  sum(case when start_us % 1000000 = 0 then 0 else 1 end) as uneven_s,
  sum(case when start_us % 1000 = 0 then 0 else 1 end) as uneven_ms
from reading
where problem is null
group by observer
order by observer
