/* event_process: processes that start, of Sysmon 1 and Security 4688. 4688 writes numbers in hexadecimal, and calls the process that
   started the new one ProcessId; whose the new one is stands in Target where it is another's than Subject's. */
with started as (
  select logged.*, log = 'sysmon' as is_sysmon, case when nullif(target_user_name, '-') is not null then concat(coalesce(nullif(target_domain_name, '-'), ''), '\', target_user_name) end as target, case when nullif(subject_user_name, '-') is not null then concat(coalesce(nullif(subject_domain_name, '-'), ''), '\', subject_user_name) end as subject
  from logged
  where (log = 'sysmon' and event_id = 1) or (log = 'security' and event_id = 4688)
),
counted as (
  select
    started.*,
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
    case
      when regexp_matches(new_process_id, '^0x[0-9a-fA-F]{1,8}$') then cast(
        (cast(strpos('0123456789abcdef', substr(lpad(lower(substr(new_process_id, 3)), 8, '0'), 1, 1)) as bigint) - 1) * 268435456
        + (cast(strpos('0123456789abcdef', substr(lpad(lower(substr(new_process_id, 3)), 8, '0'), 2, 1)) as bigint) - 1) * 16777216
        + (cast(strpos('0123456789abcdef', substr(lpad(lower(substr(new_process_id, 3)), 8, '0'), 3, 1)) as bigint) - 1) * 1048576
        + (cast(strpos('0123456789abcdef', substr(lpad(lower(substr(new_process_id, 3)), 8, '0'), 4, 1)) as bigint) - 1) * 65536
        + (cast(strpos('0123456789abcdef', substr(lpad(lower(substr(new_process_id, 3)), 8, '0'), 5, 1)) as bigint) - 1) * 4096
        + (cast(strpos('0123456789abcdef', substr(lpad(lower(substr(new_process_id, 3)), 8, '0'), 6, 1)) as bigint) - 1) * 256
        + (cast(strpos('0123456789abcdef', substr(lpad(lower(substr(new_process_id, 3)), 8, '0'), 7, 1)) as bigint) - 1) * 16
        + (cast(strpos('0123456789abcdef', substr(lpad(lower(substr(new_process_id, 3)), 8, '0'), 8, 1)) as bigint) - 1) * 1
        as bigint
      )
      else try_cast(new_process_id as bigint)
    end as new_process_no,
    try_cast(parent_process_id as bigint) as parent_process_no
  from started
)
select
  at_us as time_us,
  computer as host,
  case when is_sysmon then process_no else new_process_no end as pid,
  nullif(nullif(nullif(lower(replace(replace(process_guid, '{', ''), '}', '')), '00000000-0000-0000-0000-000000000000'), ''), '-') as process_guid,
  nullif(replace(replace(replace(replace(nullif(nullif(case when is_sysmon then image else new_process_name end, '-'), ''), '&lt;', '<'), '&gt;', '>'), '&quot;', '"'), '&amp;', '&'), '<unknown process>') as image_path,
  replace(replace(replace(replace(nullif(nullif(command_line, '-'), ''), '&lt;', '<'), '&gt;', '>'), '&quot;', '"'), '&amp;', '&') as command_line,
  case when is_sysmon then parent_process_no else process_no end as parent_pid,
  nullif(nullif(nullif(lower(replace(replace(parent_process_guid, '{', ''), '}', '')), '00000000-0000-0000-0000-000000000000'), ''), '-') as parent_guid,
  nullif(replace(replace(replace(replace(nullif(nullif(case when is_sysmon then parent_image else parent_process_name end, '-'), ''), '&lt;', '<'), '&gt;', '>'), '&quot;', '"'), '&amp;', '&'), '<unknown process>') as parent_image_path,
  case when is_sysmon then nullif("user", '-') else coalesce(target, subject) end as user_name,
  lower(case when is_sysmon then logon_id else coalesce(nullif(target_logon_id, '0x0'), subject_logon_id) end) as logon_id,
  coalesce(
    nullif(integrity_level, '-'),
    case mandatory_label
      when 'S-1-16-4096' then 'Low'
      when 'S-1-16-8192' then 'Medium'
      when 'S-1-16-8448' then 'MediumPlus'
      when 'S-1-16-12288' then 'High'
      when 'S-1-16-16384' then 'System'
    end
  ) as integrity_level,
  coalesce(computer, observer) as observer,
  source
from counted
