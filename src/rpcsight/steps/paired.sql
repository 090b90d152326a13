/* paired: connections made of one-way records. Both directions and later slices (active timeouts) of one connection become one record;
   a record without SYN that nothing precedes is the continuation of an older connection, not a start.
   Who called whom: the side that is not the mapper; the only one with SYN and no ACK; the earlier one; the one whose pair asked the
   mapper. Where none of these tells, the lower port is taken for the server and is_oriented is false.
   PSH beside SYN stands for payload, also where the source never tells of ACK alone. */
with ends as (
  select
    *,
    case when src_ip < dest_ip or (src_ip = dest_ip and src_port < dest_port) then 1 else 0 end as is_up,
    case when tcp_flags like '%S%' then 1 else 0 end as has_syn,
    case when tcp_flags like '%A%' then 1 else 0 end as has_ack,
    case when tcp_flags like '%P%' then 1 else 0 end as has_push,
    case when tcp_flags like '%P%' or tcp_flags like '%F%' then 1 else 0 end as has_more,
    case when tcp_flags is null or transport_protocol <> 'tcp' then 1 else 0 end as is_blank
  from half
  where set_aside is null and start_us between 0 and 4102444800000000
    and src_ip is not null and src_port is not null and dest_ip is not null and dest_port is not null
),
placed as (
  select
    *,
    case when is_up = 1 then src_ip else dest_ip end as a_ip,
    case when is_up = 1 then src_port else dest_port end as a_port,
    case when is_up = 1 then dest_ip else src_ip end as b_ip,
    case when is_up = 1 then dest_port else src_port end as b_port,
    case when end_us between start_us and 4102444800000000 then end_us else start_us end as last_us
  from ends
),
looked_back as (
  select
    *,
    max(last_us) over (
      partition by observer, transport_protocol, a_ip, a_port, b_ip, b_port
      order by start_us, is_up, last_us, flow_id
      rows between unbounded preceding and 1 preceding
    ) as before_us
  from placed
),
chained as (
  select
    *,
    sum(case
      when before_us is null then 1
      when is_blank = 0 and has_syn = 1 and start_us > before_us + 1000000 then 1
      when is_blank = 1 and start_us > before_us + $same_connection_us then 1
      else 0
    end) over (
      partition by observer, transport_protocol, a_ip, a_port, b_ip, b_port
      order by start_us, is_up, last_us, flow_id
      rows between unbounded preceding and current row
    ) as chain_no
  from looked_back
),
joined as (
  select
    observer, transport_protocol, a_ip, a_port, b_ip, b_port, chain_no,
    min(start_us) as start_us,
    max(last_us) as end_us,
    min(case when is_up = 1 then start_us end) as up_us,
    min(case when is_up = 0 then start_us end) as down_us,
    min(case when is_up = 1 then flow_id end) as up_id,
    min(case when is_up = 0 then flow_id end) as down_id,
    max(case when is_up = 1 then has_syn else 0 end) as up_syn,
    max(case when is_up = 0 then has_syn else 0 end) as down_syn,
    max(case when is_up = 1 then has_ack else 0 end) as up_ack,
    max(case when is_up = 0 then has_ack else 0 end) as down_ack,
    max(has_ack * has_more + has_syn * has_push) as has_talk,
    max(is_blank) as is_blank,
    min(source) as source
  from chained
  group by observer, transport_protocol, a_ip, a_port, b_ip, b_port, chain_no
),
called as (
  select
    *,
    case
      when b_port = $mapper_port and a_port <> $mapper_port then 1
      when a_port = $mapper_port and b_port <> $mapper_port then 0
      when up_syn = 1 and up_ack = 0 and (down_syn = 0 or down_ack = 1) then 1
      when down_syn = 1 and down_ack = 0 and (up_syn = 0 or up_ack = 1) then 0
      when up_us < down_us then 1
      when down_us < up_us then 0
    end as told_up
  from joined
),
asked as (
  select distinct
    observer,
    case when told_up = 1 then a_ip else b_ip end as src_ip,
    case when told_up = 1 then b_ip else a_ip end as dest_ip
  from called
  where (told_up = 1 and b_port = $mapper_port) or (told_up = 0 and a_port = $mapper_port)
),
oriented as (
  select
    called.*,
    case
      when told_up is not null then told_up
      when up_asked.src_ip is not null and down_asked.src_ip is null then 1
      when down_asked.src_ip is not null and up_asked.src_ip is null then 0
    end as known_up
  from called
  left join asked as up_asked
    on up_asked.observer = called.observer and up_asked.src_ip = called.a_ip and up_asked.dest_ip = called.b_ip
  left join asked as down_asked
    on down_asked.observer = called.observer and down_asked.src_ip = called.b_ip and down_asked.dest_ip = called.a_ip
),
directed as (
  select *, coalesce(known_up, case when a_port > b_port then 1 else 0 end) as is_up
  from oriented
)
select
  case when is_up = 1 then up_id else down_id end as flow_id,
  start_us,
  end_us,
  case when is_up = 1 then a_ip else b_ip end as src_ip,
  case when is_up = 1 then a_port else b_port end as src_port,
  case when is_up = 1 then b_ip else a_ip end as dest_ip,
  case when is_up = 1 then b_port else a_port end as dest_port,
  transport_protocol,
  case
    when is_blank = 1 then cast(null as boolean)
    when has_talk > 0 then true
    when is_up = 1 and up_us is not null then up_ack = 1
    when is_up = 0 and down_us is not null then down_ack = 1
  end as is_established,
  known_up is not null as is_oriented,
  observer,
  source,
  case when is_blank = 0 and transport_protocol = 'tcp' and up_syn = 0 and down_syn = 0
    then 'continuation of a connection that started before' end as set_aside
from directed
union all
select
  flow_id, start_us, end_us, src_ip, src_port, dest_ip, dest_port, transport_protocol,
  cast(null as boolean) as is_established, true as is_oriented, observer, source, set_aside
from half
where set_aside is not null or start_us is null or start_us not between 0 and 4102444800000000
  or src_ip is null or src_port is null or dest_ip is null or dest_port is null
