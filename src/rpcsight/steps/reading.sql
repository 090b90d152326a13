/* reading: the one pass over the input. Keeps what the analytics can use (flows to the mapper or to a dynamic port, and those to SMB
   where these are asked for; either way round where the record does not say who called) and what could not be used, with the problem in words. */
select
  coalesce(flow_id, concat(src_ip, ':', cast(src_port as varchar), '>', dest_ip, ':', cast(dest_port as varchar), '@', cast(start_us as varchar))) as flow_id,
  start_us,
  case when end_us between start_us and 4102444800000000 then end_us else start_us end as end_us,
  src_ip,
  src_port,
  dest_ip,
  dest_port,
  transport_protocol,
  is_established,
  is_oriented,
  observer,
  source,
  case
    when set_aside is not null then set_aside
    when dest_port is null and src_port is null and dest_ip is null and src_ip is null and start_us is null
      then 'no flow record: broken, or without any of the fields'
    when dest_port is null and transport_protocol not in ('tcp', 'udp') then 'neither tcp nor udp'
    when dest_port is null or dest_port not between 0 and 65535 then 'dest_port missing or not a port'
    when src_port is null or src_port not between 0 and 65535 then 'src_port missing or not a port'
    when start_us is null then 'start_time missing or not a time'
    when start_us < 0 or start_us >= 4102444800000000 then 'start_time before 1970 or after 2099'
    when src_ip is null or length(src_ip) not between 2 and 45 then 'src_ip missing or not an address'
    when dest_ip is null or length(dest_ip) not between 2 and 45 then 'dest_ip missing or not an address'
    when start_us < $since_us or start_us >= $until_us then 'outside --since/--until'
  end as problem
from record
where dest_port in ($mapper_port, $smb_port)
  or dest_port between $dynamic_low and $dynamic_high
  or dest_port is null
  or dest_port not between 0 and 65535
  or ((src_port in ($mapper_port, $smb_port) or (src_port between $dynamic_low and $dynamic_high and dest_port >= 1024)) and not is_oriented)
  or set_aside is not null
