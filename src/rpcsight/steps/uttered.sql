/* uttered: what was captured of DCE/RPC on activities, calls and binds (no call), by what they say. It belongs to the activity of its ends
   whose flow_id its log names, where that is one; else to the latest that began before it. */
with said as (
  select
    concat(source, ' ', coalesce(flow_id, '')) as source, flow_id, src_ip, src_port, dest_ip, dest_port, time_us, interface, version, opnum,
    interface_name, operation, image_path, 1 as calls
  from rpc_call
  where transport_protocol = 'tcp' and not is_callback
  union all
  select
    source, cast(null as varchar) as flow_id, src_ip, src_port, dest_ip, dest_port, time_us, interface, version, cast(null as integer) as opnum,
    cast(null as varchar) as interface_name, cast(null as varchar) as operation, cast(null as varchar) as image_path, 0 as calls
  from rpc_bind
  where transport_protocol = 'tcp' and not is_callback
),
met as (
  select src_ip, src_port, dest_ip, dest_port, start_us, flow_id
  from activity
  where exists (
    select 1
    from said
    where said.src_ip = activity.src_ip
      and said.src_port = activity.src_port
      and said.dest_ip = activity.dest_ip
      and said.dest_port = activity.dest_port
  )
),
moment as (
  select
    src_ip, src_port, dest_ip, dest_port, start_us as at_us, 0 as turn, start_us, cast(null as varchar) as source,
    cast(null as varchar) as flow_id, cast(null as varchar) as interface, cast(null as varchar) as version, cast(null as integer) as opnum,
    cast(null as varchar) as interface_name, cast(null as varchar) as operation, cast(null as varchar) as image_path, 0 as calls
  from met
  union all
  select
    src_ip, src_port, dest_ip, dest_port, time_us as at_us, 1 as turn, cast(null as bigint) as start_us, source,
    flow_id, interface, version, opnum, interface_name, operation, image_path, calls
  from said
),
timeline as (
  select
    src_ip, src_port, dest_ip, dest_port, turn, source, flow_id, interface, version, opnum, interface_name, operation, image_path, calls,
    max(start_us) over (
      partition by src_ip, src_port, dest_ip, dest_port
      order by at_us, turn
      rows between unbounded preceding and current row
    ) as start_us
  from moment
),
logged as (
  select src_ip, src_port, dest_ip, dest_port, flow_id, min(start_us) as start_us
  from met
  where flow_id is not null
  group by src_ip, src_port, dest_ip, dest_port, flow_id
  having min(start_us) = max(start_us)
),
placed as (
  select timeline.*, coalesce(logged.start_us, timeline.start_us) as own_us
  from timeline
  left join logged
    on logged.flow_id = timeline.flow_id
    and logged.src_ip = timeline.src_ip
    and logged.src_port = timeline.src_port
    and logged.dest_ip = timeline.dest_ip
    and logged.dest_port = timeline.dest_port
  where timeline.turn = 1
)
select
  src_ip, src_port, dest_ip, dest_port, own_us as start_us, source, interface, version, opnum, interface_name, operation, image_path,
  cast(sum(calls) as bigint) as calls
from placed
where own_us is not null
group by src_ip, src_port, dest_ip, dest_port, own_us, source, interface, version, opnum, interface_name, operation, image_path
