/*
id       = "CAR-2014-03-005"
title    = "Remotely launched executables via services, as published"
about    = "Every process started by services.exe strictly within a second after a connection of the process of the same number on the same computer."
why      = "The auditable reference: what MITRE's page says, word for word, which compares the child's own number; remote-service is the form that works."
source   = "https://car.mitre.org/analytics/CAR-2014-03-005/"
kind     = "published"
attack   = ["T1543.003", "T1569.002"]
needs    = ["host_flow", "process"]
uses     = ["host_flow", "process"]
mistaken = "A service whose own connection is stamped before its start, as clocks are; a number that is used again."
blind    = "The attack itself: the connection is that of services.exe, the parent, and no child has its parent's number."
*/
with flow as (
  select lower(host) as host, pid, time_us, src_ip, src_port, dest_ip, dest_port, observer, source, time_us // 1000000 as bucket
  from host_flow
  where time_us between 0 and 4102444799999999
    and time_us >= $since_us
    and time_us < $until_us
),
service as (
  select lower(host) as host, pid, time_us, image_path, command_line, user_name, time_us // 1000000 as bucket
  from process
  where time_us between 0 and 4102444799999999
    and lower(concat('/', replace(parent_image_path, '\', '/'))) like '%/services.exe'
),
/* a process less than a second after a connection is in its bucket or the next one: equality the engine can hash */
bucketed as (
  select * from flow
  union all
  select host, pid, time_us, src_ip, src_port, dest_ip, dest_port, observer, source, bucket + 1 as bucket from flow
)
select
  'CAR-2014-03-005' as analytic,
  'T1569.002' as technique,
  'process' as tier,
  cast(0.1 as double) as confidence,
  cast(0.1 as double) as weight,
  make_timestamp(flow.time_us) as start_time,
  make_timestamp(service.time_us) as end_time,
  flow.src_ip,
  flow.dest_ip,
  flow.host,
  service.user_name,
  cast(null as varchar) as service,
  cast(null as varchar) as operation,
  cast(1 as bigint) as events,
  cast(null as varchar) as target,
  service.image_path,
  service.command_line,
  cast(null as varchar) as flow_id,
  flow.observer,
  flow.source
from bucketed as flow
join service
  on service.host = flow.host
  and service.pid = flow.pid
  and service.bucket = flow.bucket
where flow.time_us < service.time_us
  and service.time_us < flow.time_us + 1000000
order by
  start_time, src_ip, dest_ip, technique, host, end_time, image_path, command_line, user_name, observer, source, flow.src_port, flow.dest_port
