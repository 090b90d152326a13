/* contact: who reached whom by RPC, one row a connection to the endpoint mapper (`mapper`), an activity (`activity`) or a call (`call`):
   established, between two hosts; the client's and the server's side turned where the server called back. Calls seen by several observers, and connections
   to the mapper, are as many rows. */
select
  src_ip, dest_ip, start_us as at_us, 'mapper' as kind,
  cast(null as varchar) as interface, cast(null as varchar) as service, cast(null as varchar) as user_name,
  flow_id, observer, source
from sighting
where is_mapper and left_out is null
union all
select
  src_ip, dest_ip, start_us as at_us, 'activity' as kind,
  cast(null as varchar) as interface, cast(null as varchar) as service, cast(null as varchar) as user_name,
  flow_id, observer, source
from judged
union all
select
  case when is_callback then dest_ip else src_ip end as src_ip,
  case when is_callback then src_ip else dest_ip end as dest_ip,
  at_us, 'call' as kind,
  known_interface as interface, coalesce(service, known_interface) as service, nullif(user_name, '') as user_name,
  flow_id, observer, source
from called
where at_us is not null
  and src_ip <> dest_ip
  and src_ip not like '127.%'
  and src_ip <> '::1'
