/* flow_traits: what candidates over TCP say, and what they leave open: one row. */
select
  count(*) as flows,
  sum(case when dest_port = $mapper_port then 1 else 0 end) as to_mapper,
  sum(case when src_port = $mapper_port and dest_port <> $mapper_port and is_oriented then 1 else 0 end) as from_mapper,
  sum(case when dest_port between $dynamic_low and $dynamic_high and src_port <> $mapper_port then 1 else 0 end) as to_dynamic,
  sum(case when not is_oriented then 1 else 0 end) as not_oriented,
  sum(case when is_established is null then 1 else 0 end) as not_told,
  sum(case when not is_established then 1 else 0 end) as failed,
  sum(case when end_us > start_us then 1 else 0 end) as lasting,
  sum(case when start_us % 60000000 = 0 then 1 else 0 end) as whole_minutes
from candidate
where coalesce(transport_protocol, 'tcp') = 'tcp'
