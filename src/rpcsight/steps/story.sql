/* story: one row a client and server with RPC, with unanswered attempts only, or of which an analytic that names a technique says something
   (who is not known is ''), with the numbers that the score is made from. Reads rpc_activity and rpc_attempt, the kept results of the
   analytics of those names, and detection, those of all that name a technique. */
with deed as (
  select src_ip, dest_ip, epoch_us(start_time) as start_us, dest_port, gap_s, mapper_count, basis, named_by,
    is_strict, 1 as is_activity, 0 as is_attempt, epoch_us(start_time) as last_us
  from rpc_activity
  union all
  select src_ip, dest_ip, epoch_us(start_time) as start_us, dest_port, cast(null as double) as gap_s, cast(0 as bigint) as mapper_count,
    'attempt' as basis, cast(null as varchar) as named_by, false as is_strict, 0 as is_activity, 1 as is_attempt,
    epoch_us(start_time) as last_us
  from rpc_attempt
  union all
  select coalesce(src_ip, '') as src_ip, coalesce(dest_ip, '') as dest_ip, epoch_us(start_time) as start_us,
    cast(null as integer) as dest_port, cast(null as double) as gap_s, cast(0 as bigint) as mapper_count,
    'detection' as basis, cast(null as varchar) as named_by, false as is_strict, 0 as is_activity, 0 as is_attempt,
    epoch_us(end_time) as last_us
  from detection
),
pair as (
  select
    src_ip,
    dest_ip,
    sum(is_activity) as activities,
    sum(is_attempt) as attempts,
    sum(case when mapper_count > 0 then 1 else 0 end) as by_mapper,
    sum(case when basis = 'decoded' then 1 else 0 end) as by_decoded,
    sum(case when is_activity = 1 and basis <> 'decoded' and named_by = 'unnamed' then 1 else 0 end) as unnamed,
    sum(case when is_strict then 1 else 0 end) as by_strict,
    min(gap_s) as least_gap_s,
    count(distinct dest_port) as ports,
    min(dest_port) as lowest_port,
    max(dest_port) as highest_port,
    coalesce(min(case when basis <> 'detection' then start_us end), min(start_us)) as first_us,
    coalesce(max(case when basis <> 'detection' then last_us end), max(last_us)) as last_us
  from deed
  group by src_ip, dest_ip
),
server as (
  select dest_ip, count(*) as clients
  from pair
  group by dest_ip
),
client as (
  select
    pair.src_ip,
    count(*) as servers,
    sum(pair.activities + pair.attempts) as client_activities,
    min(pair.first_us) as client_first_us,
    max(server.clients) as busiest
  from pair
  join server on server.dest_ip = pair.dest_ip
  group by pair.src_ip
),
input as (
  select count(distinct nullif(src_ip, '')) as all_clients, min(first_us) as first_us, max(last_us) as last_us
  from pair
),
/* the service that most of a pair's activities used, best known first */
used as (
  select src_ip, dest_ip, service, tier
  from (
    select
      *,
      row_number() over (partition by src_ip, dest_ip order by tier_rank, activities desc, service) as place
    from (
      select
        src_ip, dest_ip, service, tier,
        case tier when 'decoded' then 0 when 'process' then 1 else 2 end as tier_rank,
        count(*) as activities
      from rpc_activity
      where service is not null
      group by src_ip, dest_ip, service, tier
    ) as counted
  ) as placed
  where place = 1
),
reach as (
  select
    src_ip,
    max(servers_within) as fan_out
  from (
    select
      src_ip,
      count(*) over (
        partition by src_ip
        order by first_us
        range between $fan_out_us preceding and current row
      ) as servers_within
    from pair
  ) as reached
  group by src_ip
)
select
  pair.src_ip,
  pair.dest_ip,
  cast(pair.activities as bigint) as activities,
  cast(pair.by_mapper as bigint) as by_mapper,
  cast(pair.by_decoded as bigint) as by_decoded,
  cast(pair.unnamed as bigint) as unnamed,
  cast(pair.by_strict as bigint) as by_strict,
  pair.least_gap_s,
  pair.ports,
  pair.lowest_port,
  pair.highest_port,
  make_timestamp(pair.first_us) as first_time,
  make_timestamp(pair.last_us) as last_time,
  cast(pair.attempts as bigint) as attempts,
  server.clients,
  input.all_clients,
  client.servers,
  cast(client.client_activities as bigint) as client_activities,
  reach.fan_out,
  used.service,
  used.tier,
  coalesce(own.busiest, 0) as server_calls_busiest,
  cast(pair.first_us - client.client_first_us as double) / 1000000 as since_client_s,
  cast(input.last_us - input.first_us as double) / 1000000 as span_s
from pair
join server on server.dest_ip = pair.dest_ip
join client on client.src_ip = pair.src_ip
join reach on reach.src_ip = pair.src_ip
cross join input
left join client as own on own.src_ip = pair.dest_ip
left join used on used.src_ip = pair.src_ip and used.dest_ip = pair.dest_ip
order by pair.src_ip, pair.dest_ip
