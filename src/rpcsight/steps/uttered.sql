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
/* most ends have one activity: what was said between them needs no sorting by time */
ends as (
  select src_ip, src_port, dest_ip, dest_port, count(*) as activities, min(start_us) as start_us, min(flow_id) as flow_id
  from activity
  group by src_ip, src_port, dest_ip, dest_port
),
plain as (
  select said.*, ends.start_us as own_us
  from said
  join ends
    on ends.src_ip = said.src_ip
    and ends.src_port = said.src_port
    and ends.dest_ip = said.dest_ip
    and ends.dest_port = said.dest_port
  where ends.activities = 1
    and (said.time_us is null or said.time_us >= ends.start_us or coalesce(said.flow_id = ends.flow_id, false))
),
met as (
  select activity.src_ip, activity.src_port, activity.dest_ip, activity.dest_port, activity.start_us, activity.flow_id
  from activity
  join ends
    on ends.src_ip = activity.src_ip
    and ends.src_port = activity.src_port
    and ends.dest_ip = activity.dest_ip
    and ends.dest_port = activity.dest_port
  where ends.activities > 1
),
moment as (
  select
    src_ip, src_port, dest_ip, dest_port, start_us as at_us, 0 as turn, start_us, cast(null as varchar) as source,
    cast(null as varchar) as flow_id, cast(null as varchar) as interface, cast(null as varchar) as version, cast(null as integer) as opnum,
    cast(null as varchar) as interface_name, cast(null as varchar) as operation, cast(null as varchar) as image_path, 0 as calls
  from met
  union all
  select
    said.src_ip, said.src_port, said.dest_ip, said.dest_port, said.time_us as at_us, 1 as turn, cast(null as bigint) as start_us, said.source,
    said.flow_id, said.interface, said.version, said.opnum, said.interface_name, said.operation, said.image_path, said.calls
  from said
  join ends
    on ends.src_ip = said.src_ip
    and ends.src_port = said.src_port
    and ends.dest_ip = said.dest_ip
    and ends.dest_port = said.dest_port
  where ends.activities > 1
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
  select
    source, src_ip, src_port, dest_ip, dest_port, interface, version, opnum, interface_name, operation, image_path, calls, own_us
  from plain
  union all
  select
    timeline.source, timeline.src_ip, timeline.src_port, timeline.dest_ip, timeline.dest_port, timeline.interface, timeline.version,
    timeline.opnum, timeline.interface_name, timeline.operation, timeline.image_path, timeline.calls,
    coalesce(logged.start_us, timeline.start_us) as own_us
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
