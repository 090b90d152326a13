/* spoken: activities on whose connection DCE/RPC was captured: the interface that was called most there (or only bound), and how many
   calls (of logs that give names only: how many, and no interface). What was said belongs to the latest connection of its two ends that
   began before it. Seen twice (in two files, or as two connections of one log), it counts once. */
with said as (
  select
    concat(source, ' ', coalesce(flow_id, '')) as source, src_ip, src_port, dest_ip, dest_port, time_us, interface, version, 1 as calls
  from rpc_call
  where transport_protocol = 'tcp' and not is_callback
  union all
  select source, src_ip, src_port, dest_ip, dest_port, time_us, interface, version, 0 as calls
  from rpc_bind
  where transport_protocol = 'tcp' and not is_callback
),
moment as (
  select
    src_ip, src_port, dest_ip, dest_port, start_us as at_us, 0 as turn, start_us,
    cast(null as varchar) as source, cast(null as varchar) as interface, cast(null as varchar) as version, 0 as calls
  from activity
  where exists (
    select 1
    from said
    where said.src_ip = activity.src_ip
      and said.src_port = activity.src_port
      and said.dest_ip = activity.dest_ip
      and said.dest_port = activity.dest_port
  )
  union all
  select
    src_ip, src_port, dest_ip, dest_port, time_us as at_us, 1 as turn, cast(null as bigint) as start_us,
    source, interface, version, calls
  from said
),
timeline as (
  select
    src_ip, src_port, dest_ip, dest_port, turn, source, interface, version, calls,
    max(start_us) over (
      partition by src_ip, src_port, dest_ip, dest_port
      order by at_us, turn
      rows between unbounded preceding and current row
    ) as start_us
  from moment
),
captured as (
  select src_ip, src_port, dest_ip, dest_port, start_us, source, interface, version, sum(calls) as calls
  from timeline
  where turn = 1 and start_us is not null
  group by src_ip, src_port, dest_ip, dest_port, start_us, source, interface, version
),
counted as (
  select src_ip, src_port, dest_ip, dest_port, start_us, interface, version, max(calls) as calls
  from captured
  group by src_ip, src_port, dest_ip, dest_port, start_us, interface, version
)
select
  src_ip, src_port, dest_ip, dest_port, start_us, interface, version, cast(all_calls as bigint) as calls
from (
  select
    *,
    sum(calls) over (partition by src_ip, src_port, dest_ip, dest_port, start_us) as all_calls,
    row_number() over (
      partition by src_ip, src_port, dest_ip, dest_port, start_us
      order by case when interface is null then 1 else 0 end, calls desc, interface, version
    ) as place
  from counted
) as ranked
where place = 1
