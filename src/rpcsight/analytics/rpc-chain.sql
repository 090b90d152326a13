/*
id       = "rpc-chain"
title    = "A host reached by RPC that goes on to another by RPC"
about    = "A reaches B by RPC and, within an hour, B reaches C for the first time in this input. Neither B nor C is a common server: one of three clients or more, or a domain controller, or one that logons are checked with. A row is the second hop, from B to C. The path goes one host further back where A had been reached so."
why      = "Lateral movement goes from host to host; workstations and members of the domain ask common servers, and seldom each other."
source   = "MITRE ATT&CK T1021; D3FEND D3-RTA; chains of hops within a time as in Hopper (Ho et al., USENIX Security 2021)"
kind     = "attack"
attack   = ["T1021"]
d3fend   = ["D3-RTA"]
needs    = ["flow", "rpc_call"]
uses     = ["reading", "candidate", "sighting", "pair", "connection", "mapper", "matched", "rpc_bind", "rpc_call", "rpc_mapping", "rpc_interface", "rpc_operation", "rpc_name", "known", "lone", "activity", "uttered", "spoken", "named", "fact", "judged", "called", "contact", "controller", "host_flow", "logon_server"]
mistaken = "An administrator's session on a management server that then visits its hosts; clusters and replicas that speak to each other; short inputs, in which every contact is the first and few servers have three clients yet."
blind    = "Hops of which one was not recorded, or goes over SMB in flow records, WinRM, SSH or RDP; middles and ends that serve three clients or more; pivots that wait longer than an hour; one host under two addresses. Of a middle, the twenty hosts reached first are told."
*/
with reach as (
  select src_ip, dest_ip, at_us, service, flow_id, observer, source
  from contact
  where kind = 'activity'
    or (kind = 'call' and coalesce(interface, '') <> 'e1af8308-5d1f-11c9-91a4-08002b14a0fa')
),
reached as (
  select src_ip, dest_ip, min(at_us) as first_us, min(case when service is not null then at_us end) as call_us
  from reach
  group by src_ip, dest_ip
),
seldom as (
  select dest_ip as ip
  from reached
  where dest_ip not in (select ip from controller where ip is not null)
    and dest_ip not in (select ip from logon_server)
  group by dest_ip
  having count(*) < 3
),
/* B and C of each chain, and A, of which there are two at most */
considered as (
  select
    before.src_ip as a_ip, onward.src_ip as b_ip, onward.dest_ip as c_ip, onward.first_us as onward_us,
    onward.call_us, before.call_us is not null and onward.call_us is not null as is_decoded
  from reached as onward
  join seldom as middle on middle.ip = onward.src_ip
  join seldom as last on last.ip = onward.dest_ip
  join reached as before
    on before.dest_ip = onward.src_ip
    and before.src_ip <> onward.dest_ip
    and before.first_us <= onward.first_us
),
moment as (
  select distinct a_ip, b_ip, onward_us as at_us, 1 as turn, cast(null as bigint) as reach_us
  from considered
  union all
  select distinct reach.src_ip as a_ip, reach.dest_ip as b_ip, reach.at_us, 0 as turn, reach.at_us as reach_us
  from reach
  where exists (
    select 1
    from considered
    where considered.a_ip = reach.src_ip
      and considered.b_ip = reach.dest_ip
  )
),
timeline as (
  select
    a_ip, b_ip, at_us, turn,
    max(reach_us) over (
      partition by a_ip, b_ip
      order by at_us, turn
      rows between unbounded preceding and current row
    ) as reach_us
  from moment
),
hop as (
  select
    considered.*, timeline.reach_us,
    row_number() over (partition by considered.a_ip, considered.b_ip order by considered.onward_us, considered.c_ip) as place
  from considered
  join timeline
    on timeline.a_ip = considered.a_ip
    and timeline.b_ip = considered.b_ip
    and timeline.at_us = considered.onward_us
  where timeline.turn = 1
    and considered.onward_us - timeline.reach_us <= $chain_us
),
chain as (
  select *
  from hop
  where place <= 20
),
/* who had reached A so */
longer as (
  select
    chain.a_ip, chain.b_ip, chain.c_ip, earlier.a_ip as z_ip,
    row_number() over (partition by chain.a_ip, chain.b_ip, chain.c_ip order by earlier.reach_us desc, earlier.a_ip) as place
  from chain
  join chain as earlier
    on earlier.b_ip = chain.a_ip
    and earlier.c_ip = chain.b_ip
    and earlier.a_ip <> chain.c_ip
  where chain.reach_us - earlier.onward_us between 0 and $chain_us
),
first_record as (
  select src_ip, dest_ip, at_us, min(flow_id) as flow_id, min(observer) as observer, min(source) as source
  from reach
  where exists (
    select 1
    from chain
    where chain.a_ip = reach.src_ip
      and chain.b_ip = reach.dest_ip
  )
  group by src_ip, dest_ip, at_us
),
first_call as (
  select src_ip, dest_ip, at_us, min(service) as service
  from reach
  where service is not null
    and exists (
      select 1
      from chain
      where chain.b_ip = reach.src_ip
        and chain.c_ip = reach.dest_ip
    )
  group by src_ip, dest_ip, at_us
)
select
  'rpc-chain' as analytic,
  'T1021' as technique,
  case when chain.is_decoded then 'decoded' end as tier,
  cast(0.7 as double) as confidence,
  cast(0.5 as double) as weight,
  make_timestamp(chain.reach_us) as start_time,
  make_timestamp(chain.onward_us) as end_time,
  chain.b_ip as src_ip,
  chain.c_ip as dest_ip,
  cast(null as varchar) as host,
  cast(null as varchar) as user_name,
  first_call.service,
  cast(null as varchar) as operation,
  cast(case when longer.z_ip is null then 2 else 3 end as bigint) as events,
  concat(
    case when longer.z_ip is null then '' else concat(longer.z_ip, ' > ') end,
    chain.a_ip, ' > ', chain.b_ip, ' > ', chain.c_ip
  ) as target,
  cast(null as varchar) as image_path,
  cast(null as varchar) as command_line,
  first_record.flow_id,
  first_record.observer,
  first_record.source
from chain
join first_record
  on first_record.src_ip = chain.a_ip
  and first_record.dest_ip = chain.b_ip
  and first_record.at_us = chain.reach_us
left join longer
  on longer.a_ip = chain.a_ip
  and longer.b_ip = chain.b_ip
  and longer.c_ip = chain.c_ip
  and longer.place = 1
left join first_call
  on first_call.src_ip = chain.b_ip
  and first_call.dest_ip = chain.c_ip
  and first_call.at_us = chain.call_us
order by start_time, src_ip, dest_ip, end_time, target
