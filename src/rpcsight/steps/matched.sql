/* matched: endpoint connections with the mapper connections that precede them. On one time line a pair, a mapper connection opens
   the window at its start and closes it `window` after its end; at equal times: open, endpoint, close. n log n whatever the skew.
   The mapper connection named is the latest one, or, where that is over, the one that was open the longest. */
with moment as (
  select link_no, start_us as at_us, 0 as turn, 1 as opened, 1 as begun, end_us as open_until_us
  from mapper
  union all
  select link_no, end_us + $window_us as at_us, 2 as turn, -1 as opened, 0 as begun, cast(null as bigint) as open_until_us
  from mapper
  union all
  select distinct link_no, start_us as at_us, 1 as turn, 0 as opened, 0 as begun, cast(null as bigint) as open_until_us
  from connection
  where not is_mapper and not is_repeated
),
timeline as (
  select
    link_no,
    at_us,
    turn,
    cast(sum(opened) over line as bigint) as mapper_count,
    cast(sum(begun) over line as bigint) as mapper_no,
    max(open_until_us) over line as leader_end_us
  from moment
  window line as (
    partition by link_no
    order by at_us, turn
    rows between unbounded preceding and current row
  )
),
nearest as (
  select
    timeline.link_no,
    timeline.at_us,
    timeline.mapper_count,
    timeline.leader_end_us,
    mapper.flow_id as nearest_id,
    mapper.start_us as nearest_us,
    mapper.is_exchanged as nearest_is_exchanged,
    mapper.end_us + $window_us < timeline.at_us as is_over
  from timeline
  join mapper
    on mapper.link_no = timeline.link_no
    and mapper.mapper_no = timeline.mapper_no
  where timeline.turn = 1
    and timeline.mapper_count > 0
),
leader as (
  select link_no, end_us, start_us, flow_id, is_exchanged,
    row_number() over (partition by link_no, end_us order by start_us, flow_id, mapper_no) as place
  from mapper
  where exists (
    select 1
    from nearest
    where nearest.is_over
      and nearest.link_no = mapper.link_no
      and nearest.leader_end_us = mapper.end_us
  )
),
named as (
  select
    nearest.link_no,
    nearest.at_us,
    nearest.mapper_count,
    coalesce(leader.start_us, nearest.nearest_us) as mapper_us,
    coalesce(leader.flow_id, nearest.nearest_id) as mapper_id,
    coalesce(leader.is_exchanged, nearest.nearest_is_exchanged) as is_mapper_exchanged
  from nearest
  left join leader
    on nearest.is_over
    and leader.link_no = nearest.link_no
    and leader.end_us = nearest.leader_end_us
    and leader.place = 1
)
select
  connection.pair_no,
  connection.observer,
  connection.src_ip,
  connection.dest_ip,
  connection.start_us,
  connection.end_us,
  connection.src_port,
  connection.dest_port,
  connection.flow_id,
  connection.source,
  connection.is_oriented,
  connection.is_exchanged,
  coalesce(named.mapper_count, 0) as mapper_count,
  named.mapper_us,
  named.mapper_id,
  named.is_mapper_exchanged
from connection
left join named
  on named.link_no = connection.link_no
  and named.at_us = connection.start_us
where not connection.is_mapper and not connection.is_repeated
