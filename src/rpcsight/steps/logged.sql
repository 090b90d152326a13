/* logged: Windows events with what their logs leave to be found out: the time in UTC, the computer's full name, which log it is.
   A local time without a zone gets the difference between the two times that Sysmon's events of the same computer carry (its own in
   UTC, and the shipper's), to the quarter of an hour, else that of the file's other computers; without any it is taken for UTC. */
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
  select source, named, cast(round((local_us - utc_us) / 900000000.0) as bigint) * 900000000 as zone_us, count(*) as events
  from timed
  where local_us is not null and utc_us is not null
  group by source, named, cast(round((local_us - utc_us) / 900000000.0) as bigint) * 900000000
),
host_zone as (
  select source, named, zone_us
  from (
    select source, named, zone_us, row_number() over (partition by source, named order by events desc, zone_us) as place
    from shift
  ) as placed
  where place = 1
),
file_zone as (
  select source, zone_us
  from (
    select source, zone_us, row_number() over (partition by source order by sum(events) desc, zone_us) as place
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
)
select
  coalesce(timed.utc_us, timed.time_us, timed.local_us - coalesce(host_zone.zone_us, file_zone.zone_us, 0)) as at_us,
  case when timed.utc_us is not null then 1000 else timed.clock_us end as grain_us,
  coalesce(full_name.named, timed.named) as computer,
  timed.*
from timed
left join host_zone on host_zone.source = timed.source and host_zone.named = timed.named
left join file_zone on file_zone.source = timed.source
left join full_name on full_name.source = timed.source and full_name.short = timed.named
