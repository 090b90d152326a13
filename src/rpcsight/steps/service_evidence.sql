/* service_evidence: when what was seen on a server's port, on whatever connection: the interface of answers that name the port (of the server
   that gave it, and of the address in it), of calls and of binds that were not turned down; and the program that its own log shows there.
   `client` is whom the endpoint mapper told, `is_housed` whether the catalogue knows the interface's program. */
with shown as (
  select
    dest_ip, mapped_port as dest_port, time_us, interface, cast(null as varchar) as interface_name, cast(null as varchar) as operation,
    cast(null as varchar) as image_path, case when answer = 'ept_map' then src_ip end as client
  from rpc_mapping
  where mapped_port is not null and interface is not null
  union all
  select
    mapped_address as dest_ip, mapped_port as dest_port, time_us, interface, cast(null as varchar) as interface_name,
    cast(null as varchar) as operation, cast(null as varchar) as image_path, case when answer = 'ept_map' then src_ip end as client
  from rpc_mapping
  where mapped_port is not null and interface is not null and mapped_address <> '' and mapped_address <> dest_ip
  union all
  select dest_ip, dest_port, time_us, interface, interface_name, operation, image_path, cast(null as varchar) as client
  from rpc_call
  where transport_protocol = 'tcp' and not is_callback and (interface is not null or interface_name is not null)
  union all
  select
    dest_ip, dest_port, time_us, interface, cast(null as varchar) as interface_name, cast(null as varchar) as operation,
    cast(null as varchar) as image_path, cast(null as varchar) as client
  from rpc_bind
  where transport_protocol = 'tcp' and not is_callback and interface is not null
    and (result is null or result in ('accepted', 'negotiated'))
),
numbered as (
  select
    shown.dest_ip, shown.dest_port, shown.time_us, shown.interface_name, shown.client,
    coalesce(shown.interface, listed.interface) as interface,
    nullif(reverse(split_part(reverse(replace(lower(shown.image_path), '\', '/')), '/', 1)), '') as program
  from shown
  left join rpc_name as listed
    on listed.interface_name = lower(shown.interface_name)
    and listed.operation = lower(shown.operation)
    and listed.meanings = 1
  where shown.dest_ip is not null and shown.dest_port is not null
    and shown.time_us between 0 and 4102444799999999
)
select
  numbered.dest_ip,
  numbered.dest_port,
  numbered.time_us,
  coalesce(
    rpc_interface.name, numbered.interface_name, lower(rpc_interface.process), numbered.program, numbered.interface
  ) as service,
  coalesce(numbered.program, lower(rpc_interface.process)) as program,
  rpc_interface.process is not null as is_housed,
  true as is_interface,
  cast(1 as double) as tier_confidence,
  numbered.client
from numbered
left join rpc_interface on rpc_interface.interface = numbered.interface
union all
select
  dest_ip, dest_port, time_us, service, program, false as is_housed, false as is_interface, tier_confidence, cast(null as varchar) as client
from answering
