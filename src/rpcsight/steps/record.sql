/* record: the flow table as the steps below want it, times as whole microseconds since 1970 UTC.
   Readers give this relation themselves; this text is for a warehouse that holds rpcsight's flow table. */
select
  flow_id,
  epoch_us(start_time) as start_us,
  epoch_us(end_time) as end_us,
  src_ip,
  src_port,
  dest_ip,
  dest_port,
  transport_protocol,
  is_established,
  is_oriented,
  observer,
  source,
  cast(null as varchar) as set_aside
from flow
