/*
id       = "wmi-launch"
title    = "A process that WMI started for another computer"
about    = "Every process started by WmiPrvSE.exe soon after a call of WMI reached its computer or, where none is recorded, after svchost.exe accepted a connection on a dynamic port: with who that was."
why      = "Processes started through WMI have no other trace of who asked for them; the connection before tells from where."
source   = "MITRE ATT&CK T1047; MITRE CAR-2014-12-001, with WMI's own interfaces and longer windows; Elastic's rule on incoming WMI"
kind     = "attack"
attack   = ["T1047"]
d3fend   = ["D3-PLA"]
needs    = ["rpc_call", "host_flow", "process"]
uses     = ["rpc_call", "host_flow", "process", "rpc_interface", "rpc_operation", "rpc_name", "called", "host_address", "host_skew", "launch"]
mistaken = "Processes that WMI starts for the computer itself (inventory agents) while another computer asks WMI something, or uses another service of svchost.exe."
blind    = "Computers whose log does not name the parents of processes (the Security log before Windows 10); WMI over WinRM; processes started later than $wmi_us after the connection or the call before, such as by an event subscription."
*/
with child as (
  select distinct host, time_us, pid, process_guid, image_path, command_line, user_name
  from launch
  where kind = 'wmi'
    and time_us >= $since_us
    and time_us < $until_us
),
asked as (
  select
    host_address.host,
    'decoded' as tier,
    called.at_us + coalesce(host_skew.skew_us, 0) as host_us,
    called.at_us as start_us,
    called.src_ip,
    called.src_port,
    called.dest_ip,
    called.service,
    called.operation_name as operation,
    case when host_skew.skew_us is not null or lower(called.observer) = host_address.host then 1.0 else 0.9 end as confidence,
    called.flow_id,
    called.observer,
    called.source
  from called
  join host_address
    on host_address.ip = called.dest_ip
  left join host_skew
    on host_skew.host = host_address.host
    and host_skew.observer = lower(called.observer)
  where called.known_interface in ('9556dc99-828c-11cf-a37e-00aa003240c7', 'f309ad18-d86a-11d0-a075-00c04fb68820')
    and called.at_us is not null
    and not coalesce(called.is_callback, false)
  union all
  select
    lower(host) as host,
    'process' as tier,
    time_us as host_us,
    time_us as start_us,
    src_ip,
    src_port,
    dest_ip,
    'svchost.exe' as service,
    cast(null as varchar) as operation,
    0.7 as confidence,
    cast(null as varchar) as flow_id,
    observer,
    source
  from host_flow
  where not is_outbound
    and transport_protocol = 'tcp'
    and dest_port >= $dynamic_low
    and lower(concat('/', replace(image_path, '\', '/'))) like '%/svchost.exe'
    and time_us between 0 and 4102444799999999
),
/* of what came at the very same time, one */
ranked as (
  select
    asked.*,
    row_number() over (
      partition by host, tier, host_us
      order by confidence desc, src_ip, dest_ip, service, operation, src_port, start_us, flow_id, observer, source
    ) as place
  from asked
  where src_ip <> dest_ip
    and src_ip not like '127.%'
    and src_ip <> '::1'
),
origin as (
  select * from ranked where place = 1
),
moment as (
  select host, tier, host_us as at_us, 0 as turn, host_us as asked_us
  from origin
  union all
  select distinct child.host, kind.tier, child.time_us as at_us, 1 as turn, cast(null as bigint) as asked_us
  from child
  cross join (select 'decoded' as tier union all select 'process') as kind
),
timeline as (
  select
    host,
    tier,
    at_us,
    turn,
    max(asked_us) over (partition by host, tier order by at_us, turn rows between unbounded preceding and current row) as before_us,
    min(asked_us) over (partition by host, tier order by at_us, turn rows between current row and unbounded following) as after_us
  from moment
),
/* the latest before, else, as clocks are, the first within a second after */
caused as (
  select
    host,
    tier,
    at_us as time_us,
    case when before_us >= at_us - $wmi_us then before_us when after_us <= at_us + 1000000 then after_us end as asked_us
  from timeline
  where turn = 1
),
found as (
  select
    child.*,
    origin.tier,
    origin.confidence,
    origin.start_us,
    origin.src_ip,
    origin.dest_ip,
    origin.service,
    origin.operation,
    origin.flow_id,
    origin.observer,
    origin.source,
    row_number() over (
      partition by child.host, child.time_us, child.pid, child.process_guid, child.image_path, child.command_line, child.user_name
      order by origin.tier
    ) as place
  from child
  join caused
    on caused.host = child.host
    and caused.time_us = child.time_us
  join origin
    on origin.host = caused.host
    and origin.tier = caused.tier
    and origin.host_us = caused.asked_us
)
select
  'wmi-launch' as analytic,
  'T1047' as technique,
  tier,
  cast(confidence as double) as confidence,
  cast(0.8 as double) as weight,
  make_timestamp(start_us) as start_time,
  make_timestamp(case when time_us > start_us then time_us else start_us end) as end_time,
  src_ip,
  dest_ip,
  host,
  user_name,
  service,
  operation,
  cast(1 as bigint) as events,
  cast(null as varchar) as target,
  image_path,
  command_line,
  flow_id,
  observer,
  source
from found
where place = 1
order by start_time, src_ip, dest_ip, technique, service, operation, host, end_time, image_path, command_line, user_name, pid, process_guid
