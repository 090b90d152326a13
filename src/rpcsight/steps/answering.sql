/* answering: programs at the server's end of connections, as the server's own log says, in lower case without their folder; with the service
   that follows from the program, and how far it does: a svchost.exe can be any of a hundred. */
with told as (
  select src_ip, src_port, dest_ip, dest_port, time_us, image_path
  from host_flow
  where not is_outbound and transport_protocol = 'tcp'
  union all
  select src_ip, src_port, dest_ip, dest_port, time_us, image_path
  from rpc_call
  where not is_callback and transport_protocol = 'tcp'
),
bare as (
  select
    src_ip, src_port, dest_ip, dest_port, time_us,
    nullif(reverse(split_part(reverse(replace(lower(image_path), '\', '/')), '/', 1)), '') as program
  from told
  where image_path is not null
    and dest_ip is not null
    and dest_port is not null
    and time_us between 0 and 4102444799999999
)
select
  bare.src_ip, bare.src_port, bare.dest_ip, bare.dest_port, bare.time_us, bare.program,
  coalesce(sole_service.service, bare.program) as service,
  cast(case when sole_service.service is not null then 0.9 when bare.program = 'svchost.exe' then 0.3 else 0.6 end as double) as tier_confidence
from bare
left join sole_service on sole_service.program = bare.program
where bare.program is not null
