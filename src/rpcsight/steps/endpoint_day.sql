/* endpoint_day: what is learned of each server's dynamic ports, a day: that connections to them were answered, and what was called on them. */
select
  dest_ip,
  dest_port,
  '' as service,
  cast(start_us // 86400000000 as integer) as day,
  count(*) as records
from sighting
where left_out is null and not is_mapper and is_oriented
group by dest_ip, dest_port, start_us // 86400000000
union all
select
  dest_ip,
  dest_port,
  substring(coalesce(service, known_interface), 1, 256) as service,
  cast(at_us // 86400000000 as integer) as day,
  count(*) as records
from called
where at_us between 0 and 4102444799999999
  and not coalesce(is_callback, false)
  and coalesce(transport_protocol, 'tcp') = 'tcp'
  and dest_port between $dynamic_low and $dynamic_high
  and coalesce(service, known_interface) is not null
  and dest_ip not like '127.%'
  and dest_ip <> '::1'
group by dest_ip, dest_port, substring(coalesce(service, known_interface), 1, 256), at_us // 86400000000
