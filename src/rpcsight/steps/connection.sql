/* connection: one row a TCP connection and observer. Repeated records of one connection (retried, exported by several sensors)
   are chained by their 5-tuple and start; the first of a chain stands for it. */
select
  flow_id,
  start_us,
  end_us,
  src_ip,
  src_port,
  dest_ip,
  dest_port,
  observer,
  source,
  is_exchanged,
  is_mapper,
  start_us - lag(start_us) over (
    partition by observer, src_ip, dest_ip, src_port, dest_port
    order by start_us, flow_id
  ) <= $same_connection_us as is_repeated
from sighting
where left_out is null
