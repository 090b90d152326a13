/*
id       = "share-execution"
title    = "File written to an administrative share, then something run there"
about    = "A client writes a file to ADMIN$ or a drive's share (C$) of a server and, within ten minutes, has a service, a task or a WMI method run there; with less weight, where another client wrote, or the file came after the call."
why      = "The way of PsExec and its kin: the program is copied, then started. Each of the two is administration; together they are seldom."
source   = "MITRE ATT&CK T1021.002, T1570; BZAR Lateral_Movement_and_Execution (10 minutes). BZAR's counts by server alone, any client and either order, within periods that do not overlap; here client and order set the weight, and the ten minutes go with the call. More drives, and more operations (of weight 0.4 or above in the catalogue)"
kind     = "attack"
attack   = ["T1543.003", "T1569.002", "T1053.002", "T1053.005", "T1047"]
d3fend   = ["D3-RTA"]
needs    = ["smb_event", "rpc_call"]
uses     = ["smb_event", "rpc_call", "rpc_interface", "rpc_operation", "rpc_name", "rpc_technique", "called", "telling", "admin_share"]
mistaken = "Software distribution and deployment tools that work so (PDQ, PsExec in administrators' hands, backup agents being installed)."
blind    = "Flow records; encrypted SMB sessions; programs fetched by other ways; shares with other names. Zeek's smb_files.log holds writes only where SMB::FILE_WRITE is among SMB::logged_file_actions; Security 5145 is not read for whether it was a write."
*/
with copied as (
  select
    dest_ip, src_ip, at_us,
    min(concat(share, case when name is not null then concat('\', name) else '' end)) as file
  from admin_share
  where action = 'write' and dest_ip is not null
  group by dest_ip, src_ip, at_us
),
execution as (
  select dest_ip, src_ip, at_us, technique, service, operation, user_name, flow_id, observer, source
  from telling
  where technique in ('T1543.003', 'T1569.002', 'T1053.002', 'T1053.005', 'T1047')
    and weight >= 0.4
    and dest_ip in (select dest_ip from copied)
),
moment as (
  select dest_ip, src_ip, at_us, 0 as turn, at_us as written_us
  from copied
  union all
  select distinct dest_ip, src_ip, at_us, 1 as turn, cast(null as bigint) as written_us
  from execution
),
timeline as (
  select
    dest_ip, src_ip, at_us, turn,
    at_us - max(written_us) over (
      partition by dest_ip, src_ip
      order by at_us, turn
      rows between unbounded preceding and current row
    ) as since_own_us,
    at_us - max(written_us) over (
      partition by dest_ip
      order by at_us, turn, src_ip
      rows between unbounded preceding and current row
    ) as since_us,
    min(written_us) over (
      partition by dest_ip
      order by at_us, turn, src_ip
      rows between current row and unbounded following
    ) - at_us as until_us
  from moment
),
near as (
  select
    dest_ip, src_ip, at_us,
    coalesce(since_own_us <= $copy_us, false) as is_own,
    case
      when since_own_us <= $copy_us then at_us - since_own_us
      when since_us <= $copy_us then at_us - since_us
      when until_us <= $copy_us then at_us + until_us
    end as written_us
  from timeline
  where turn = 1
),
counted as (
  select
    execution.src_ip, execution.dest_ip, execution.technique, execution.at_us // 3600000000 as hour, near.is_own, execution.observer,
    min(near.written_us) as written_us, min(execution.at_us) as first_us, max(execution.at_us) as last_us, count(*) as calls,
    min(execution.service) as service, min(execution.operation) as operation, min(execution.user_name) as user_name,
    min(execution.flow_id) as flow_id, min(execution.source) as source
  from execution
  join near
    on near.dest_ip = execution.dest_ip
    and near.src_ip = execution.src_ip
    and near.at_us = execution.at_us
  where near.written_us is not null
  group by
    execution.src_ip, execution.dest_ip, execution.technique, execution.at_us // 3600000000, near.is_own, execution.observer
),
together as (
  select
    src_ip, dest_ip, technique, hour, is_own,
    min(written_us) as written_us, min(first_us) as first_us, max(last_us) as last_us, max(calls) as calls,
    min(service) as service, min(operation) as operation, min(user_name) as user_name,
    min(flow_id) as flow_id, min(observer) as observer, min(source) as source
  from counted
  group by src_ip, dest_ip, technique, hour, is_own
),
/* what was written then: by the client itself, else by whoever did */
named as (
  select dest_ip, at_us, src_ip as writer_ip, true as is_own, file
  from copied
  union all
  select dest_ip, at_us, min(src_ip) as writer_ip, false as is_own, min(file) as file
  from copied
  group by dest_ip, at_us
)
select
  'share-execution' as analytic,
  together.technique,
  'decoded' as tier,
  cast(case when together.is_own then 1 else 0.7 end as double) as confidence,
  cast(case when together.is_own then 0.9 else 0.5 end as double) as weight,
  make_timestamp(least(together.written_us, together.first_us)) as start_time,
  make_timestamp(greatest(together.written_us, together.last_us)) as end_time,
  together.src_ip,
  together.dest_ip,
  cast(null as varchar) as host,
  together.user_name,
  together.service,
  together.operation,
  cast(together.calls as bigint) as events,
  case when named.writer_ip <> together.src_ip then concat(named.file, ' from ', named.writer_ip) else named.file end as target,
  cast(null as varchar) as image_path,
  cast(null as varchar) as command_line,
  together.flow_id,
  together.observer,
  together.source
from together
join named
  on named.dest_ip = together.dest_ip
  and named.at_us = together.written_us
  and named.is_own = together.is_own
  and (not together.is_own or named.writer_ip = together.src_ip)
order by start_time, src_ip, dest_ip, technique, service, operation, end_time, weight
