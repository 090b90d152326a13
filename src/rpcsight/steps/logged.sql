/* logged: Windows events with what their logs leave to be found out: which log it is, the computer's full name, the time in UTC.
   A local time without a zone gets the difference between the two times that Sysmon's events of the same computer carry (its own in
   UTC, and the shipper's), to the quarter of an hour, else that of the file's other computers; without any it is taken for UTC.
   Sysmon counts the time of connections (event 3) up from when the computer started, and may be minutes or days behind, or ahead, by
   the same amount for all of them: more than 10 s from when the events were written, it is set right by the median difference. */
with timed as (
  select
    event.*,
    case
      when provider like '%sysmon%' or channel like '%sysmon%' then 'sysmon'
      when channel = 'security' or provider = 'microsoft-windows-security-auditing' then 'security'
      when provider = 'service control manager' then 'services'
      when provider = 'rpcfw' then 'firewall'
      when provider = 'microsoft-windows-rpc' or channel like 'microsoft-windows-rpc/%' then 'rpc'
    end as log,
    case
      when provider like '%sysmon%' or channel like '%sysmon%' then epoch_us(try_cast(utc_time as timestamptz))
    end as utc_us,
    lower(nullif(host, '')) as named
  from event
),
shift as (
  select
    source,
    named,
    cast(round((local_us - utc_us) / 900000000.0) as bigint) * 900000000 as zone_us,
    min(case when event_id = 3 then 1 else 0 end) as is_doubtful,
    count(*) as events
  from timed
  where local_us - utc_us between -54000000000 and 54000000000
  group by source, named, cast(round((local_us - utc_us) / 900000000.0) as bigint) * 900000000
),
host_zone as (
  select source, named, zone_us
  from (
    select source, named, zone_us, row_number() over (partition by source, named order by is_doubtful, events desc, zone_us) as place
    from shift
  ) as placed
  where place = 1
),
file_zone as (
  select source, zone_us
  from (
    select source, zone_us, row_number() over (partition by source order by min(is_doubtful), sum(events) desc, zone_us) as place
    from shift
    group by source, zone_us
  ) as placed
  where place = 1
),
full_name as (
  select source, split_part(named, '.', 1) as short, max(named) as named
  from timed
  where named like '%.%'
  group by source, split_part(named, '.', 1)
  having min(named) = max(named)
),
zoned as (
  select
    timed.*,
    coalesce(full_name.named, timed.named) as computer,
    coalesce(timed.time_us, timed.local_us - coalesce(host_zone.zone_us, file_zone.zone_us, 0)) as written_us
  from timed
  left join host_zone on host_zone.source = timed.source and host_zone.named = timed.named
  left join file_zone on file_zone.source = timed.source
  left join full_name on full_name.source = timed.source and full_name.short = timed.named
),
late as (
  select source, computer, cast(round(median(written_us - utc_us)) as bigint) as late_us
  from zoned
  where log = 'sysmon' and event_id = 3
  group by source, computer
)
select
  case
    when utc_us is null then written_us
    when event_id = 3 and late.late_us not between -10000000 and 10000000 then utc_us + late.late_us
    else utc_us
  end as at_us,
  case when utc_us is not null then 1000 else clock_us end as grain_us,
  zoned.*
from zoned
left join late on late.source = zoned.source and late.computer = zoned.computer
