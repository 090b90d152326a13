/* lone: endpoint connections between hosts without any mapper flow, to servers and ports known by a mapper connection elsewhere;
   repeated records are chained as in `connection`. */
with unlinked as (
  select sighting.*
  from sighting
  join known on known.dest_ip = sighting.dest_ip and known.dest_port = sighting.dest_port
  where sighting.left_out is null
    and not sighting.is_mapper
    and not exists (select 1 from pair where pair.src_ip = sighting.src_ip and pair.dest_ip = sighting.dest_ip)
),
looked_back as (
  select
    *,
    case when not is_oriented then start_us - max(end_us) over (
      partition by observer, src_ip, dest_ip, src_port, dest_port
      order by start_us, flow_id, end_us desc, is_exchanged, is_oriented desc, source
      rows between unbounded preceding and 1 preceding
    ) end as after_end_us
  from unlinked
),
parted as (
  select *, coalesce(after_end_us <= $same_connection_us, false) as is_part
  from looked_back
)
select
  *,
  is_part or coalesce(start_us - max(case when not is_part then start_us end) over (
    partition by observer, src_ip, dest_ip, src_port, dest_port
    order by start_us, flow_id, end_us desc, is_exchanged, is_oriented desc, source
    rows between unbounded preceding and 1 preceding
  ) <= $same_connection_us, false) as is_repeated
from parted
