/* activity: one row an endpoint connection that is RPC by its mapper connection (basis `mapper`), or because the same server and port
   was reached after a mapper connection elsewhere in the input (basis `known_endpoint`). Seen by several observers, or considered both
   ways round, a connection is still one row: the best of its chain. */
with known as (
  select distinct dest_ip, dest_port
  from matched
  where mapper_count > 0
),
unasked as (
  select
    pair_no, observer, src_ip, dest_ip, start_us, src_port, dest_port, flow_id, source, is_exchanged
  from matched
  where mapper_count = 0
  union all
  select
    cast(null as bigint) as pair_no, observer, src_ip, dest_ip, start_us, src_port, dest_port, flow_id, source, is_exchanged
  from lone
  where not is_repeated
),
supported as (
  select
    pair_no, observer, src_ip, dest_ip, start_us, src_port, dest_port, flow_id, source, is_exchanged,
    mapper_count, mapper_us, mapper_id, start_us - mapper_us as gap_us, 'mapper' as basis, 0 as basis_rank
  from matched
  where mapper_count > 0
  union all
  select
    unasked.pair_no, unasked.observer, unasked.src_ip, unasked.dest_ip, unasked.start_us, unasked.src_port, unasked.dest_port,
    unasked.flow_id, unasked.source, unasked.is_exchanged,
    cast(0 as bigint) as mapper_count, cast(null as bigint) as mapper_us, cast(null as varchar) as mapper_id,
    cast(null as bigint) as gap_us, 'known_endpoint' as basis, 1 as basis_rank
  from unasked
  join known on known.dest_ip = unasked.dest_ip and known.dest_port = unasked.dest_port
),
placed as (
  select
    *,
    case when src_ip < dest_ip or (src_ip = dest_ip and src_port < dest_port) then 1 else 0 end as is_up
  from supported
),
neighboured as (
  select
    *,
    start_us - lag(start_us) over ends as after_us,
    lead(start_us) over ends - start_us as before_us
  from placed
  window ends as (
    partition by
      case when is_up = 1 then src_ip else dest_ip end, case when is_up = 1 then src_port else dest_port end,
      case when is_up = 1 then dest_ip else src_ip end, case when is_up = 1 then dest_port else src_port end
    order by start_us, basis_rank, gap_us nulls last, observer, flow_id, src_ip, src_port, source, mapper_id
  )
),
chained as (
  select
    *,
    sum(case when after_us <= $same_connection_us then 0 else 1 end) over (
      partition by
        case when is_up = 1 then src_ip else dest_ip end, case when is_up = 1 then src_port else dest_port end,
        case when is_up = 1 then dest_ip else src_ip end, case when is_up = 1 then dest_port else src_port end
      order by start_us, basis_rank, gap_us nulls last, observer, flow_id, src_ip, src_port, source, mapper_id
      rows between unbounded preceding and current row
    ) as chain_no
  from neighboured
  where after_us <= $same_connection_us or before_us <= $same_connection_us
),
ranked as (
  select
    *,
    row_number() over (
      partition by
        case when is_up = 1 then src_ip else dest_ip end, case when is_up = 1 then src_port else dest_port end,
        case when is_up = 1 then dest_ip else src_ip end, case when is_up = 1 then dest_port else src_port end,
        chain_no
      order by basis_rank, gap_us nulls last, start_us, observer, flow_id, src_ip, src_port, source, mapper_id
    ) as place
  from chained
)
select
  pair_no, src_ip, dest_ip, start_us, src_port, dest_port, mapper_us, mapper_count, gap_us, basis,
  mapper_id, flow_id, observer, source, is_exchanged
from ranked
where place = 1
union all
select
  pair_no, src_ip, dest_ip, start_us, src_port, dest_port, mapper_us, mapper_count, gap_us, basis,
  mapper_id, flow_id, observer, source, is_exchanged
from neighboured
where coalesce(after_us > $same_connection_us, true) and coalesce(before_us > $same_connection_us, true)
