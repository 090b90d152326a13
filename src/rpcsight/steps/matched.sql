/* matched: endpoint connections with the mapper connections that precede them. On one time line a pair, a mapper connection opens
   the window at its start and closes it `window` after its end; at equal times: open, endpoint, close. n log n whatever the skew.
   The mapper connection named is the latest one, or, where that is over, the one that was open the longest. */
with moment as (
  select pair_no, observer, start_us as at_us, 0 as turn, 1 as opened, 1 as begun, end_us as open_until_us
  from mapper
  union all
  select pair_no, observer, end_us + $window_us as at_us, 2 as turn, -1 as opened, 0 as begun, cast(null as bigint) as open_until_us
  from mapper
  union all
  select distinct pair_no, observer, start_us as at_us, 1 as turn, 0 as opened, 0 as begun, cast(null as bigint) as open_until_us
  from connection
  where not is_mapper and not is_repeated
),
timeline as (
  select
    pair_no,
    observer,
    at_us,
    turn,
    cast(sum(opened) over line as bigint) as mapper_count,
    cast(sum(begun) over line as bigint) as mapper_no,
    max(open_until_us) over line as leader_end_us
  from moment
  window line as (
    partition by pair_no, observer
    order by at_us, turn
    rows between unbounded preceding and current row
  )
),
nearest as (
  select
    timeline.pair_no,
    timeline.observer,
    timeline.at_us,
    timeline.mapper_count,
    timeline.leader_end_us,
    mapper.flow_id as nearest_id,
    mapper.start_us as nearest_us,
    mapper.end_us + $window_us < timeline.at_us as is_over
  from timeline
  join mapper
    on mapper.pair_no = timeline.pair_no
    and mapper.observer = timeline.observer
    and mapper.mapper_no = timeline.mapper_no
  where timeline.turn = 1
    and timeline.mapper_count > 0
),
leader as (
  select pair_no, observer, end_us, start_us, flow_id,
    row_number() over (partition by pair_no, observer, end_us order by start_us, flow_id, mapper_no) as place
  from mapper
  where exists (
    select 1
    from nearest
    where nearest.is_over
      and nearest.pair_no = mapper.pair_no
      and nearest.observer = mapper.observer
      and nearest.leader_end_us = mapper.end_us
  )
),
named as (
  select
    nearest.pair_no,
    nearest.observer,
    nearest.at_us,
    nearest.mapper_count,
    coalesce(leader.start_us, nearest.nearest_us) as mapper_us,
    coalesce(leader.flow_id, nearest.nearest_id) as mapper_id
  from nearest
  left join leader
    on nearest.is_over
    and leader.pair_no = nearest.pair_no
    and leader.observer = nearest.observer
    and leader.end_us = nearest.leader_end_us
    and leader.place = 1
)
select
  connection.pair_no,
  connection.observer,
  connection.src_ip,
  connection.dest_ip,
  connection.start_us,
  connection.src_port,
  connection.dest_port,
  connection.flow_id,
  connection.source,
  connection.is_exchanged,
  coalesce(named.mapper_count, 0) as mapper_count,
  named.mapper_us,
  named.mapper_id
from connection
left join named
  on named.pair_no = connection.pair_no
  and named.observer = connection.observer
  and named.at_us = connection.start_us
where not connection.is_mapper and not connection.is_repeated
