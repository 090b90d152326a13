/* controller: hosts that answer as domain controllers do: calls of the directory replication service, or the endpoint mapper's word that it
   listens there. */
select dest_ip as ip
from rpc_call
where interface = 'e3514235-4b06-11d1-ab04-00c04fc2dcd2' or lower(interface_name) = 'drsuapi'
union
select coalesce(nullif(mapped_address, ''), dest_ip) as ip
from rpc_mapping
where interface = 'e3514235-4b06-11d1-ab04-00c04fc2dcd2'
