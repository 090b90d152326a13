/* connection: TCP connections between the hosts of a pair, one row each and observer. Repeated records of one connection (retried, or
   exported by several sensors) are chained by their 5-tuple and start; the first of a chain stands for it. A record that does not say
   who called and follows the end of an older one is a later part of that connection, and begins and goes on no chain. */
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
),
looked_back as (
  select
    *,
    case when not is_oriented then start_us - max(end_us) over (
      partition by link_no, src_port, dest_port
      order by start_us, flow_id, end_us desc, is_exchanged, is_oriented desc, source, src_ip
      rows between unbounded preceding and 1 preceding
    ) end as after_end_us
  from marked
  where is_shared
),
parted as (
  select *, coalesce(after_end_us <= $same_connection_us, false) as is_part
  from looked_back
)
select
  flow_id, start_us, end_us, src_ip, src_port, dest_ip, dest_port, observer, source, is_oriented, is_exchanged, is_mapper, pair_no, link_no,
  false as is_repeated
from marked
where not is_shared
union all
select
  flow_id, start_us, end_us, src_ip, src_port, dest_ip, dest_port, observer, source, is_oriented, is_exchanged, is_mapper, pair_no, link_no,
  is_part or coalesce(start_us - max(case when not is_part then start_us end) over (
    partition by link_no, src_port, dest_port
    order by start_us, flow_id, end_us desc, is_exchanged, is_oriented desc, source, src_ip
    rows between unbounded preceding and 1 preceding
  ) <= $same_connection_us, false) as is_repeated
from parted
