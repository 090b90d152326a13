/*
id       = "CAR-2015-04-002"
title    = "Remotely scheduled tasks via schtasks, as published"
about    = "Every message of ITaskSchedulerService (bind or call) between two dynamic ports, whatever it asks for."
why      = "The auditable reference: what MITRE's page says, word for word; remote-task is the form that works."
source   = "https://car.mitre.org/analytics/CAR-2015-04-002/"
kind     = "published"
attack   = ["T1053.005"]
d3fend   = ["D3-RTA"]
needs    = ["rpc_bind", "rpc_call"]
uses     = ["rpc_bind", "rpc_call", "rpc_operation"]
mistaken = "Whoever looks at tasks: consoles, inventories and monitoring list them all day; the page leaves telling reads from registrations to the operation."
blind    = "Clients with ports below 49152 (Linux, NAT); tasks over a named pipe (task-atsvc); the older interfaces atsvc and sasec; records without ports."
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
  where interface = '86d35949-83c9-4044-b424-db363231fd0c'
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
  where interface = '86d35949-83c9-4044-b424-db363231fd0c'
    or (interface is null and lower(interface_name) = 'itaskschedulerservice')
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
    on rpc_operation.interface = '86d35949-83c9-4044-b424-db363231fd0c'
    and rpc_operation.opnum = said.opnum
  where said.time_us between 0 and 4102444799999999
    and said.time_us >= $since_us
    and said.time_us < $until_us
)
select
  'CAR-2015-04-002' as analytic,
  'T1053.005' as technique,
  'decoded' as tier,
  cast(0.5 as double) as confidence,
  cast(0.3 as double) as weight,
  make_timestamp(time_us) as start_time,
  make_timestamp(time_us) as end_time,
  src_ip,
  dest_ip,
  cast(null as varchar) as host,
  user_name,
  'ITaskSchedulerService' as service,
  operation,
  cast(1 as bigint) as events,
  cast(null as varchar) as target,
  cast(null as varchar) as image_path,
  cast(null as varchar) as command_line,
  flow_id,
  observer,
  source
from message
where src_port >= $dynamic_low
  and dest_port >= $dynamic_low
order by start_time, src_ip, dest_ip, technique, service, operation, src_port, dest_port, opnum, user_name, flow_id, observer, source
