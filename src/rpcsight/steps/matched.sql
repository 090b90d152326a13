/* matched: endpoint connections with the mapper connections that precede them. On one time line per pair, a mapper connection opens
   the window at its start and closes it `window` after its end; at equal times: open, endpoint, close. n log n whatever the skew. */
with moment as (
  select observer, src_ip, dest_ip, start_us as at_us, 0 as turn, 1 as opened, 1 as begun, null as flow_id,
    null as src_port, null as dest_port, null as source, null as is_exchanged
  from mapper
  union all
  select observer, src_ip, dest_ip, end_us + $window_us as at_us, 2 as turn, -1 as opened, 0 as begun, null as flow_id,
    null as src_port, null as dest_port, null as source, null as is_exchanged
  from mapper
  union all
  select observer, src_ip, dest_ip, start_us as at_us, 1 as turn, 0 as opened, 0 as begun, flow_id,
    src_port, dest_port, source, is_exchanged
  from connection
  where not is_mapper and not coalesce(is_repeated, false)
),
timeline as (
  select
    *,
    cast(sum(opened) over line as bigint) as mapper_count,
    cast(sum(begun) over line as bigint) as mapper_no
  from moment
  window line as (
    partition by observer, src_ip, dest_ip
    order by at_us, turn
    rows between unbounded preceding and current row
  )
)
select
  endpoint.observer,
  endpoint.src_ip,
  endpoint.dest_ip,
  endpoint.at_us as start_us,
  endpoint.src_port,
  endpoint.dest_port,
  endpoint.flow_id,
  endpoint.source,
  endpoint.is_exchanged,
  endpoint.mapper_count,
  case when endpoint.mapper_count > 0 then coalesce(leader.start_us, nearest.start_us) end as mapper_us,
  case when endpoint.mapper_count > 0 then coalesce(leader.flow_id, nearest.flow_id) end as mapper_id
from timeline as endpoint
left join mapper as nearest
  on endpoint.mapper_count > 0
  and nearest.observer = endpoint.observer
  and nearest.src_ip = endpoint.src_ip
  and nearest.dest_ip = endpoint.dest_ip
  and nearest.mapper_no = endpoint.mapper_no
left join mapper as leader
  on nearest.end_us + $window_us < endpoint.at_us
  and leader.observer = nearest.observer
  and leader.src_ip = nearest.src_ip
  and leader.dest_ip = nearest.dest_ip
  and leader.mapper_no = nearest.leader_no
where endpoint.turn = 1
