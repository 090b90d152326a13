/* logged_flow: connections of hosts' own logs (Sysmon 3, Security 5156), turned so that src opened them, and events that could not be read.
   Sysmon before 10, and Windows before 10, write the computer itself as the source of what came in, so what an inbound event calls
   source counts for nothing: the computer's own addresses (the source of what it opened; the side with the port below 1024 of what came
   in by TCP) say who was called. Times of whole seconds give way to those of Sysmon for the same connection. Addresses of IPv6 are
   written in their short form. */
with told as (
  select
    at_us,
    grain_us,
    computer,
    log,
    record_id,
    source,
    observer,
    event_id is null as is_broken,
    case
      when event_id is null then cast(null as boolean)
      when log = 'sysmon' then lower(coalesce(initiated, direction)) in ('true', 'egress', 'outbound')
      else lower(direction) in ('%%14593', 'outbound', 'egress')
    end as is_outbound,
    ':' || split_part(lower(trim(coalesce(source_ip, source_address))), '%', 1) || ':' as from_text,
    try_cast(nullif(source_port, '-') as integer) as from_port,
    ':' || split_part(lower(trim(coalesce(destination_ip, dest_address))), '%', 1) || ':' as to_text,
    try_cast(nullif(coalesce(destination_port, dest_port), '-') as integer) as to_port,
    case lower(protocol) when '6' then 'tcp' when '17' then 'udp' else lower(protocol) end as transport_protocol,
    try_cast(process_id as bigint) as pid,
    nullif(nullif(nullif(lower(replace(replace(process_guid, '{', ''), '}', '')), '00000000-0000-0000-0000-000000000000'), ''), '-') as process_guid,
    nullif(replace(replace(replace(replace(nullif(nullif(coalesce(image, application), '-'), ''), '&lt;', '<'), '&gt;', '>'), '&quot;', '"'), '&amp;', '&'), '<unknown process>') as image_path,
    nullif("user", '-') as user_name
  from logged
  where event_id is null
    or (log = 'sysmon' and event_id = 3)
    or (log = 'security' and event_id = 5156)
),
run as (
  select
    told.*,
    case
      when from_text like '%::%' then cast(null as varchar)
      when strpos(from_text, ':0:0:0:0:0:0:0:') > 0 then ':0:0:0:0:0:0:0:'
      when strpos(from_text, ':0:0:0:0:0:0:') > 0 then ':0:0:0:0:0:0:'
      when strpos(from_text, ':0:0:0:0:0:') > 0 then ':0:0:0:0:0:'
      when strpos(from_text, ':0:0:0:0:') > 0 then ':0:0:0:0:'
      when strpos(from_text, ':0:0:0:') > 0 then ':0:0:0:'
      when strpos(from_text, ':0:0:') > 0 then ':0:0:'
    end as from_run,
    case
      when to_text like '%::%' then cast(null as varchar)
      when strpos(to_text, ':0:0:0:0:0:0:0:') > 0 then ':0:0:0:0:0:0:0:'
      when strpos(to_text, ':0:0:0:0:0:0:') > 0 then ':0:0:0:0:0:0:'
      when strpos(to_text, ':0:0:0:0:0:') > 0 then ':0:0:0:0:0:'
      when strpos(to_text, ':0:0:0:0:') > 0 then ':0:0:0:0:'
      when strpos(to_text, ':0:0:0:') > 0 then ':0:0:0:'
      when strpos(to_text, ':0:0:') > 0 then ':0:0:'
    end as to_run
  from told
),
short as (
  select
    run.*,
    case
      when from_run is null then from_text
      else concat(substr(from_text, 1, strpos(from_text, from_run) - 1), '::', substr(from_text, strpos(from_text, from_run) + length(from_run)))
    end as from_short,
    case
      when to_run is null then to_text
      else concat(substr(to_text, 1, strpos(to_text, to_run) - 1), '::', substr(to_text, strpos(to_text, to_run) + length(to_run)))
    end as to_short
  from run
),
bare as (
  select
    short.*,
    case when from_short like ':::%' then substr(from_short, 2, length(from_short) - 2) when from_short like '::%' then substr(from_short, 1, length(from_short) - 1) else substr(from_short, 2, length(from_short) - 2) end as from_bare,
    case when to_short like ':::%' then substr(to_short, 2, length(to_short) - 2) when to_short like '::%' then substr(to_short, 1, length(to_short) - 1) else substr(to_short, 2, length(to_short) - 2) end as to_bare
  from short
),
addressed as (
  select
    bare.*,
    case when from_bare like '::ffff:%.%' then substr(from_bare, 8) else nullif(nullif(from_bare, ''), '-') end as from_ip,
    case when to_bare like '::ffff:%.%' then substr(to_bare, 8) else nullif(nullif(to_bare, ''), '-') end as to_ip
  from bare
),
own as (
  select computer, from_ip as ip
  from addressed
  where is_outbound
  union
  select computer, case when to_port < 1024 then to_ip else from_ip end as ip
  from addressed
  where not is_outbound and transport_protocol = 'tcp' and (from_port < 1024) <> (to_port < 1024)
),
known as (
  select
    addressed.*,
    from_own.ip is not null as is_from_own,
    to_own.ip is not null as is_to_own
  from addressed
  left join own as from_own on from_own.computer = addressed.computer and from_own.ip = addressed.from_ip
  left join own as to_own on to_own.computer = addressed.computer and to_own.ip = addressed.to_ip
),
judged as (
  select
    known.*,
    coalesce(not is_outbound and case
      when is_from_own and is_to_own then from_port < 1024 and to_port >= 1024
      else is_from_own
    end, false) as is_turned,
    coalesce(is_outbound or is_from_own <> is_to_own or from_ip = to_ip or (is_from_own and (from_port < 1024) <> (to_port < 1024)), is_broken) as is_oriented
  from known
),
turned as (
  select
    judged.*,
    case when is_turned then to_ip else from_ip end as src_ip,
    case when is_turned then to_port else from_port end as src_port,
    case when is_turned then from_ip else to_ip end as dest_ip,
    case when is_turned then from_port else to_port end as dest_port
  from judged
),
fine as (
  select computer, src_ip, src_port, dest_ip, dest_port, min(at_us) as first_us, max(at_us) as last_us
  from turned
  where log = 'sysmon' and at_us is not null
  group by computer, src_ip, src_port, dest_ip, dest_port
),
fixed as (
  select
    turned.*,
    case
      when turned.grain_us < 1000000 then cast(null as bigint)
      when fine.first_us between turned.at_us - 10000000 and turned.at_us + 10000000 then fine.first_us
      when fine.last_us between turned.at_us - 10000000 and turned.at_us + 10000000 then fine.last_us
    end as fine_us
  from turned
  left join fine
    on fine.computer = turned.computer
    and fine.src_ip = turned.src_ip
    and fine.src_port = turned.src_port
    and fine.dest_ip = turned.dest_ip
    and fine.dest_port = turned.dest_port
),
/* what a mapper connection of the same second led to, and only the coarse clock saw: it must not come to lie before that */
rough as (
  select distinct computer, src_ip, dest_ip, at_us
  from fixed
  where grain_us >= 1000000 and fine_us is null and dest_port <> $mapper_port
)
select
  case when fixed.dest_port = $mapper_port and rough.at_us is not null then fixed.at_us else coalesce(fixed.fine_us, fixed.at_us) end as at_us,
  fixed.computer,
  fixed.log,
  fixed.record_id,
  fixed.is_broken,
  fixed.is_outbound,
  fixed.is_oriented,
  fixed.src_ip,
  fixed.src_port,
  fixed.dest_ip,
  fixed.dest_port,
  fixed.transport_protocol,
  fixed.pid,
  fixed.process_guid,
  fixed.image_path,
  fixed.user_name,
  coalesce(fixed.computer, fixed.observer) as observer,
  fixed.source
from fixed
left join rough
  on rough.computer = fixed.computer
  and rough.src_ip = fixed.src_ip
  and rough.dest_ip = fixed.dest_ip
  and rough.at_us = fixed.at_us
where fixed.is_broken or fixed.transport_protocol in ('tcp', 'udp')
