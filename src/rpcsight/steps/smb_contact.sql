/* smb_contact: answered connections to SMB (port 445) between two hosts, turned so that src opened them where the record does not say, one row a
   record. RPC may run in their named pipes; flows can't tell. */
with considered as (
  select flow_id, start_us, end_us, src_ip, src_port, dest_ip, dest_port, transport_protocol, is_established, observer, source
  from candidate
  where dest_port = $smb_port
  union all
  select
    flow_id, start_us, end_us, dest_ip as src_ip, dest_port as src_port, src_ip as dest_ip, src_port as dest_port, transport_protocol,
    is_established, observer, source
  from candidate
  where src_port = $smb_port and dest_port <> $smb_port and not is_oriented
)
select flow_id, start_us, end_us, src_ip, src_port, dest_ip, dest_port, observer, source
from considered
where coalesce(transport_protocol, 'tcp') = 'tcp'
  and coalesce(is_established, true)
  and src_ip <> dest_ip
  and src_ip not like '127.%'
  and dest_ip not like '127.%'
  and src_ip <> '::1'
  and dest_ip <> '::1'
