/* meeting: what a client did with a server, an hour and a port: activities, unanswered attempts, connections to SMB, and what analytics that name a
   technique say (who is not known is ''). Reads rpc_activity, rpc_attempt and smb_connection, the kept results of the analytics of those names, and
   detection. */
with deed as (
  select
    src_ip, dest_ip, dest_port, epoch_us(start_time) as start_us, epoch_us(start_time) as last_us, gap_s, mapper_count, basis, named_by,
    is_strict, 1 as is_activity, 0 as is_attempt, 0 as is_smb
  from rpc_activity
  union all
  select
    src_ip, dest_ip, dest_port, epoch_us(start_time) as start_us, epoch_us(start_time) as last_us, cast(null as double) as gap_s,
    cast(0 as bigint) as mapper_count, basis, cast(null as varchar) as named_by, false as is_strict,
    0 as is_activity, case basis when 'attempt' then 1 else 0 end as is_attempt, case basis when 'smb' then 1 else 0 end as is_smb
  from (
    select src_ip, dest_ip, dest_port, start_time, 'attempt' as basis
    from rpc_attempt
    union all
    select src_ip, dest_ip, dest_port, start_time, 'smb' as basis
    from smb_connection
  ) as plain
  union all
  select
    coalesce(src_ip, '') as src_ip, coalesce(dest_ip, '') as dest_ip, cast(null as integer) as dest_port,
    epoch_us(start_time) as start_us, epoch_us(end_time) as last_us, cast(null as double) as gap_s,
    cast(0 as bigint) as mapper_count, 'detection' as basis, cast(null as varchar) as named_by, false as is_strict,
    0 as is_activity, 0 as is_attempt, 0 as is_smb
  from detection
)
select
  src_ip,
  dest_ip,
  dest_port,
  start_us // 3600000000 as hour,
  cast(sum(is_activity) as bigint) as activities,
  cast(sum(is_attempt) as bigint) as attempts,
  cast(sum(is_smb) as bigint) as smb,
  cast(sum(case when mapper_count > 0 then 1 else 0 end) as bigint) as by_mapper,
  cast(sum(case when basis = 'decoded' then 1 else 0 end) as bigint) as by_decoded,
  cast(sum(case when is_activity = 1 and basis <> 'decoded' and named_by = 'unnamed' then 1 else 0 end) as bigint) as unnamed,
  cast(sum(case when is_strict then 1 else 0 end) as bigint) as by_strict,
  min(gap_s) as least_gap_s,
  min(start_us) as first_us,
  max(start_us) as latest_us,
  max(last_us) as last_us
from deed
group by src_ip, dest_ip, dest_port, start_us // 3600000000
