/* event_host_event: services (System 7045, Security 4697), tasks (4698; values of the registry that their registration sets, Sysmon 13), shares
   (5145), logons (4624) and pipes (Sysmon 17, 18). Of those values Index, below the task's name, and Actions, below its id, are set whenever
   a task is registered or changed; folders of tasks have neither. */
with counted as (
  select
    logged.*,
    case
      when regexp_matches(process_id, '^0x[0-9a-fA-F]{1,8}$') then cast(
        (cast(strpos('0123456789abcdef', substr(lpad(lower(substr(process_id, 3)), 8, '0'), 1, 1)) as bigint) - 1) * 268435456
        + (cast(strpos('0123456789abcdef', substr(lpad(lower(substr(process_id, 3)), 8, '0'), 2, 1)) as bigint) - 1) * 16777216
        + (cast(strpos('0123456789abcdef', substr(lpad(lower(substr(process_id, 3)), 8, '0'), 3, 1)) as bigint) - 1) * 1048576
        + (cast(strpos('0123456789abcdef', substr(lpad(lower(substr(process_id, 3)), 8, '0'), 4, 1)) as bigint) - 1) * 65536
        + (cast(strpos('0123456789abcdef', substr(lpad(lower(substr(process_id, 3)), 8, '0'), 5, 1)) as bigint) - 1) * 4096
        + (cast(strpos('0123456789abcdef', substr(lpad(lower(substr(process_id, 3)), 8, '0'), 6, 1)) as bigint) - 1) * 256
        + (cast(strpos('0123456789abcdef', substr(lpad(lower(substr(process_id, 3)), 8, '0'), 7, 1)) as bigint) - 1) * 16
        + (cast(strpos('0123456789abcdef', substr(lpad(lower(substr(process_id, 3)), 8, '0'), 8, 1)) as bigint) - 1) * 1
        as bigint
      )
      else try_cast(process_id as bigint)
    end as process_no,
    case when nullif(subject_user_name, '-') is not null then concat(coalesce(nullif(subject_domain_name, '-'), ''), '\', subject_user_name) end as subject,
    case when nullif(target_user_name, '-') is not null then concat(coalesce(nullif(target_domain_name, '-'), ''), '\', target_user_name) end as target,
    case
      when log = 'sysmon' and event_id = 13 and strpos(target_object, '\TaskCache\Tree\') > 0 and right(target_object, 6) = '\Index' then 'task'
      when log = 'sysmon' and event_id = 13 and strpos(target_object, '\TaskCache\Tasks\') > 0 and right(target_object, 8) = '\Actions' then 'task'
      when log = 'sysmon' and event_id = 17 then 'pipe_created'
      when log = 'sysmon' and event_id = 18 then 'pipe_connected'
      when log = 'services' and event_id = 7045 then 'service'
      when log = 'security' and event_id = 4697 then 'service'
      when log = 'security' and event_id = 4698 then 'task'
      when log = 'security' and event_id = 5145 then 'share'
      when log = 'security' and event_id = 4624 then 'logon'
    end as action
  from logged
)
select
  at_us as time_us,
  computer as host,
  action,
  case
    when action = 'service' then service_name
    when action = 'task' and log = 'security' then task_name
    when action = 'task' and strpos(target_object, '\TaskCache\Tree\') > 0 then nullif(substr(target_object, strpos(target_object, '\TaskCache\Tree\') + 15, length(target_object) - strpos(target_object, '\TaskCache\Tree\') - 20), '')
    when action = 'share' then concat(share_name, '\', coalesce(relative_target_name, ''))
    when action in ('pipe_created', 'pipe_connected') then replace(replace(replace(replace(nullif(nullif(pipe_name, '-'), ''), '&lt;', '<'), '&gt;', '>'), '&quot;', '"'), '&amp;', '&')
  end as name,
  case
    when action = 'service' then replace(replace(replace(replace(nullif(nullif(coalesce(service_file_name, image_path), '-'), ''), '&lt;', '<'), '&gt;', '>'), '&quot;', '"'), '&amp;', '&')
    when action = 'task' and log = 'security' then task_content
    when action = 'share' then access_mask
    when action = 'logon' then logon_type
  end as detail,
  case when action in ('share', 'logon') then case when lower(trim(ip_address)) like '::ffff:%.%' then substr(lower(trim(ip_address)), 8) when lower(trim(ip_address)) not in ('-', '') then split_part(lower(trim(ip_address)), '%', 1) end end as src_ip,
  case when action in ('share', 'logon') then nullif(try_cast(nullif(ip_port, '-') as integer), 0) end as src_port,
  case when action = 'logon' then target when log = 'sysmon' then nullif("user", '-') else subject end as user_name,
  lower(case when action = 'logon' then target_logon_id else subject_logon_id end) as logon_id,
  case when action = 'task' and log = 'security' then try_cast(client_process_id as bigint) else process_no end as pid,
  nullif(nullif(nullif(lower(replace(replace(process_guid, '{', ''), '}', '')), '00000000-0000-0000-0000-000000000000'), ''), '-') as process_guid,
  case when action = 'logon' then replace(replace(replace(replace(nullif(nullif(process_name, '-'), ''), '&lt;', '<'), '&gt;', '>'), '&quot;', '"'), '&amp;', '&') else nullif(replace(replace(replace(replace(nullif(nullif(image, '-'), ''), '&lt;', '<'), '&gt;', '>'), '&quot;', '"'), '&amp;', '&'), '<unknown process>') end as image_path,
  coalesce(computer, observer) as observer,
  source
from counted
where action is not null
