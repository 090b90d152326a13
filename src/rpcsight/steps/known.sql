/* known: servers and ports that a mapper connection explains somewhere in the input, or on which DCE/RPC was captured. */
select dest_ip, dest_port
from matched
where mapper_count > 0
union
select dest_ip, dest_port
from rpc_bind
where transport_protocol = 'tcp' and not is_callback
union
select dest_ip, dest_port
from rpc_call
where transport_protocol = 'tcp' and not is_callback
