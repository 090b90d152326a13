/* event_host_flow: connections of hosts' own logs (Sysmon 3, Security 5156) with the process at the host's end. */
select
  at_us as time_us,
  computer as host,
  is_outbound,
  src_ip,
  src_port,
  dest_ip,
  dest_port,
  transport_protocol,
  pid,
  process_guid,
  image_path,
  user_name,
  observer,
  source
from logged_flow
where not is_broken
