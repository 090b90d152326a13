/* one_sided: of how many connections the one-way records show one direction only, and of how many of those it is the server's. Lone SYNs
   are no connections. */
with ends as (
  select
    *,
    src_ip < dest_ip or (src_ip = dest_ip and src_port < dest_port) as is_up
  from half
  where set_aside is null and transport_protocol = 'tcp'
),
connected as (
  select
    min(case when is_up then 1 else 0 end) as has_up_only,
    max(case when is_up then 1 else 0 end) as has_up,
    max(case when src_port = $mapper_port then 1 else 0 end) as has_answer,
    max(case when tcp_flags like '%A%' or tcp_flags is null then 1 else 0 end) as has_ack
  from ends
  group by
    observer,
    case when is_up then src_ip else dest_ip end,
    case when is_up then src_port else dest_port end,
    case when is_up then dest_ip else src_ip end,
    case when is_up then dest_port else src_port end
)
select
  count(*) as connections,
  coalesce(sum(case when has_up_only = has_up then 1 else 0 end), 0) as one_sided,
  coalesce(sum(case when has_up_only = has_up then has_answer else 0 end), 0) as answers_only
from connected
where has_ack = 1
