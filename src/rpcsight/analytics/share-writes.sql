/*
id       = "share-writes"
title    = "Files written to administrative shares of many servers"
about    = "One client writes files to ADMIN$ or a drive's share (C$) of five servers or more within an hour of the clock."
why      = "A tool that shall run on many hosts is first copied to them; administrators use software distribution for that."
source   = "MITRE ATT&CK T1570, T1021.002; after BZAR's Lateral_Movement_Multiple_Attempts, which counts connections to such shares instead: see share-attempts"
kind     = "attack"
attack   = ["T1570"]
d3fend   = ["D3-RTA"]
needs    = ["smb_event"]
uses     = ["smb_event", "admin_share"]
mistaken = "Software distribution and backup that copy over administrative shares; an administrator's script."
blind    = "Flow records; encrypted SMB sessions; fewer servers than that; shares with other names. Zeek's smb_files.log holds writes only where SMB::FILE_WRITE is among SMB::logged_file_actions; Security 5145 is not read for whether it was a write."
*/
with copied as (
  select
    src_ip, server, at_us // 3600000000 as hour, observer,
    min(at_us) as first_us, max(at_us) as last_us, count(*) as writes, min(user_name) as user_name, min(source) as source
  from admin_share
  where action = 'write'
  group by src_ip, server, at_us // 3600000000, observer
),
reached as (
  select
    src_ip, server, hour,
    min(first_us) as first_us, max(last_us) as last_us, max(writes) as writes,
    min(user_name) as user_name, min(observer) as observer, min(source) as source
  from copied
  group by src_ip, server, hour
)
select
  'share-writes' as analytic,
  'T1570' as technique,
  cast(null as varchar) as tier,
  cast(1 as double) as confidence,
  cast(0.6 as double) as weight,
  make_timestamp(min(first_us)) as start_time,
  make_timestamp(max(last_us)) as end_time,
  src_ip,
  cast(null as varchar) as dest_ip,
  cast(null as varchar) as host,
  min(user_name) as user_name,
  cast(null as varchar) as service,
  cast(null as varchar) as operation,
  cast(sum(writes) as bigint) as events,
  concat(cast(count(*) as varchar), ' servers, such as ', min(server), ' and ', max(server)) as target,
  cast(null as varchar) as image_path,
  cast(null as varchar) as command_line,
  cast(null as varchar) as flow_id,
  min(observer) as observer,
  min(source) as source
from reached
group by src_ip, hour
having count(*) >= $copies
order by start_time, src_ip, end_time
