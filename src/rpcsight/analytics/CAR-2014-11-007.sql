/*
id       = "CAR-2014-11-007"
title    = "Remote WMI over RPC, as published"
about    = "Every message of IRemUnknown2 (bind or call) to the endpoint mapper's port."
why      = "The auditable reference: what MITRE's page says, word for word; remote-wmi and wmi-launch are the forms that work."
source   = "https://car.mitre.org/analytics/CAR-2014-11-007/"
kind     = "published"
attack   = ["T1047"]
d3fend   = ["D3-RTA"]
needs    = ["rpc_bind", "rpc_call"]
uses     = ["rpc_bind", "rpc_call", "rpc_operation"]
mistaken = "DCOM of any kind: IRemUnknown2 counts references to objects, WMI's and all others'."
blind    = "Real WMI, all of it: the objects whose references IRemUnknown2 counts are behind dynamic ports, so no Windows has it on the mapper's port, and no public record either. WMI itself is IWbemLevel1Login and IWbemServices."
*/
with said as (
  /* one message asks for several contexts */
  select distinct
    coalesce(time_us, flow_us) as time_us,
    src_ip,
    src_port,
    dest_ip,
    dest_port,
    user_name,
    is_callback,
    cast(null as integer) as opnum,
    cast(null as varchar) as operation,
    cast(null as varchar) as flow_id,
    observer,
    source
  from rpc_bind
  where interface = '00000143-0000-0000-c000-000000000046'
  union all
  select
    coalesce(time_us, flow_us) as time_us,
    src_ip,
    src_port,
    dest_ip,
    dest_port,
    user_name,
    is_callback,
    opnum,
    operation,
    flow_id,
    observer,
    source
  from rpc_call
  where interface = '00000143-0000-0000-c000-000000000046'
    or (interface is null and lower(interface_name) = 'iremunknown2')
),
message as (
  select
    said.time_us,
    case when is_callback then dest_ip else src_ip end as src_ip,
    case when is_callback then dest_port else src_port end as src_port,
    case when is_callback then src_ip else dest_ip end as dest_ip,
    case when is_callback then src_port else dest_port end as dest_port,
    nullif(said.user_name, '') as user_name,
    coalesce(said.operation, rpc_operation.name) as operation,
    said.opnum,
    said.flow_id,
    said.observer,
    said.source
  from said
  left join rpc_operation
    on rpc_operation.interface = '00000143-0000-0000-c000-000000000046'
    and rpc_operation.opnum = said.opnum
  where said.time_us between 0 and 4102444799999999
    and said.time_us >= $since_us
    and said.time_us < $until_us
)
select
  'CAR-2014-11-007' as analytic,
  'T1047' as technique,
  'decoded' as tier,
  cast(0.5 as double) as confidence,
  cast(0.3 as double) as weight,
  make_timestamp(time_us) as start_time,
  make_timestamp(time_us) as end_time,
  src_ip,
  dest_ip,
  cast(null as varchar) as host,
  user_name,
  'IRemUnknown2' as service,
  operation,
  cast(1 as bigint) as events,
  cast(null as varchar) as target,
  cast(null as varchar) as image_path,
  cast(null as varchar) as command_line,
  flow_id,
  observer,
  source
from message
where dest_port = $mapper_port
order by start_time, src_ip, dest_ip, technique, service, operation, src_port, dest_port, opnum, user_name, flow_id, observer, source
