/* activity: one row an endpoint connection that is RPC by its mapper connection (basis `mapper`), or because the same server and port
   was reached after a mapper connection elsewhere in the input (basis `known_endpoint`). Seen by several observers, or considered both
   ways round, a connection is still one row: the best of its chain. */
with known as (
  select distinct dest_ip, dest_port
  from matched
  where mapper_count > 0
),
supported as (
  select
    matched.*,
    case when mapper_count > 0 then 'mapper' else 'known_endpoint' end as basis,
    start_us - mapper_us as gap_us,
    case when mapper_count > 0 then 0 else 1 end as basis_rank,
    case when src_ip < dest_ip or (src_ip = dest_ip and src_port < dest_port)
      then concat(src_ip, ' ', cast(src_port as varchar), ' ', dest_ip, ' ', cast(dest_port as varchar))
      else concat(dest_ip, ' ', cast(dest_port as varchar), ' ', src_ip, ' ', cast(src_port as varchar))
    end as ends
  from matched
  where mapper_count > 0
    or exists (select 1 from known where known.dest_ip = matched.dest_ip and known.dest_port = matched.dest_port)
),
chained as (
  select
    *,
    case
      when start_us - lag(start_us) over (
        partition by ends
        order by start_us, basis_rank, gap_us nulls last, observer, flow_id, src_ip, src_port
      ) <= $same_connection_us then 0
      else 1
    end as begins
  from supported
),
numbered as (
  select
    *,
    sum(begins) over (
      partition by ends
      order by start_us, basis_rank, gap_us nulls last, observer, flow_id, src_ip, src_port
      rows between unbounded preceding and current row
    ) as chain_no
  from chained
),
ranked as (
  select
    *,
    row_number() over (
      partition by ends, chain_no
      order by basis_rank, gap_us nulls last, start_us, observer, flow_id, src_ip, src_port
    ) as place
  from numbered
)
select
  src_ip, dest_ip, start_us, src_port, dest_port, mapper_us, mapper_count, gap_us, basis,
  mapper_id, flow_id, observer, source, is_exchanged, place
from ranked
