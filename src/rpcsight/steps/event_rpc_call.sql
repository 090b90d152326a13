/* event_rpc_call: calls that reached a server over the network by RPC Firewall (event 3) and by Windows' own tracing of RPC
   (Microsoft-Windows-RPC: 5 on the client, 6 on the server, which does not say who called). Local calls are left out. */
with own as (
  select computer, min(ip) as ip
  from (
    select computer, case when is_outbound then src_ip else dest_ip end as ip
    from logged_flow
    where is_oriented and not is_broken
  ) as side
  where ip not like '127.%' and ip not like 'fe80:%' and ip <> '::1'
  group by computer
  having min(ip) = max(ip)
),
called as (
  select
    logged.*,
    log = 'rpc' and event_id = 5 as is_client,
    case
      when lower(protocol) in ('ncacn_ip_tcp', '1', '0x1', 'tcp') then 'tcp'
      when lower(protocol) in ('ncacn_np', '2', '0x2', 'namedpipes', 'np') then 'smb'
    end as carrier,
    own.ip as own_ip,
    case when lower(trim(network_address)) like '::ffff:%.%' then substr(lower(trim(network_address)), 8) when lower(trim(network_address)) not in ('-', '') then split_part(lower(trim(network_address)), '%', 1) end as client_ip
  from logged
  left join own on own.computer = logged.computer
  where (log = 'firewall' and event_id = 3) or (log = 'rpc' and event_id in (5, 6))
)
select
  at_us as time_us,
  cast(null as bigint) as flow_us,
  case when is_client then own_ip when log = 'firewall' then client_ip end as src_ip,
  case when log = 'firewall' then try_cast(nullif(client_port, '-') as integer) end as src_port,
  case when is_client then client_ip else coalesce(case when lower(trim(server_address)) like '::ffff:%.%' then substr(lower(trim(server_address)), 8) when lower(trim(server_address)) not in ('-', '') then split_part(lower(trim(server_address)), '%', 1) end, own_ip) end as dest_ip,
  case when carrier = 'smb' then 445 else coalesce(try_cast(endpoint as integer), try_cast(nullif(server_port, '-') as integer)) end as dest_port,
  carrier as transport_protocol,
  case when carrier = 'smb' then case when lower(endpoint) like '_pipe_%' then substr(endpoint, 7) else endpoint end end as pipe,
  cast(null as varchar) as user_name,
  false as is_callback,
  cast(null as integer) as context_id,
  nullif(nullif(nullif(lower(replace(replace(interface_uuid, '{', ''), '}', '')), '00000000-0000-0000-0000-000000000000'), ''), '-') as interface,
  cast(null as varchar) as version,
  case
    when upper(authentication_service) like '%NEGOTIATE%' then 9
    when upper(authentication_service) like '%WINNT%' then 10
    when upper(authentication_service) like '%SCHANNEL%' then 14
    when upper(authentication_service) like '%KERBEROS%' then 16
    when upper(authentication_service) like '%NETLOGON%' then 68
    else try_cast(authentication_service as integer)
  end as auth_type,
  case
    when upper(authentication_level) like '%PRIVACY%' then 6
    when upper(authentication_level) like '%INTEGRITY%' then 5
    when upper(authentication_level) like '%PKT%' then 4
    when upper(authentication_level) like '%CALL%' then 3
    when upper(authentication_level) like '%CONNECT%' then 2
    when upper(authentication_level) like '%NONE%' then 1
    else try_cast(authentication_level as integer)
  end as auth_level,
  cast(null as bigint) as call_id,
  try_cast(coalesce(op_num, proc_num) as integer) as opnum,
  cast(null as boolean) as is_answered,
  cast(null as bigint) as fault,
  cast(null as bigint) as request_bytes,
  cast(null as bigint) as response_bytes,
  cast(null as varchar) as flow_id,
  cast(null as varchar) as interface_name,
  cast(null as varchar) as operation,
  nullif(replace(replace(replace(replace(nullif(nullif(image_path, '-'), ''), '&lt;', '<'), '&gt;', '>'), '&quot;', '"'), '&amp;', '&'), '<unknown process>') as image_path,
  coalesce(computer, observer) as observer,
  source
from called
where carrier is not null
