/*
id       = "smb-events"
title    = "SMB events"
about    = "Logons, shares connected, named pipes opened, files written and encrypted sessions, as SMB 1 to 3 show them in packets, and logs of shares and files (Zeek smb_mapping, smb_files)."
why      = "What surrounds RPC in an SMB session: who logged on, and the program that was copied to a share before a service or task starts it."
source   = "MS-SMB2; MS-CIFS; MS-NLMP"
kind     = "list"
attack   = ["T1021.002", "T1570", "T1569.002", "T1135"]
needs    = ["smb_event"]
uses     = ["smb_event"]
mistaken = "Work on file servers, logon scripts, software distribution."
blind    = "Flow records; what happens inside encrypted sessions; users of Kerberos logons; files that are only read, where there are packets only. Logs do not say what was written of a file: size is the file's."
*/
select
  make_timestamp(time_us) as event_time,
  make_timestamp(flow_us) as flow_time,
  src_ip,
  src_port,
  dest_ip,
  dest_port,
  user_name,
  action,
  share,
  name,
  size as written_bytes,
  observer,
  source
from smb_event
where coalesce(flow_us, time_us) >= $since_us
  and coalesce(flow_us, time_us) < $until_us
order by
  event_time, flow_time, src_ip, src_port, dest_ip, dest_port, action, share, name, written_bytes, user_name, observer, source
