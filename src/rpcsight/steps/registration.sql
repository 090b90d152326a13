/* registration: tasks that computers' logs show being registered or changed, with what they run where a log says so in that hour. A record of
   the registry names the process that wrote it, the task scheduler (process_key); the Security log names who asked for it. Either may lack
   the other's part. */
with told as (
  select distinct
    lower(host) as host,
    time_us,
    nullif(name, '') as name,
    case
      when strpos(detail, '<Command>') > 0 then concat(
        split_part(split_part(detail, '<Command>', 2), '</Command>', 1),
        case
          when strpos(detail, '<Arguments>') > 0
            then concat(' ', split_part(split_part(detail, '<Arguments>', 2), '</Arguments>', 1))
          else ''
        end
      )
      else nullif(detail, '')
    end as runs,
    case when image_path <> '' or process_guid <> '' then coalesce(cast(pid as varchar), process_guid) end as process_key,
    case when image_path <> '' or process_guid <> '' then cast(null as varchar) else nullif(user_name, '') end as user_name
  from host_event
  where action = 'task'
    and host <> ''
    and time_us between 0 and 4102444799999999
)
select
  host,
  time_us,
  name,
  process_key,
  case
    when name is not null then substr(
      replace(replace(replace(replace(
        min(runs) over (partition by host, name, time_us // 3600000000), '&lt;', '<'), '&gt;', '>'), '&quot;', '"'), '&amp;', '&'),
      1,
      200
    )
  end as command_line,
  case when name is not null then min(user_name) over (partition by host, name, time_us // 3600000000) end as user_name
from told
