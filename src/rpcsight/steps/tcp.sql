/* tcp: TCP connections of a capture, put together from segments (what each block of it shows of a connection; a SYN begins one).
   A SYN begins a new connection between the same ports if its sender was heard before, with other numbers or before a FIN or RST;
   else it is the first SYN or a copy of it. Without SYN and SYN-ACK, who called is a guess: whoever does not use the mapper's port, or
   sent first. */
with ended as (
  select *, case when ((up_flags | down_flags) & 5) <> 0 then 1 else 0 end as is_ended
  from segment
),
followed as (
  select
    ended.*,
    sum(is_ended) over earlier as ends_before,
    -- the first packet's place and number in one number
    min(case when up_base >= 0 then segment_no * 4294967296 + up_base end) over earlier as up_first,
    min(case when down_base >= 0 then segment_no * 4294967296 + down_base end) over earlier as down_first
  from ended
  window earlier as (partition by low, high order by segment_no rows between unbounded preceding and 1 preceding)
),
compared as (
  select
    followed.*,
    case when is_up then up_first else down_first end % 4294967296 as sender_base,
    lag(seq) over syns as sender_syn,
    lag(coalesce(ends_before, 0)) over syns as ends_then
  from followed
  window syns as (partition by low, high, is_syn, is_up order by segment_no)
),
numbered as (
  select
    compared.*,
    sum(case
      when not is_syn then 0
      when sender_syn is not null then case when sender_syn <> seq or ends_before > ends_then then 1 else 0 end
      when sender_base is null then 0
      when sender_base <> seq or ends_before > 0 then 1
      else 0
    end) over (partition by low, high order by segment_no rows between unbounded preceding and current row) as connection_no
  from compared
),
connected as (
  select
    low,
    high,
    connection_no,
    min(case when is_syn then begin_us end) as syn_us,
    min(first_us) as first_us,
    max(last_us) as last_us,
    min(case when is_syn and is_up then segment_no end) as up_syn,
    min(case when is_syn and not is_up then segment_no end) as down_syn,
    min(segment_no * 2 + case when is_up then 0 else 1 end) % 2 as is_down_first,
    max(up_flags & 2) as up_syn_flag,
    max(down_flags & 2) as down_syn_flag,
    sum(case when is_syn then 1 else 0 end) as syns,
    sum(up_packets) as up_packets,
    sum(down_packets) as down_packets,
    sum(up_bytes) as up_bytes,
    sum(down_bytes) as down_bytes,
    sum(up_acks) as up_acks,
    sum(down_acks) as down_acks,
    sum(up_data) as up_data,
    sum(down_data) as down_data
  from numbered
  group by low, high, connection_no
),
directed as (
  select
    connected.*,
    syn_us is not null or up_syn_flag <> down_syn_flag as is_oriented,
    case
      when up_syn is not null and (down_syn is null or up_syn < down_syn) then true
      when down_syn is not null then false
      when up_syn_flag <> down_syn_flag then up_syn_flag = 0  -- without SYN, what has that flag is a SYN-ACK
      when low % 65536 = 135 and high % 65536 <> 135 then false
      when high % 65536 = 135 and low % 65536 <> 135 then true
      else is_down_first = 0
    end as is_up_call
  from connected
),
turned as (
  select
    coalesce(syn_us, first_us) as start_us,
    last_us as end_us,
    is_oriented,
    syns,
    case when is_up_call then low else high end as src,
    case when is_up_call then high else low end as dest,
    case when is_up_call then up_packets else down_packets end as out_packets,
    case when is_up_call then down_packets else up_packets end as in_packets,
    case when is_up_call then up_bytes else down_bytes end as out_bytes,
    case when is_up_call then down_bytes else up_bytes end as in_bytes,
    case when is_up_call then up_acks else down_acks end as out_acks,
    case when is_up_call then up_data else down_data end as out_data,
    case when is_up_call then down_data else up_data end as in_data
  from directed
),
numbered_ends as (
  select
    turned.*,
    src // 65536 as src_no,
    src % 65536 as src_port,
    dest // 65536 as dest_no,
    dest % 65536 as dest_port
  from turned
)
select
  start_us,
  end_us,
  coalesce(src_address.address, concat(
    cast(src_no // 16777216 as varchar), '.', cast(src_no // 65536 % 256 as varchar), '.',
    cast(src_no // 256 % 256 as varchar), '.', cast(src_no % 256 as varchar)
  )) as src_ip,
  cast(src_port as integer) as src_port,
  coalesce(dest_address.address, concat(
    cast(dest_no // 16777216 as varchar), '.', cast(dest_no // 65536 % 256 as varchar), '.',
    cast(dest_no // 256 % 256 as varchar), '.', cast(dest_no % 256 as varchar)
  )) as dest_ip,
  cast(dest_port as integer) as dest_port,
  case
    when is_oriented and (out_acks > 0 or in_data > 0) then true
    when syns > 0 then false
    when out_data > 0 and in_data > 0 then true
  end as is_established,
  is_oriented,
  cast(out_packets as bigint) as out_packets,
  cast(in_packets as bigint) as in_packets,
  cast(out_bytes as bigint) as out_bytes,
  cast(in_bytes as bigint) as in_bytes,
  cast(syns as bigint) as syns
from numbered_ends
left join address as src_address on src_address.address_no = src_no
left join address as dest_address on dest_address.address_no = dest_no
