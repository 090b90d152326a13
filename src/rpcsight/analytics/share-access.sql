/*
id       = "share-access"
title    = "Administrative shares written to"
about    = "Files written to ADMIN$ or a drive's share (C$) of a server, by client, server and hour of the clock."
why      = "What is executed on another machine is mostly copied there first; BZAR reports each such write."
source   = "MITRE ATT&CK T1021.002; BZAR"
kind     = "list"
attack   = ["T1021.002"]
d3fend   = ["D3-RTA"]
needs    = ["smb_event"]
uses     = ["smb_event", "admin_share"]
mistaken = "Administrators at work, software distribution, backup."
blind    = "Flow records; encrypted SMB sessions; shares with other names. Zeek's smb_files.log holds writes only where SMB::FILE_WRITE is among SMB::logged_file_actions."
*/
with written as (
  select
    src_ip, server, at_us // 3600000000 as hour, observer,
    min(at_us) as first_us, max(at_us) as last_us, count(*) as writes, min(dest_ip) as dest_ip,
    min(concat(share, '\', name)) as target, min(user_name) as user_name, min(source) as source
  from admin_share
  where action = 'write'
  group by src_ip, server, at_us // 3600000000, observer
)
select
  'share-access' as analytic,
  'T1021.002' as technique,
  cast(null as varchar) as tier,
  cast(1 as double) as confidence,
  cast(0.3 as double) as weight,
  make_timestamp(min(first_us)) as start_time,
  make_timestamp(max(last_us)) as end_time,
  src_ip,
  min(dest_ip) as dest_ip,
  cast(null as varchar) as host,
  min(user_name) as user_name,
  cast(null as varchar) as service,
  cast(null as varchar) as operation,
  cast(max(writes) as bigint) as events,
  min(target) as target,
  cast(null as varchar) as image_path,
  cast(null as varchar) as command_line,
  cast(null as varchar) as flow_id,
  min(observer) as observer,
  min(source) as source
from written
group by src_ip, server, hour
order by start_time, src_ip, dest_ip, hour, server
