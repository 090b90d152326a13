/* event_host_clock: what Windows events tell of the clocks of their computers, by file; the times themselves are found by `logged`. A connection
   in Sysmon's log and in the Security log of a computer shows how far the two are apart: the Security log's time less Sysmon's, a time of
   whole seconds standing for half a second more; of a minute's events of one connection, the first of each log counts. */
with told as (
  select
    source,
    coalesce(computer, observer) as host,
    log,
    event_id,
    at_us,
    utc_us,
    at_us - utc_us as moved_us,
    case when local_us is not null and time_us is null and utc_us is null then 1 else 0 end as is_local,
    case when local_us - utc_us between -54000000000 and 54000000000 then 1 else 0 end as has_zone,
    lower(protocol) in ('tcp', '6') and ((log = 'sysmon' and event_id = 3) or (log = 'security' and event_id = 5156)) as is_connection,
    case when at_us % 1000000 = 0 then 500000 else 0 end as half_us,
    concat(lower(coalesce(source_ip, source_address)), ' ', source_port) as one_end,
    concat(lower(coalesce(destination_ip, dest_address)), ' ', coalesce(destination_port, dest_port)) as other_end
  from logged
  where event_id is not null and at_us is not null
),
zoned as (
  select source, max(has_zone) as has_zone
  from told
  group by source
),
seen as (
  select
    source,
    host,
    log,
    case when one_end < other_end then one_end else other_end end as low_end,
    case when one_end < other_end then other_end else one_end end as high_end,
    at_us // 60000000 as at_minute,
    min(at_us + half_us) as at_us,
    min(half_us) as half_us
  from told
  where is_connection
  group by 1, 2, 3, 4, 5, 6
),
both_logs as (
  select
    security.source,
    security.host,
    security.at_us - sysmon.at_us as difference_us,
    security.half_us
  from seen as security
  join seen as sysmon
    on sysmon.source = security.source
    and sysmon.host = security.host
    and sysmon.low_end = security.low_end
    and sysmon.high_end = security.high_end
    and sysmon.at_minute = security.at_minute
  where security.log = 'security' and sysmon.log = 'sysmon'
),
apart as (
  select
    source,
    host,
    count(*) as in_both_logs,
    cast(median(difference_us) as bigint) as apart_us,
    cast(percentile_cont(0.25) within group (order by difference_us) as bigint) as lower_quartile_us,
    cast(percentile_cont(0.75) within group (order by difference_us) as bigint) as upper_quartile_us,
    sum(case when half_us > 0 then 1 else 0 end) as whole_seconds
  from both_logs
  group by source, host
),
clock as (
  select
    told.source,
    host,
    count(*) as events,
    sum(case when zoned.has_zone = 0 then is_local else 0 end) as without_zone,
    sum(case when event_id = 3 and moved_us <> 0 then 1 else 0 end) as moved,
    cast(coalesce(max(case when event_id = 3 and moved_us <> 0 then moved_us end), 0) as bigint) as moved_us
  from told
  join zoned on zoned.source = told.source
  group by told.source, host
)
select
  clock.source,
  clock.host,
  events,
  without_zone,
  moved,
  moved_us,
  coalesce(in_both_logs, 0) as in_both_logs,
  apart_us,
  lower_quartile_us,
  upper_quartile_us,
  coalesce(whole_seconds, 0) as whole_seconds
from clock
left join apart on apart.source = clock.source and apart.host = clock.host
