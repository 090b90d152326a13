/*
id       = "discovery-burst"
title    = "Burst of discovery calls (BZAR)"
about    = "5 or more (setting discovery_calls) of the calls that BZAR takes for discovery, by one client to any servers within five minutes of the clock; a row for each technique."
why      = "Tools that map a domain ask about accounts, groups, sessions and shares in quick succession; one question alone says nothing."
source   = "MITRE BZAR: Discovery (SumStats), main.zeek and bzar_config_options.zeek of 2020-10-09: bzar3_epoch 5 min, first of bzar3_limit"
kind     = "published"
of_many  = true
attack   = ["T1016", "T1018", "T1033", "T1049", "T1069", "T1082", "T1083", "T1087", "T1124", "T1135"]
d3fend   = ["D3-RTA"]
needs    = ["rpc_call"]
uses     = ["rpc_call", "rpc_interface", "rpc_operation", "rpc_name", "rpc_technique", "called", "telling"]
mistaken = "Logons, file servers and monitoring: names turned into numbers are among these calls, so any member may make five of them. Controllers are not left out, as in BZAR."
blind    = "Flow records; encrypted SMB sessions; questions over LDAP; a burst on both sides of a fifth minute. BZAR's own five minutes begin when Zeek starts, it counts answered calls only, and tells again at 10, 15 and more: see docs/bzar.md."
*/
with counted as (
  select
    src_ip,
    dest_ip,
    interface,
    opnum,
    technique,
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
  where technique in ('T1016', 'T1018', 'T1033', 'T1049', 'T1069', 'T1082', 'T1083', 'T1087', 'T1124', 'T1135')
    and (
      (
        interface = '12345778-1234-abcd-ef00-0123456789ab'
        and opnum in (2, 7, 11, 14, 15, 18, 23, 26, 31, 32, 33, 35, 36, 39, 45, 46, 48, 50, 53, 57, 58, 68, 76, 77)
      )
      or (
        interface = '12345778-1234-abcd-ef00-0123456789ac'
        and opnum in (5, 6, 8, 11, 13, 15, 16, 17, 18, 20, 25, 28, 33, 36, 39, 40, 44, 46, 47, 48, 51)
      )
      or (
        interface = '4b324fc8-1670-01d3-1278-5a47bf6ee188'
        and opnum in (8, 9, 12, 15, 16, 21, 26, 28, 55)
      )
      or (
        interface = '6bffd098-a112-3610-9833-46c3f87e345a'
        and opnum in (0, 2, 5)
      )
    )
  group by src_ip, dest_ip, interface, opnum, technique, at_us // 300000000, observer
),
merged as (
  select
    src_ip,
    dest_ip,
    interface,
    opnum,
    technique,
    slot,
    min(service) as service,
    min(operation) as operation,
    min(first_us) as first_us,
    max(last_us) as last_us,
    max(calls) as calls,
    min(user_name) as user_name,
    min(flow_id) as flow_id,
    min(observer) as observer,
    min(source) as source
  from counted
  group by src_ip, dest_ip, interface, opnum, technique, slot
),
totalled as (
  select
    merged.*,
    sum(calls) over (partition by src_ip, slot) as calls_in_all
  from merged
)
select
  'discovery-burst' as analytic,
  technique,
  'decoded' as tier,
  cast(1 as double) as confidence,
  cast(0.2 as double) as weight,
  make_timestamp(min(first_us)) as start_time,
  make_timestamp(max(last_us)) as end_time,
  src_ip,
  case when min(dest_ip) = max(dest_ip) then min(dest_ip) end as dest_ip,
  cast(null as varchar) as host,
  min(user_name) as user_name,
  min(service) as service,
  min(operation) as operation,
  cast(sum(calls) as bigint) as events,
  case when min(dest_ip) < max(dest_ip) then concat(cast(count(distinct dest_ip) as varchar), ' servers, such as ', min(dest_ip), ' and ', max(dest_ip)) end as target,
  cast(null as varchar) as image_path,
  cast(null as varchar) as command_line,
  min(flow_id) as flow_id,
  min(observer) as observer,
  min(source) as source
from totalled
where calls_in_all >= $discovery_calls
group by src_ip, slot, technique
order by start_time, src_ip, technique, slot
