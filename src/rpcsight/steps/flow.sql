/* flow: the public flow table of everything that was read: `record` the other way round. */
select
  flow_id,
  make_timestamp(start_us) as start_time,
  make_timestamp(end_us) as end_time,
  src_ip,
  src_port,
  dest_ip,
  dest_port,
  transport_protocol,
  is_established,
  is_oriented,
  cast(null as bigint) as out_bytes,
  cast(null as bigint) as in_bytes,
  cast(null as bigint) as out_packets,
  cast(null as bigint) as in_packets,
  observer,
  source
from reading
where problem is null
order by start_us, flow_id, src_ip, src_port, dest_ip, dest_port, end_us, observer, source
