/* pair_detection: what analytics that name a technique found in each chosen story, by technique, service and operation: the weightiest. Reads
   detection, the kept rows of those analytics, and chosen (steps/evidence). */
with counted as (
  select
    chosen.src_ip,
    chosen.dest_ip,
    chosen.story_no,
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
  join chosen
    on chosen.src_ip = coalesce(detection.src_ip, '')
    and chosen.dest_ip = coalesce(detection.dest_ip, '')
    and epoch_us(detection.start_time) between chosen.first_us and chosen.latest_us
  group by chosen.src_ip, chosen.dest_ip, chosen.story_no, analytic, technique, tier, service, operation
)
select
  analytic, technique, tier, confidence, weight, start_time, end_time, src_ip, dest_ip, story_no, host, user_name, service, operation, events, target,
  image_path, command_line, flow_id, observer, source
from (
  select
    *,
    row_number() over (
      partition by src_ip, dest_ip, story_no
      order by weight * confidence desc, start_time, analytic, technique, service nulls last, operation nulls last, tier nulls last
    ) as place
  from counted
) as placed
where place <= $detection_rows
order by src_ip, dest_ip, story_no, place
