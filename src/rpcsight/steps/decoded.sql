/* decoded: activities whose calls or binds say the service: the interface of the most telling operation that was called, where one was; else
   the interface that `spoken` names, else the one called most. Names of the catalogue; those of a log where that has none. Seen twice,
   a call counts once. */
with numbered as (
  select
    uttered.src_ip, uttered.src_port, uttered.dest_ip, uttered.dest_port, uttered.start_us, uttered.source, uttered.calls,
    uttered.interface_name, uttered.operation, uttered.image_path,
    coalesce(uttered.interface, listed.interface) as interface,
    coalesce(uttered.opnum, listed.opnum) as opnum,
    uttered.interface as shown_interface
  from uttered
  left join rpc_name as listed
    on listed.interface_name = lower(uttered.interface_name)
    and listed.operation = lower(uttered.operation)
    and listed.meanings = 1
),
weight as (
  select interface, opnum, max(weight) as weight
  from rpc_technique
  group by interface, opnum
),
named as (
  select
    numbered.src_ip, numbered.src_port, numbered.dest_ip, numbered.dest_port, numbered.start_us, numbered.source, numbered.calls,
    coalesce(
      rpc_interface.name,
      numbered.interface_name,
      lower(rpc_interface.process),
      nullif(reverse(split_part(reverse(replace(lower(numbered.image_path), '\', '/')), '/', 1)), ''),
      numbered.interface
    ) as service,
    coalesce(rpc_operation.name, numbered.operation) as operation,
    weight.weight,
    case when numbered.shown_interface = spoken.interface then 1 else 0 end as is_own
  from numbered
  join spoken
    on spoken.src_ip = numbered.src_ip
    and spoken.src_port = numbered.src_port
    and spoken.dest_ip = numbered.dest_ip
    and spoken.dest_port = numbered.dest_port
    and spoken.start_us = numbered.start_us
  left join rpc_interface on rpc_interface.interface = numbered.interface
  left join rpc_operation on rpc_operation.interface = numbered.interface and rpc_operation.opnum = numbered.opnum
  left join weight on weight.interface = numbered.interface and weight.opnum = numbered.opnum
),
captured as (
  select
    src_ip, src_port, dest_ip, dest_port, start_us, source, service, operation, max(weight) as weight, max(is_own) as is_own, sum(calls) as calls
  from named
  where service is not null
  group by src_ip, src_port, dest_ip, dest_port, start_us, source, service, operation
),
counted as (
  select
    src_ip, src_port, dest_ip, dest_port, start_us, service, operation, max(weight) as weight, max(is_own) as is_own, max(calls) as calls
  from captured
  group by src_ip, src_port, dest_ip, dest_port, start_us, service, operation
),
summed as (
  select
    *,
    max(is_own) over (partition by src_ip, src_port, dest_ip, dest_port, start_us, service) as is_own_service,
    sum(calls) over (partition by src_ip, src_port, dest_ip, dest_port, start_us, service) as service_calls
  from counted
),
ranked as (
  select
    *,
    row_number() over (
      partition by src_ip, src_port, dest_ip, dest_port, start_us
      order by
        weight desc nulls last,
        case when weight is not null then operation end nulls last,
        is_own_service desc, service_calls desc, service,
        case when operation is null then 1 else 0 end, calls desc, operation
    ) as place
  from summed
)
select
  src_ip, src_port, dest_ip, dest_port, start_us, service, operation,
  cast(case when service_calls > 0 then 1 else 0.9 end as double) as tier_confidence
from ranked
where place = 1
