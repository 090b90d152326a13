/* pair_detection: what analytics that name a technique found, by client, server, technique, service and operation: of each pair, the weightiest.
   Reads detection, the kept rows of those analytics. */
with counted as (
  select
    coalesce(src_ip, '') as src_ip,
    coalesce(dest_ip, '') as dest_ip,
    analytic,
    technique,
    tier,
    service,
    operation,
    max(weight) as weight,
    max(confidence) as confidence,
    min(start_time) as start_time,
    max(end_time) as end_time,
    min(host) as host,
    min(user_name) as user_name,
    cast(sum(events) as bigint) as events,
    min(target) as target,
    min(image_path) as image_path,
    min(command_line) as command_line,
    min(flow_id) as flow_id,
    min(observer) as observer,
    min(source) as source
  from detection
  group by coalesce(src_ip, ''), coalesce(dest_ip, ''), analytic, technique, tier, service, operation
)
select
  analytic, technique, tier, confidence, weight, start_time, end_time, src_ip, dest_ip, host, user_name, service, operation, events, target,
  image_path, command_line, flow_id, observer, source
from (
  select
    *,
    row_number() over (
      partition by src_ip, dest_ip
      order by weight * confidence desc, start_time, analytic, technique, service nulls last, operation nulls last, tier nulls last
    ) as place
  from counted
) as placed
where place <= $detection_rows
order by src_ip, dest_ip, place
