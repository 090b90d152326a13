/* mapper: mapper connections, numbered within their pair and observer by start. */
select
  flow_id,
  start_us,
  end_us,
  src_port,
  observer,
  pair_no,
  src_ip,
  dest_ip,
  row_number() over (partition by pair_no, observer order by start_us, flow_id, end_us desc, src_port) as mapper_no
from connection
where is_mapper and not is_repeated
