/* candidate: the flows that can be part of RPC, as recorded, one row a record. */
select
  flow_id,
  start_us,
  end_us,
  src_ip,
  src_port,
  dest_ip,
  dest_port,
  transport_protocol,
  is_established,
  is_oriented,
  observer,
  source
from reading
where problem is null
