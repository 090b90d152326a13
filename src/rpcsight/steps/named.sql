/* named: activities whose port an earlier answer to the same client named, with that answer: the endpoint mapper's, or a DCOM activation's.
   Where answers to the client, of the server or with its address, were captured before and none named the port, it is `unnamed`: whatever listens there may
   not be RPC. */
with answered as (
  select src_ip, dest_ip, mapped_port as dest_port, time_us, answer
  from rpc_mapping
  where mapped_port is not null
  union all
  select src_ip, mapped_address as dest_ip, mapped_port as dest_port, time_us, answer
  from rpc_mapping
  where mapped_port is not null and mapped_address <> '' and mapped_address <> dest_ip
),
first_answer as (
  select src_ip, dest_ip, min(time_us) as time_us
  from answered
  group by src_ip, dest_ip
),
asked as (
  select distinct activity.src_ip, activity.dest_ip, activity.dest_port, activity.start_us
  from activity
  join first_answer
    on first_answer.src_ip = activity.src_ip
    and first_answer.dest_ip = activity.dest_ip
    and first_answer.time_us <= activity.start_us
),
moment as (
  select src_ip, dest_ip, dest_port, start_us as at_us, 1 as turn, cast(null as bigint) as time_us
  from asked
  union all
  select src_ip, dest_ip, dest_port, time_us as at_us, 0 as turn, time_us
  from answered
),
timeline as (
  select
    src_ip, dest_ip, dest_port, at_us, turn,
    max(time_us) over (
      partition by src_ip, dest_ip, dest_port
      order by at_us, turn
      rows between unbounded preceding and current row
    ) as time_us
  from moment
),
told as (
  select src_ip, dest_ip, dest_port, time_us, min(answer) as answer
  from answered
  group by src_ip, dest_ip, dest_port, time_us
)
select
  timeline.src_ip,
  timeline.dest_ip,
  timeline.dest_port,
  timeline.at_us as start_us,
  coalesce(told.answer, 'unnamed') as named_by
from timeline
left join told
  on told.src_ip = timeline.src_ip
  and told.dest_ip = timeline.dest_ip
  and told.dest_port = timeline.dest_port
  and told.time_us = timeline.time_us
where timeline.turn = 1
