/* evidence: the first activities of each chosen story, its first connections to SMB or its first attempts where there are no more of them.
   Reads chosen: client, server, number, first and last begin of a story. */
select
  src_ip, dest_ip, story_no, start_time, src_port, dest_port, mapper_time, mapper_count, gap_s, basis,
  interface, interface_version, calls, named_by, service, operation, tier, tier_confidence, is_strict, is_robust, mapper_id, flow_id, observer, source
from (
  select
    deed.*,
    chosen.story_no,
    row_number() over (
      partition by deed.src_ip, deed.dest_ip, chosen.story_no
      order by case basis when 'attempt' then 2 when 'smb' then 1 else 0 end, start_time, flow_id, src_port, dest_port, observer, source
    ) as place
  from (
    select
      src_ip, dest_ip, start_time, src_port, dest_port, mapper_time, mapper_count, gap_s, basis,
      interface, interface_version, calls, named_by, service, operation, tier, tier_confidence, is_strict, is_robust, mapper_id, flow_id, observer, source
    from rpc_activity
    union all
    select
      src_ip, dest_ip, start_time, src_port, dest_port, cast(null as timestamp) as mapper_time, cast(null as bigint) as mapper_count,
      cast(null as double) as gap_s, basis, cast(null as varchar) as interface, cast(null as varchar) as interface_version,
      cast(null as bigint) as calls, cast(null as varchar) as named_by, cast(null as varchar) as service,
      cast(null as varchar) as operation, cast(null as varchar) as tier, cast(null as double) as tier_confidence, false as is_strict, false as is_robust,
      cast(null as varchar) as mapper_id, flow_id, observer, source
    from (
      select src_ip, dest_ip, start_time, src_port, dest_port, 'attempt' as basis, flow_id, observer, source
      from rpc_attempt
      union all
      select src_ip, dest_ip, start_time, src_port, dest_port, 'smb' as basis, flow_id, observer, source
      from smb_connection
    ) as plain
  ) as deed
  join chosen
    on chosen.src_ip = deed.src_ip
    and chosen.dest_ip = deed.dest_ip
    and epoch_us(deed.start_time) between chosen.first_us and chosen.latest_us
) as placed
where place <= $evidence_rows
order by src_ip, dest_ip, story_no, place
