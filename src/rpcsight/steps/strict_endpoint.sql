/* strict_endpoint: the flows that end at least one strict pair: the published rule asked of each endpoint flow as recorded, through
   the latest mapper flow of the pair that started before it (at equal times the endpoint flow comes first: `<` is strict). */
with looked_back as (
  select
    flow_id, source, observer, src_ip, src_port, dest_ip, dest_port, start_us,
    start_us - max(case when dest_port = $mapper_port then start_us end) over (
      partition by src_ip, dest_ip
      order by start_us, case when dest_port = $mapper_port then 1 else 0 end
      rows between unbounded preceding and current row
    ) as gap_us
  from candidate
)
select distinct flow_id, source, observer, src_ip, src_port, dest_ip, dest_port, start_us
from looked_back
where dest_port between $dynamic_low and $dynamic_high
  and src_port between $dynamic_low and $dynamic_high
  and gap_us < $window_us
