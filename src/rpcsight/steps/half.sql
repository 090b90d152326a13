/* half: one-way records that can be part of RPC in either direction. Kept to what pairing needs. */
select *
from raw
where dest_port in ($mapper_port, $smb_port)
  or src_port in ($mapper_port, $smb_port)
  or (dest_port between $dynamic_low and $dynamic_high and src_port >= 1024)
  or (src_port between $dynamic_low and $dynamic_high and dest_port >= 1024)
  or set_aside is not null
  or ((dest_port is null or src_port is null) and coalesce(transport_protocol, 'tcp') in ('tcp', 'udp'))
