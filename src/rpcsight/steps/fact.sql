/* fact: activities with what packets prove about them, where packets were read: that DCE/RPC was spoken (basis `decoded`), which interface,
   and whether an answer had named the port. */
select
  activity.pair_no,
  activity.src_ip,
  activity.dest_ip,
  activity.start_us,
  activity.src_port,
  activity.dest_port,
  activity.mapper_us,
  activity.mapper_count,
  activity.gap_us,
  case when spoken.start_us is not null then 'decoded' else activity.basis end as basis,
  spoken.interface,
  spoken.version,
  spoken.calls,
  named.named_by,
  activity.mapper_id,
  activity.is_mapper_exchanged,
  activity.flow_id,
  activity.observer,
  activity.source,
  activity.is_exchanged
from activity
left join spoken
  on spoken.src_ip = activity.src_ip
  and spoken.src_port = activity.src_port
  and spoken.dest_ip = activity.dest_ip
  and spoken.dest_port = activity.dest_port
  and spoken.start_us = activity.start_us
left join named
  on named.src_ip = activity.src_ip
  and named.dest_ip = activity.dest_ip
  and named.dest_port = activity.dest_port
  and named.start_us = activity.start_us
