/* remote_cause: services and tasks made on a computer by somebody at another one, as its own log tells: in a logon session that came from
   there (confidence 0.9), else within $service_us or $task_us after another computer opened the pipe of the service control manager or of
   the task scheduler (0.7), unless the session is known to be the computer's own. Where the Security log tells of one in whose session it
   was made, other logs' records of it within 10 s say nothing more. A link-local address may be the computer's own. */
with told as (
  select distinct
    action,
    lower(host) as host,
    time_us,
    nullif(name, '') as name,
    nullif(detail, '') as detail,
    nullif(lower(logon_id), '') as logon_id,
    case when image_path <> '' or process_guid <> '' then cast(null as varchar) else nullif(user_name, '') end as user_name,
    observer,
    source
  from host_event
  where action in ('service', 'task')
    and host <> ''
    and time_us between 0 and 4102444799999999
    and time_us >= $since_us
    and time_us < $until_us
),
near as (
  select distinct action, host, time_us, name, detail, logon_id is not null as is_in_session, time_us // 10000000 + shift.slots as slot
  from told
  cross join (select -1 as slots union all select 0 union all select 1) as shift
  where logon_id is not null or name is not null
),
single as (
  select told.*
  from told
  where logon_id is not null
    or not exists (
      select 1
      from near
      where near.action = told.action
        and near.host = told.host
        and near.slot = told.time_us // 10000000
        and near.time_us between told.time_us - 10000000 and told.time_us + 10000000
        and (
          (near.name is not null and told.name is null)
          or (near.is_in_session and near.name = told.name)
          or (near.is_in_session and near.detail = told.detail and told.action = 'service')
        )
    )
),
/* who used a logon session: its logon, and the shares opened in it */
visit as (
  select
    lower(host_event.host) as host,
    lower(host_event.logon_id) as logon_id,
    host_event.time_us,
    case
      when lower(replace(host_event.name, '\', '/')) like '%ipc$/svcctl' then 'service'
      when lower(replace(host_event.name, '\', '/')) like '%ipc$/atsvc' then 'task'
    end as opens,
    coalesce(nullif(host_event.src_ip, ''), '-') as src_ip,
    nullif(host_event.user_name, '') as user_name,
    host_event.action = 'share' or coalesce(nullif(host_event.detail, ''), '3') = '3' as is_network,
    own.ip is null
      and coalesce(host_event.src_ip, '') not in ('', '-', '0.0.0.0', '::', '::1')
      and coalesce(host_event.src_ip, '') not like '127.%'
      and coalesce(host_event.src_ip, '') not like '169.254.%'
      and coalesce(host_event.src_ip, '') not like 'fe80:%' as is_elsewhere
  from host_event
  left join host_address as own
    on own.host = lower(host_event.host)
    and own.ip = host_event.src_ip
  where host_event.action in ('logon', 'share')
    and host_event.time_us between 0 and 4102444799999999
    and lower(host_event.host) in (select host from told)
),
visitor as (
  select
    visit.*,
    min(case when is_network and is_elsewhere then src_ip end) over (partition by host, logon_id, time_us) as visitor_ip
  from visit
  where logon_id is not null
    and concat(host, ' ', logon_id) in (select concat(host, ' ', logon_id) from told where logon_id is not null)
),
used as (
  select
    host,
    logon_id,
    time_us,
    min(visitor_ip) as src_ip,
    min(case when is_network and src_ip = visitor_ip then user_name end) as visitor_name,
    max(case when is_network and src_ip = '-' then 0 else 1 end) as is_known
  from visitor
  group by host, logon_id, time_us
),
session_moment as (
  select host, logon_id, time_us as at_us, 0 as turn, time_us as used_us
  from used
  union all
  select distinct host, logon_id, time_us as at_us, 1 as turn, cast(null as bigint) as used_us
  from single
  where logon_id is not null
),
session_line as (
  select
    host,
    logon_id,
    at_us,
    turn,
    max(used_us) over (
      partition by host, logon_id order by at_us, turn rows between unbounded preceding and current row
    ) as used_us
  from session_moment
),
placed as (
  select
    single.*,
    used.src_ip,
    used.visitor_name,
    case
      when used.is_known is null then coalesce(single.logon_id, '') in ('0x3e7', '0x3e4', '0x3e5')
      else used.is_known = 1
    end as is_known
  from single
  left join session_line
    on session_line.turn = 1
    and session_line.host = single.host
    and session_line.logon_id = single.logon_id
    and session_line.at_us = single.time_us
  left join used
    on used.host = session_line.host
    and used.logon_id = session_line.logon_id
    and used.time_us = session_line.used_us
),
opener as (
  select host, opens, time_us, src_ip, user_name, min(src_ip) over (partition by host, opens, time_us) as opener_ip
  from visit
  where is_elsewhere
    and opens is not null
),
pipe_opened as (
  select host, opens, time_us, min(opener_ip) as src_ip, min(user_name) as visitor_name
  from opener
  where src_ip = opener_ip
  group by host, opens, time_us
),
pipe_moment as (
  select host, opens, time_us as at_us, 0 as turn, time_us as opened_us
  from pipe_opened
  union all
  select distinct host, action as opens, time_us as at_us, 1 as turn, cast(null as bigint) as opened_us
  from placed
  where src_ip is null
),
pipe_line as (
  select
    host,
    opens,
    at_us,
    turn,
    max(opened_us) over (
      partition by host, opens order by at_us, turn rows between unbounded preceding and current row
    ) as opened_us
  from pipe_moment
),
caused as (
  select
    action,
    host,
    time_us,
    time_us as first_us,
    name,
    detail,
    coalesce(user_name, visitor_name) as user_name,
    src_ip,
    cast(0.9 as double) as confidence,
    observer,
    source
  from placed
  where src_ip is not null
  union all
  select
    placed.action,
    placed.host,
    placed.time_us,
    pipe_opened.time_us as first_us,
    placed.name,
    placed.detail,
    coalesce(placed.user_name, pipe_opened.visitor_name) as user_name,
    pipe_opened.src_ip,
    cast(0.7 as double) as confidence,
    placed.observer,
    placed.source
  from placed
  join pipe_line
    on pipe_line.turn = 1
    and pipe_line.host = placed.host
    and pipe_line.opens = placed.action
    and pipe_line.at_us = placed.time_us
  join pipe_opened
    on pipe_opened.host = pipe_line.host
    and pipe_opened.opens = pipe_line.opens
    and pipe_opened.time_us = pipe_line.opened_us
  where placed.src_ip is null
    and not placed.is_known
    and pipe_opened.time_us >= placed.time_us - case placed.action when 'service' then $service_us else $task_us end
),
address as (
  select
    host,
    min(case when ip like '%:%' then ip end) as ip6,
    min(case when ip not like '%:%' then ip end) as ip4
  from host_address
  group by host
)
select
  caused.*,
  case
    when caused.src_ip like '%:%' then coalesce(address.ip6, address.ip4)
    else coalesce(address.ip4, address.ip6)
  end as dest_ip
from caused
left join address
  on address.host = caused.host
