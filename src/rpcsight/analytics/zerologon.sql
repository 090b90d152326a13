/*
id       = "zerologon"
title    = "Storm of secure channel proofs (Zerologon)"
about    = "Many calls of NetrServerAuthenticate, 2 or 3 by one client to one server within five minutes of the clock: 20 or more (setting storm_calls)."
why      = "CVE-2020-1472 guesses the proof of a machine's account, right once in 256 times; with it the attacker empties a domain controller's password."
source   = "MITRE ATT&CK T1210; CVE-2020-1472; MS-NRPC 3.5.4.4"
kind     = "attack"
of_many  = true
attack   = ["T1210"]
d3fend   = ["D3-RTA"]
needs    = ["rpc_call"]
uses     = ["rpc_call", "rpc_interface", "rpc_operation", "rpc_name", "rpc_technique", "called", "telling"]
mistaken = "Many members behind one address; a machine whose account is broken and that tries again and again; a scanner that looks for the hole."
blind    = "Flow records; encrypted SMB sessions; a client that is right within the first few tries, or is slower. Logs of calls leave out what was not answered."
*/
with storm as (
  select
    src_ip,
    dest_ip,
    at_us // 300000000 as slot,
    observer,
    min(service) as service,
    min(operation) as operation,
    min(at_us) as first_us,
    max(at_us) as last_us,
    count(*) as calls,
    min(user_name) as user_name,
    min(flow_id) as flow_id,
    min(source) as source
  from telling
  where technique = 'T1210'
    and interface = '12345678-1234-abcd-ef00-01234567cffb'
    and opnum in (5, 15, 26)
  group by src_ip, dest_ip, at_us // 300000000, observer
  having count(*) >= $storm_calls
)
select
  'zerologon' as analytic,
  'T1210' as technique,
  'decoded' as tier,
  cast(1 as double) as confidence,
  cast(0.9 as double) as weight,
  make_timestamp(min(first_us)) as start_time,
  make_timestamp(max(last_us)) as end_time,
  src_ip,
  dest_ip,
  cast(null as varchar) as host,
  min(user_name) as user_name,
  min(service) as service,
  min(operation) as operation,
  cast(max(calls) as bigint) as events,
  cast(null as varchar) as target,
  cast(null as varchar) as image_path,
  cast(null as varchar) as command_line,
  min(flow_id) as flow_id,
  min(observer) as observer,
  min(source) as source
from storm
group by src_ip, dest_ip, slot
order by start_time, src_ip, dest_ip, slot
