/*
id       = "CAR-2014-12-001"
title    = "Remotely launched executables via WMI, as published"
about    = "Every process started by WmiPrvSE.exe strictly within a second after messages of IRemUnknown2 between two dynamic ports reached its computer."
why      = "The auditable reference: what MITRE's page says, word for word; wmi-launch is the form that works."
source   = "https://car.mitre.org/analytics/CAR-2014-12-001/"
kind     = "published"
attack   = ["T1047"]
d3fend   = ["D3-PLA"]
needs    = ["rpc_bind", "rpc_call", "host_flow", "process"]
uses     = ["rpc_bind", "rpc_call", "host_flow", "process", "host_address"]
mistaken = "DCOM of any kind, of which IRemUnknown2 is a part, beside a process that WMI starts for another reason."
blind    = "Processes that start later than a second, or, by the clocks, before; clients with ports below 49152; computers whose own log has no connection."
*/
with said as (
  select coalesce(time_us, flow_us) as time_us, src_ip, src_port, dest_ip, dest_port, is_callback, cast(null as varchar) as flow_id, observer, source
  from rpc_bind
  where interface = '00000143-0000-0000-c000-000000000046'
  union all
  select coalesce(time_us, flow_us) as time_us, src_ip, src_port, dest_ip, dest_port, is_callback, flow_id, observer, source
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
    flow_id,
    observer,
    source,
    time_us // 1000000 as bucket
  from said
  where time_us between 0 and 4102444799999999
    and time_us >= $since_us
    and time_us < $until_us
    and src_port >= $dynamic_low
    and dest_port >= $dynamic_low
),
/* a process less than a second after a message is in its bucket or the next one: equality the engine can hash */
bucketed as (
  select message.*, bucket + shift.buckets as near_bucket
  from message
  cross join (select 0 as buckets union all select 1) as shift
),
child as (
  select
    lower(process.host) as host, host_address.ip, process.time_us, process.image_path, process.command_line, process.user_name,
    process.time_us // 1000000 as bucket
  from process
  join host_address
    on host_address.host = lower(process.host)
  where process.time_us between 0 and 4102444799999999
    and lower(concat('/', replace(process.parent_image_path, '\', '/'))) like '%/wmiprvse.exe'
)
select
  'CAR-2014-12-001' as analytic,
  'T1047' as technique,
  'decoded' as tier,
  cast(0.5 as double) as confidence,
  cast(0.3 as double) as weight,
  make_timestamp(min(message.time_us)) as start_time,
  make_timestamp(child.time_us) as end_time,
  message.src_ip,
  message.dest_ip,
  child.host,
  child.user_name,
  'IRemUnknown2' as service,
  cast(null as varchar) as operation,
  count(*) as events,
  cast(null as varchar) as target,
  child.image_path,
  child.command_line,
  min(message.flow_id) as flow_id,
  message.observer,
  message.source
from bucketed as message
join child
  on child.ip = message.dest_ip
  and child.bucket = message.near_bucket
where message.time_us < child.time_us
  and child.time_us < message.time_us + 1000000
group by
  message.src_ip, message.src_port, message.dest_ip, message.dest_port, message.observer, message.source, child.host, child.time_us, child.image_path,
  child.command_line, child.user_name
order by
  start_time, src_ip, dest_ip, technique, host, end_time, image_path, command_line, user_name, observer, source, message.src_port, message.dest_port
