/* consequence: what calls to the service control manager and to WMI led to: the first process that either started on the server from a second
   before (clocks) a call of the row to $service_us or $wmi_us after it, by the server's clock; one row for each of `technique_call` that
   has one. Clocks are set right by `host_skew`, where it knows. */
with asked as (
  select
    telling.src_ip,
    telling.dest_ip,
    telling.interface,
    telling.opnum,
    telling.technique,
    coalesce(telling.transport_protocol, 'tcp') as transport_protocol,
    telling.at_us // 3600000000 as hour,
    host_address.host,
    telling.at_us + coalesce(host_skew.skew_us, 0) - 1000000 as from_us,
    case telling.interface when '367abb81-9844-35f1-ad32-98f038001003' then 'services' else 'wmi' end as kind,
    case telling.interface when '367abb81-9844-35f1-ad32-98f038001003' then $service_us else $wmi_us end + 1000000 as window_us
  from telling
  join host_address
    on host_address.ip = telling.dest_ip
  left join host_skew
    on host_skew.host = host_address.host
    and host_skew.observer = lower(telling.observer)
  where telling.interface in ('367abb81-9844-35f1-ad32-98f038001003', '9556dc99-828c-11cf-a37e-00aa003240c7')
),
moment as (
  select distinct kind, host, from_us as at_us, 0 as turn, cast(null as bigint) as launch_us
  from asked
  union all
  select distinct kind, host, time_us as at_us, 1 as turn, time_us as launch_us
  from launch
  where kind in ('services', 'wmi')
),
timeline as (
  select
    kind,
    host,
    at_us,
    turn,
    min(launch_us) over (
      partition by kind, host
      order by at_us, turn
      rows between current row and unbounded following
    ) as launch_us
  from moment
),
led as (
  select
    asked.src_ip,
    asked.dest_ip,
    asked.interface,
    asked.opnum,
    asked.technique,
    asked.transport_protocol,
    asked.hour,
    asked.kind,
    asked.host,
    min(timeline.launch_us) as launch_us
  from asked
  join timeline
    on timeline.kind = asked.kind
    and timeline.host = asked.host
    and timeline.at_us = asked.from_us
  where timeline.turn = 0
    and timeline.launch_us <= asked.from_us + asked.window_us
  group by
    asked.src_ip, asked.dest_ip, asked.interface, asked.opnum, asked.technique, asked.transport_protocol, asked.hour, asked.kind, asked.host
),
ranked as (
  select
    led.*,
    launch.image_path,
    launch.command_line,
    row_number() over (
      partition by led.src_ip, led.dest_ip, led.interface, led.opnum, led.technique, led.transport_protocol, led.hour
      order by led.launch_us, led.host, launch.image_path, launch.command_line
    ) as place
  from led
  join launch
    on launch.kind = led.kind
    and launch.host = led.host
    and launch.time_us = led.launch_us
)
select src_ip, dest_ip, interface, opnum, technique, transport_protocol, hour, host, launch_us, image_path, command_line
from ranked
where place = 1
