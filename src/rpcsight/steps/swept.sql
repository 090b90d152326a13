/* swept: on how many servers each client that swept some made each telling call, a day; and (service and operation are '') of how many it used
   RPC. */
with sweeper as (
  select distinct src_ip
  from detection
  where dest_ip is null and src_ip <> ''
)
select
  technique_call.src_ip,
  technique_call.service,
  technique_call.operation,
  cast(technique_call.first_us // 86400000000 as integer) as day,
  count(distinct technique_call.dest_ip) as servers
from technique_call
join sweeper on sweeper.src_ip = technique_call.src_ip
group by technique_call.src_ip, technique_call.service, technique_call.operation, technique_call.first_us // 86400000000
union all
select
  meeting.src_ip,
  '' as service,
  '' as operation,
  cast(meeting.hour // 24 as integer) as day,
  count(distinct meeting.dest_ip) as servers
from meeting
join sweeper on sweeper.src_ip = meeting.src_ip
where meeting.dest_ip <> ''
group by meeting.src_ip, meeting.hour // 24
