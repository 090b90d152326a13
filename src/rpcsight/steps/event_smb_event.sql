/* event_smb_event: pipes and administrative shares that were asked for over SMB, of Security 5145. Which of its addresses the host was
   asked at stands there only if its connections show just one. */
with own as (
  select computer, min(ip) as ip
  from (
    select computer, case when is_outbound then src_ip else dest_ip end as ip
    from logged_flow
    where is_oriented and not is_broken
  ) as side
  where ip not like '127.%' and ip not like 'fe80:%' and ip <> '::1'
  group by computer
  having min(ip) = max(ip)
)
select
  at_us as time_us,
  cast(null as bigint) as flow_us,
  case when lower(trim(ip_address)) like '::ffff:%.%' then substr(lower(trim(ip_address)), 8) when lower(trim(ip_address)) not in ('-', '') then split_part(lower(trim(ip_address)), '%', 1) end as src_ip,
  try_cast(nullif(ip_port, '-') as integer) as src_port,
  own.ip as dest_ip,
  445 as dest_port,
  case when nullif(subject_user_name, '-') is not null then concat(coalesce(nullif(subject_domain_name, '-'), ''), '\', subject_user_name) end as user_name,
  case when lower(share_name) like '%ipc$' then 'pipe' else 'share' end as action,
  share_name as share,
  nullif(nullif(relative_target_name, ''), '\') as name,
  cast(null as bigint) as size,
  coalesce(logged.computer, observer) as observer,
  source
from logged
left join own on own.computer = logged.computer
where log = 'security'
  and event_id = 5145
  and share_name like '%$'
  and not (lower(share_name) like '%ipc$' and coalesce(relative_target_name, '') in ('', '\'))
