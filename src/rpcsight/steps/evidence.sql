/* evidence: the first activities of each client and server. */
select
  src_ip, dest_ip, start_time, src_port, dest_port, mapper_time, mapper_count, gap_s, basis, is_strict, is_robust,
  mapper_id, flow_id, observer, source
from (
  select
    *,
    row_number() over (
      partition by src_ip, dest_ip
      order by start_time, flow_id, src_port, dest_port, observer
    ) as place
  from rpc_activity
) as placed
where place <= $evidence_rows
order by src_ip, dest_ip, place
