/* served: activities with the service that answers, by the best evidence there is (tier): its calls, the program at its end, or what is known of
   the port. */
with told as (
  select src_ip, src_port, dest_ip, dest_port, start_us, service, operation, tier_confidence, 0 as turn
  from decoded
  union all
  select src_ip, src_port, dest_ip, dest_port, start_us, service, cast(null as varchar) as operation, tier_confidence, 1 as turn
  from listening
  union all
  select src_ip, src_port, dest_ip, dest_port, start_us, service, cast(null as varchar) as operation, tier_confidence, 2 as turn
  from learned
),
best as (
  select src_ip, src_port, dest_ip, dest_port, start_us, min(turn) as turn
  from told
  group by src_ip, src_port, dest_ip, dest_port, start_us
)
select
  told.src_ip, told.src_port, told.dest_ip, told.dest_port, told.start_us, told.service, told.operation,
  case told.turn when 0 then 'decoded' when 1 then 'process' else 'learned' end as tier,
  told.tier_confidence
from told
join best
  on best.src_ip = told.src_ip
  and best.src_port = told.src_port
  and best.dest_ip = told.dest_ip
  and best.dest_port = told.dest_port
  and best.start_us = told.start_us
  and best.turn = told.turn
