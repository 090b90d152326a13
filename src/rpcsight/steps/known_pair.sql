/* known_pair: who is known to use RPC on whom. A pair is new where its client had been seen for $settle_days before they met. */
with client as (
  select src_ip, min(day) as first_day
  from met_day
  group by src_ip
),
pair as (
  select
    src_ip,
    dest_ip,
    count(*) as days,
    min(day) as first_day,
    max(day) as last_day,
    sum(connections) as connections
  from met_day
  where is_held = 0
  group by src_ip, dest_ip
)
select
  pair.src_ip,
  pair.dest_ip,
  cast(pair.days as integer) as days,
  pair.first_day,
  pair.last_day,
  cast(pair.connections as bigint) as connections,
  pair.first_day >= client.first_day + $settle_days as is_new
from pair
join client on client.src_ip = pair.src_ip
