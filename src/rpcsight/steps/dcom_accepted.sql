/* dcom_accepted: connections from other computers, by TCP to dynamic ports, that programs accepted which DCOM can make do things. process_key
   is the process's number, or Sysmon's id of it where the number is not told. */
with named as (
  select
    lower(host) as host,
    coalesce(cast(pid as varchar), process_guid) as process_key,
    lower(concat('/', replace(image_path, '\', '/'))) as path,
    time_us,
    src_ip,
    src_port,
    dest_ip,
    dest_port,
    observer,
    source
  from host_flow
  where not is_outbound
    and transport_protocol = 'tcp'
    and dest_port >= $dynamic_low
    and src_ip <> dest_ip
    and src_ip not like '127.%'
    and src_ip <> '::1'
    and time_us between 0 and 4102444799999999
    and time_us >= $since_us
    and time_us < $until_us
),
told as (
  select
    named.*,
    case
      when path like '%/mmc.exe' then 'mmc.exe'
      when path like '%/explorer.exe' then 'explorer.exe'
      when path like '%/excel.exe' then 'excel.exe'
      when path like '%/winword.exe' then 'winword.exe'
      when path like '%/outlook.exe' then 'outlook.exe'
      when path like '%/visio.exe' then 'visio.exe'
      when path like '%/iexplore.exe' then 'iexplore.exe'
      when path like '%/mshta.exe' then 'mshta.exe'
    end as program
  from named
)
select host, process_key, program, time_us, src_ip, src_port, dest_ip, dest_port, observer, source
from told
where program is not null
