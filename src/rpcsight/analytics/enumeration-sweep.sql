/*
id       = "enumeration-sweep"
title    = "The same question put to many machines"
about    = "One operation that lists accounts, groups, sessions, shares or the like, called by one client on 5 or more servers (setting sweep_servers) within an hour of the clock; domain controllers don't count."
why      = "Who looks for the machine where an administrator is logged on, or for open shares, asks one after the other; members ask their controllers, and few else."
source   = "MITRE ATT&CK TA0007; docs/techniques.md"
kind     = "attack"
of_many  = true
attack   = ["T1087", "T1069", "T1033", "T1018", "T1135", "T1049", "T1082", "T1016", "T1083", "T1124", "T1057"]
d3fend   = ["D3-RTA"]
needs    = ["rpc_call"]
uses     = ["rpc_call", "rpc_mapping", "rpc_interface", "rpc_operation", "rpc_name", "rpc_technique", "called", "telling", "technique_call", "controller"]
mistaken = "Inventory, monitoring and scanners, each from a few known hosts; controllers of which no directory replication service was seen."
blind    = "Flow records; encrypted SMB sessions; questions over LDAP; a sweep slower than the hour. Logs of calls leave out what was not answered."
*/
select
  'enumeration-sweep' as analytic,
  technique,
  'decoded' as tier,
  cast(1 as double) as confidence,
  cast(0.6 as double) as weight,
  make_timestamp(min(first_us)) as start_time,
  make_timestamp(max(last_us)) as end_time,
  src_ip,
  cast(null as varchar) as dest_ip,
  cast(null as varchar) as host,
  min(user_name) as user_name,
  min(service) as service,
  min(operation) as operation,
  cast(sum(calls) as bigint) as events,
  concat(cast(count(distinct dest_ip) as varchar), ' servers, such as ', min(dest_ip), ' and ', max(dest_ip)) as target,
  cast(null as varchar) as image_path,
  cast(null as varchar) as command_line,
  min(flow_id) as flow_id,
  min(observer) as observer,
  min(source) as source
from technique_call
where technique in ('T1087', 'T1069', 'T1033', 'T1018', 'T1135', 'T1049', 'T1082', 'T1016', 'T1083', 'T1124', 'T1057')
  and dest_ip not in (select ip from controller where ip is not null)
group by src_ip, interface, opnum, technique, hour
having count(distinct dest_ip) >= $sweep_servers
order by start_time, src_ip, technique, service, operation, interface, opnum
