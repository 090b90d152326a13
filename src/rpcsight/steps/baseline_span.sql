/* baseline_span: the days that were learned. */
select
  min(day) as first_day,
  max(day) as last_day,
  cast(count(*) as integer) as days
from recorded_day
