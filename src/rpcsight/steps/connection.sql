/* connection: TCP connections between the hosts of a pair, one row each and observer. Repeated records of one connection (retried, or
   exported by several sensors) are chained by their 5-tuple and start; the first of a chain stands for it. */
with linked as (
  select sighting.*, pair.pair_no, pair.link_no
  from sighting
  join pair
    on pair.src_ip = sighting.src_ip
    and pair.dest_ip = sighting.dest_ip
    and pair.observer = sighting.observer
  where sighting.left_out is null
),
/* most 5-tuples have one record: those need no sorting */
shared as (
  select link_no, src_port, dest_port
  from linked
  group by link_no, src_port, dest_port
  having count(*) > 1
),
marked as (
  select linked.*, shared.link_no is not null as is_shared
  from linked
  left join shared
    on shared.link_no = linked.link_no
    and shared.src_port = linked.src_port
    and shared.dest_port = linked.dest_port
)
select
  flow_id, start_us, end_us, src_ip, src_port, dest_ip, dest_port, observer, source, is_exchanged, is_mapper, pair_no, link_no,
  false as is_repeated
from marked
where not is_shared
union all
select
  flow_id, start_us, end_us, src_ip, src_port, dest_ip, dest_port, observer, source, is_exchanged, is_mapper, pair_no, link_no,
  coalesce(start_us - lag(start_us) over (
    partition by link_no, src_port, dest_port
    order by start_us, flow_id, end_us desc, is_exchanged, source, src_ip
  ) <= $same_connection_us, false) as is_repeated
from marked
where is_shared
