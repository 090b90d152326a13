/* launch: processes that something which can be asked over the network started on a computer: the service control manager (kind services),
   WMI (wmi), the task scheduler (task), programs that DCOM makes do things (dcom); one row for each address of the computer, one without
   where its log shows none. A process that Sysmon and the Security log both have is Sysmon's row, which says more. A parent that is
   svchost.exe is the scheduler where the log has its own start, too. */
with started as (
  select distinct
    lower(host) as host,
    time_us,
    pid,
    process_guid,
    image_path,
    lower(concat('/', replace(image_path, '\', '/'))) as path,
    command_line,
    parent_pid,
    parent_guid,
    parent_image_path,
    lower(concat('/', replace(parent_image_path, '\', '/'))) as parent_path,
    user_name,
    observer,
    source
  from process
  where time_us between 0 and 4102444799999999
    and host <> ''
),
named as (
  select
    started.*,
    case
      when parent_path like '%/services.exe' then 'services'
      when parent_path like '%/wmiprvse.exe' then 'wmi'
      when parent_path like '%/taskeng.exe' or parent_path like '%/taskhostw.exe' then 'task'
      when parent_path like '%/svchost.exe' then 'svchost'
      when parent_path like '%/mmc.exe' or parent_path like '%/explorer.exe' or parent_path like '%/excel.exe'
        or parent_path like '%/winword.exe' or parent_path like '%/outlook.exe' or parent_path like '%/visio.exe'
        or parent_path like '%/iexplore.exe' or parent_path like '%/mshta.exe' then 'dcom'
    end as kind
  from started
),
scheduler as (
  select distinct host, process_guid, pid
  from started
  where path like '%/svchost.exe'
    and lower(command_line) like '%schedule%'
),
kept as (
  select named.*
  from named
  where kind <> 'svchost'
    or exists (
      select 1
      from scheduler
      where scheduler.host = named.host
        and coalesce(scheduler.process_guid = named.parent_guid, scheduler.pid = named.parent_pid)
    )
),
/* the two logs' clocks are some seconds apart at most, and exports can lack Sysmon's pid */
in_sysmon as (
  select host, parent_pid, path, pid, time_us, time_us // 10000000 as slot
  from kept
  where process_guid is not null
),
near as (
  select in_sysmon.host, parent_pid, path, pid, time_us, slot + shift.slots as slot
  from in_sysmon
  cross join (select -1 as slots union all select 0 union all select 1) as shift
),
single as (
  select kept.*
  from kept
  where process_guid is not null
    or not exists (
      select 1
      from near
      where near.host = kept.host
        and near.parent_pid = kept.parent_pid
        and near.path = kept.path
        and near.slot = kept.time_us // 10000000
        and near.time_us between kept.time_us - 10000000 and kept.time_us + 10000000
        and coalesce(near.pid = kept.pid, true)
    )
)
select
  case when single.kind = 'svchost' then 'task' else single.kind end as kind,
  single.host,
  host_address.ip,
  single.time_us,
  single.pid,
  single.process_guid,
  single.image_path,
  single.command_line,
  single.user_name,
  single.parent_pid,
  single.parent_guid,
  single.parent_image_path,
  single.observer,
  single.source
from single
left join host_address
  on host_address.host = single.host
