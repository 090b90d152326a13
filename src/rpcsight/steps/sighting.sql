/* sighting: candidates as the robust rule considers them: both ways round where the record does not say who called whom,
   each with the reason for which it is left out, if any. */
with considered as (
  select
    flow_id, start_us, end_us, src_ip, src_port, dest_ip, dest_port,
    transport_protocol, is_established, is_oriented, observer, source, false as is_exchanged
  from candidate
  union all
  select
    flow_id, start_us, end_us, dest_ip as src_ip, dest_port as src_port, src_ip as dest_ip, src_port as dest_port,
    transport_protocol, is_established, is_oriented, observer, source, true as is_exchanged
  from candidate
  where not is_oriented
)
select
  flow_id,
  start_us,
  end_us,
  src_ip,
  src_port,
  dest_ip,
  dest_port,
  observer,
  source,
  is_oriented,
  is_exchanged,
  dest_port = $mapper_port as is_mapper,
  case
    when transport_protocol <> 'tcp' then 'not tcp'
    when src_ip = dest_ip then 'self'
    when src_ip like '127.%' or dest_ip like '127.%' or src_ip = '::1' or dest_ip = '::1' then 'loopback'
    when not is_established then 'failed'
  end as left_out
from considered
where dest_port = $mapper_port
  or (dest_port between $dynamic_low and $dynamic_high and src_port >= 1024)
