/* telling: calls between two hosts whose operation can serve a technique, one row a call and technique; with the client's and the server's
   side turned where the server called back. Seen in two files, a call is two rows. */
select
  called.at_us,
  called.flow_us,
  case when called.is_callback then called.dest_ip else called.src_ip end as src_ip,
  case when called.is_callback then called.dest_port else called.src_port end as src_port,
  case when called.is_callback then called.src_ip else called.dest_ip end as dest_ip,
  case when called.is_callback then called.src_port else called.dest_port end as dest_port,
  called.transport_protocol,
  called.pipe,
  nullif(called.user_name, '') as user_name,
  called.known_interface as interface,
  called.known_opnum as opnum,
  called.service,
  called.operation_name as operation,
  called.fault,
  called.image_path,
  rpc_technique.technique,
  rpc_technique.weight,
  called.flow_id,
  called.observer,
  called.source
from called
join rpc_technique
  on rpc_technique.interface = called.known_interface
  and rpc_technique.opnum = called.known_opnum
where called.at_us is not null
  and called.src_ip <> called.dest_ip
  and called.src_ip not like '127.%'
  and called.src_ip <> '::1'
  and called.dest_ip not like '127.%'
  and called.dest_ip <> '::1'
