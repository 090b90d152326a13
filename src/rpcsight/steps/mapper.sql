/* mapper: mapper connections, numbered within their pair by start. leader_no is the one open the longest so far: it still explains
   an endpoint connection when the nearest mapper connection is over. */
with numbered as (
  select
    flow_id, start_us, end_us, src_ip, src_port, dest_ip, observer,
    row_number() over pair as mapper_no,
    max(end_us) over (
      partition by observer, src_ip, dest_ip
      order by start_us, flow_id
      rows between unbounded preceding and 1 preceding
    ) as end_before_us
  from connection
  where is_mapper and not coalesce(is_repeated, false)
  window pair as (partition by observer, src_ip, dest_ip order by start_us, flow_id)
)
select
  flow_id,
  start_us,
  end_us,
  src_ip,
  src_port,
  dest_ip,
  observer,
  mapper_no,
  max(case when end_before_us is null or end_us > end_before_us then mapper_no end) over (
    partition by observer, src_ip, dest_ip
    order by mapper_no
    rows between unbounded preceding and current row
  ) as leader_no
from numbered
