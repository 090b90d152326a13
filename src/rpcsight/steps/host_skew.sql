/* host_skew: how far the clock of a computer's log of connections is from that of another that recorded calls: the median, in microseconds,
   of the computer's time less the other's, over the TCP connections that both have within a minute. A connection's time is its start, or
   its first call where only calls have one; a time of whole seconds stands for half a second more. */
with talked as (
  select
    lower(observer) as observer,
    src_ip,
    src_port,
    dest_ip,
    dest_port,
    coalesce(flow_us, min(time_us)) as start_us
  from rpc_call
  where not is_callback
    and observer <> ''
  group by lower(observer), src_ip, src_port, dest_ip, dest_port, flow_us
),
heard as (
  select observer, src_ip, src_port, dest_ip, dest_port, start_us // 60000000 as at_minute, min(start_us) as start_us
  from talked
  where src_ip not like '127.%' and src_ip <> '::1' and src_ip not like 'fe80:%'
  group by observer, src_ip, src_port, dest_ip, dest_port, start_us // 60000000
),
logged as (
  select
    lower(host) as host,
    src_ip,
    src_port,
    dest_ip,
    dest_port,
    time_us // 60000000 as at_minute,
    min(time_us) as start_us
  from host_flow
  where transport_protocol = 'tcp'
    and host <> ''
  group by lower(host), src_ip, src_port, dest_ip, dest_port, time_us // 60000000
),
near as (
  select heard.*, at_minute + shift.minutes as near_minute
  from heard
  cross join (select -1 as minutes union all select 0 union all select 1) as shift
),
both_have as (
  select
    logged.host,
    near.observer,
    logged.start_us - near.start_us
      + case when logged.start_us % 1000000 = 0 then 500000 else 0 end
      - case when near.start_us % 1000000 = 0 then 500000 else 0 end
      as difference_us
  from near
  join logged
    on logged.src_ip = near.src_ip
    and logged.src_port = near.src_port
    and logged.dest_ip = near.dest_ip
    and logged.dest_port = near.dest_port
    and logged.at_minute = near.near_minute
  where logged.host <> near.observer
    and logged.start_us - near.start_us between -60000000 and 60000000
)
select
  host,
  observer,
  count(*) as connections,
  cast(floor(median(difference_us)) as bigint) as skew_us
from both_have
group by host, observer
