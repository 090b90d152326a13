/* event_record: flows of hosts' own logs. Neither log says when a connection ended, or (5156) whether it was answered. */
select
  case when record_id is not null and not is_broken then concat(computer, ' ', log, ' ', record_id) end as flow_id,
  at_us as start_us,
  cast(null as bigint) as end_us,
  src_ip,
  src_port,
  dest_ip,
  dest_port,
  transport_protocol,
  cast(null as boolean) as is_established,
  is_oriented,
  observer,
  source,
  cast(null as varchar) as set_aside
from logged_flow
