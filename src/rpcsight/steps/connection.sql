/* connection: TCP connections between the hosts of a pair, one row each and observer. Repeated records of one connection (retried, or
   exported by several sensors) are chained by their 5-tuple and start; the first of a chain stands for it. */
with linked as (
  select sighting.*, pair.pair_no
  from sighting
  join pair on pair.src_ip = sighting.src_ip and pair.dest_ip = sighting.dest_ip
  where sighting.left_out is null
)
select
  flow_id, start_us, end_us, src_ip, src_port, dest_ip, dest_port, observer, source, is_exchanged, is_mapper, pair_no,
  coalesce(start_us - lag(start_us) over (
    partition by pair_no, src_port, dest_port, observer
    order by start_us, flow_id, end_us desc, is_exchanged, source, src_ip
  ) <= $same_connection_us, false) as is_repeated
from linked
