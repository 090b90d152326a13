/* deed_day: what is learned of the calls of each client on each server, a day: by service, by operation where it can serve a technique, and
   by account; the client's and the server's side turned where the server called back. */
with told as (
  select distinct interface, opnum
  from rpc_technique
),
placed as (
  select
    case when called.is_callback then called.dest_ip else called.src_ip end as src_ip,
    case when called.is_callback then called.src_ip else called.dest_ip end as dest_ip,
    substring(coalesce(called.service, called.known_interface, ''), 1, 256) as service,
    case when told.interface is not null then substring(coalesce(called.operation_name, ''), 1, 256) else '' end as operation,
    substring(coalesce(called.user_name, ''), 1, 256) as user_name,
    called.at_us,
    called.at_us // 86400000000 as day,
    called.at_us % 86400000000 // 3600000000 as hour,
    coalesce(called.request_bytes, 0) + coalesce(called.response_bytes, 0) as bytes
  from called
  left join told
    on told.interface = called.known_interface
    and told.opnum = called.known_opnum
  where called.at_us between 0 and 4102444799999999
    and called.src_ip <> called.dest_ip
    and called.src_ip not like '127.%'
    and called.dest_ip not like '127.%'
    and called.src_ip <> '::1'
    and called.dest_ip <> '::1'
)
select
  src_ip,
  dest_ip,
  service,
  operation,
  user_name,
  cast(day as integer) as day,
  count(*) as calls,
  cast(sum(bytes) as bigint) as bytes,
  cast(bit_or(1 << cast(hour as integer)) as integer) as hours,
  min(at_us) as first_us,
  max(at_us) as last_us
from placed
group by src_ip, dest_ip, service, operation, user_name, day
