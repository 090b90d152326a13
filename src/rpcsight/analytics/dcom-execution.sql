/*
id       = "dcom-execution"
title    = "Something executed through DCOM on another computer"
about    = "A client activates a DCOM object and calls its methods (IDispatch Invoke); where hosts' logs are all there is: a program such as mmc.exe or explorer.exe accepts a connection from another computer and starts a process, or was itself started to be used so."
why      = "Objects such as MMC20.Application, ShellWindows and Excel.Application run commands for whoever may activate them, with nothing installed and no service or task left behind."
source   = "MITRE ATT&CK T1021.003; MS-DCOM 3.1.2.5.2.3; MS-OAUT 3.1.4.4; Elastic: Incoming DCOM Lateral Movement with MMC, ShellBrowserWindow or ShellWindows, MSHTA"
kind     = "attack"
attack   = ["T1021.003"]
d3fend   = ["D3-RTA", "D3-PLA"]
needs    = ["rpc_call", "host_flow", "process"]
uses     = ["rpc_call", "host_flow", "process", "rpc_interface", "rpc_operation", "rpc_name", "rpc_technique", "called", "telling", "host_address", "host_skew", "launch", "invocation", "dcom_accepted", "dcom_done"]
mistaken = "Management over DCOM with automation objects; a user's explorer.exe that starts something in the minute after another computer connected to it."
blind    = "Flow records; objects that are not called through IDispatch (WMI has analytics of its own); other programs than mmc, explorer, excel, winword, outlook, visio, iexplore and mshta, where hosts' logs are all there is."
*/
with asked as (
  select
    invocation.src_ip,
    invocation.dest_ip,
    invocation.hour,
    invocation.is_activated,
    host_address.host,
    invocation.first_us + coalesce(host_skew.skew_us, 0) - 1000000 as from_us,
    invocation.last_us + coalesce(host_skew.skew_us, 0) + $dcom_us as to_us
  from invocation
  join host_address
    on host_address.ip = invocation.dest_ip
  left join host_skew
    on host_skew.host = host_address.host
    and host_skew.observer = lower(invocation.observer)
),
moment as (
  select distinct host, from_us as at_us, 0 as turn, cast(null as bigint) as launch_us
  from asked
  union all
  select distinct host, time_us as at_us, 1 as turn, time_us as launch_us
  from launch
  where kind = 'dcom'
),
timeline as (
  select
    host,
    at_us,
    turn,
    min(launch_us) over (
      partition by host order by at_us, turn rows between current row and unbounded following
    ) as launch_us
  from moment
),
led as (
  select
    asked.*,
    launch.image_path,
    launch.command_line,
    row_number() over (
      partition by asked.src_ip, asked.dest_ip, asked.hour, asked.is_activated
      order by timeline.launch_us, asked.host, launch.image_path, launch.command_line
    ) as place
  from asked
  join timeline
    on timeline.host = asked.host
    and timeline.at_us = asked.from_us
  join launch
    on launch.host = timeline.host
    and launch.time_us = timeline.launch_us
  where timeline.turn = 0
    and timeline.launch_us <= asked.to_us
    and launch.kind = 'dcom'
),
decoded as (
  select invocation.*, led.host, led.image_path, led.command_line
  from invocation
  left join led
    on led.place = 1
    and led.src_ip = invocation.src_ip
    and led.dest_ip = invocation.dest_ip
    and led.hour = invocation.hour
    and led.is_activated = invocation.is_activated
),
ranked as (
  select
    dcom_done.*,
    min(first_us) over (partition by host, process_key, program, src_ip, dest_ip, hour, choice) as begun_us,
    max(last_us) over (partition by host, process_key, program, src_ip, dest_ip, hour, choice) as ended_us,
    row_number() over (
      partition by host, process_key, program, src_ip, dest_ip, hour
      order by choice, done_us, image_path, command_line, user_name, time_us, src_port, dest_port, observer, source
    ) as place
  from dcom_done
),
/* a process that one log knows by its number, and another by Sysmon's id only, is one: the same connection came first */
logged as (
  select
    ranked.*,
    row_number() over (
      partition by host, program, src_ip, src_port, dest_ip, dest_port, hour
      order by choice, done_us, image_path, command_line, process_key
    ) as turn
  from ranked
  where place = 1
),
found as (
  select
    'decoded' as tier,
    cast(1 as double) as confidence,
    cast(case when is_activated then 0.8 else 0.4 end as double) as weight,
    first_us,
    last_us,
    src_ip,
    dest_ip,
    host,
    user_name,
    service,
    operation,
    calls as events,
    image_path,
    command_line,
    flow_id,
    observer,
    source
  from decoded
  union all
  select
    'process' as tier,
    cast(0.9 as double) as confidence,
    cast(0.8 as double) as weight,
    begun_us as first_us,
    ended_us as last_us,
    src_ip,
    dest_ip,
    host,
    user_name,
    program as service,
    cast(null as varchar) as operation,
    cast(1 as bigint) as events,
    image_path,
    command_line,
    cast(null as varchar) as flow_id,
    observer,
    source
  from logged
  where turn = 1
    and not exists (
      select 1
      from decoded
      where decoded.host = logged.host
        and decoded.src_ip = logged.src_ip
        and decoded.dest_ip = logged.dest_ip
        and logged.begun_us between decoded.first_us - 60000000 and decoded.last_us + 60000000
    )
)
select
  'dcom-execution' as analytic,
  'T1021.003' as technique,
  tier,
  confidence,
  weight,
  make_timestamp(first_us) as start_time,
  make_timestamp(last_us) as end_time,
  src_ip,
  dest_ip,
  host,
  user_name,
  service,
  operation,
  events,
  cast(null as varchar) as target,
  image_path,
  command_line,
  flow_id,
  observer,
  source
from found
order by start_time, src_ip, dest_ip, technique, service, operation, tier, weight, host, end_time, image_path, command_line, user_name, observer, source
