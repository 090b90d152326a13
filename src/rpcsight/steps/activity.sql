/* activity: one row an endpoint connection that is RPC by its mapper connection (basis `mapper`), or because the same server and port
   was reached after a mapper connection elsewhere in the input (basis `known_endpoint`). Seen by several observers, or considered both
   ways round, a connection is still one row: the best of its chain. A chain that does not say who called and follows the end of an older
   row is a later part of that connection, and no row. */
with unasked as (
  select
    pair_no, observer, src_ip, dest_ip, start_us, end_us, src_port, dest_port, flow_id, source, is_oriented, is_exchanged
  from matched
  where mapper_count = 0
  union all
  select
    cast(null as bigint) as pair_no, observer, src_ip, dest_ip, start_us, end_us, src_port, dest_port, flow_id, source, is_oriented, is_exchanged
  from lone
  where not is_repeated
),
supported as (
  select
    pair_no, observer, src_ip, dest_ip, start_us, end_us, src_port, dest_port, flow_id, source, is_oriented, is_exchanged,
    mapper_count, mapper_us, mapper_id, is_mapper_exchanged, start_us - mapper_us as gap_us, 'mapper' as basis, 0 as basis_rank
  from matched
  where mapper_count > 0
  union all
  select
    unasked.pair_no, unasked.observer, unasked.src_ip, unasked.dest_ip, unasked.start_us, unasked.end_us, unasked.src_port,
    unasked.dest_port, unasked.flow_id, unasked.source, unasked.is_oriented, unasked.is_exchanged,
    cast(0 as bigint) as mapper_count, cast(null as bigint) as mapper_us, cast(null as varchar) as mapper_id,
    cast(null as boolean) as is_mapper_exchanged, cast(null as bigint) as gap_us, 'known_endpoint' as basis, 1 as basis_rank
  from unasked
  join known on known.dest_ip = unasked.dest_ip and known.dest_port = unasked.dest_port
),
placed as (
  select
    *,
    case when is_up then src_ip else dest_ip end as a_ip,
    case when is_up then src_port else dest_port end as a_port,
    case when is_up then dest_ip else src_ip end as b_ip,
    case when is_up then dest_port else src_port end as b_port
  from (
    select *, src_ip < dest_ip or (src_ip = dest_ip and src_port < dest_port) as is_up
    from supported
  ) as turned
),
/* most connections are seen once: those need no sorting */
shared as (
  select a_ip, a_port, b_ip, b_port
  from placed
  group by a_ip, a_port, b_ip, b_port
  having count(*) > 1
),
marked as (
  select placed.*, shared.a_ip is not null as is_shared
  from placed
  left join shared
    on shared.a_ip = placed.a_ip
    and shared.a_port = placed.a_port
    and shared.b_ip = placed.b_ip
    and shared.b_port = placed.b_port
),
looked_back as (
  select
    *,
    start_us - max(start_us) over earlier as after_us,
    start_us - max(end_us) over earlier as after_end_us
  from marked
  where is_shared
  window earlier as (
    partition by a_ip, a_port, b_ip, b_port
    order by start_us, basis_rank, gap_us nulls last, observer, flow_id, src_ip, src_port, source, mapper_id
    rows between unbounded preceding and 1 preceding
  )
),
chained as (
  select
    *,
    sum(case when after_us <= $same_connection_us then 0 else 1 end) over (
      partition by a_ip, a_port, b_ip, b_port
      order by start_us, basis_rank, gap_us nulls last, observer, flow_id, src_ip, src_port, source, mapper_id
      rows between unbounded preceding and current row
    ) as chain_no
  from looked_back
),
ranked as (
  select
    *,
    row_number() over (
      partition by a_ip, a_port, b_ip, b_port, chain_no
      order by basis_rank, gap_us nulls last, start_us, observer, flow_id, src_ip, src_port, source, mapper_id
    ) as place,
    max(case when is_oriented then 1 when after_end_us <= $same_connection_us then 0 else 1 end) over (
      partition by a_ip, a_port, b_ip, b_port, chain_no
    ) as is_first_part
  from chained
)
select
  pair_no, src_ip, dest_ip, start_us, src_port, dest_port, mapper_us, mapper_count, gap_us, basis,
  mapper_id, is_mapper_exchanged, flow_id, observer, source, is_exchanged
from ranked
where place = 1 and is_first_part = 1
union all
select
  pair_no, src_ip, dest_ip, start_us, src_port, dest_port, mapper_us, mapper_count, gap_us, basis,
  mapper_id, is_mapper_exchanged, flow_id, observer, source, is_exchanged
from marked
where not is_shared
