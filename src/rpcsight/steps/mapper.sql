/* mapper: mapper connections, numbered within their pair and observer by start. */
select
  flow_id,
  start_us,
  end_us,
  src_port,
  observer,
  link_no,
  src_ip,
  dest_ip,
  is_exchanged,
  row_number() over (partition by link_no order by start_us, flow_id, end_us desc, src_port) as mapper_no
from connection
where is_mapper and not is_repeated
