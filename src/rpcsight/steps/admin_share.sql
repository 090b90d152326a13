/* admin_share: what was done on administrative shares (ADMIN$, and drives such as C$): `share` connected to one, or asked for a file of it
   where name is given; `write` wrote a file there. A server that only its own log names is known by that name. */
select
  coalesce(time_us, flow_us) as at_us,
  src_ip,
  dest_ip,
  coalesce(dest_ip, observer) as server,
  nullif(user_name, '') as user_name,
  action,
  share,
  nullif(name, '') as name,
  observer,
  source
from smb_event
where action in ('share', 'write')
  and regexp_matches(concat('/', replace(lower(share), '\', '/')), '/(admin|[a-z])[$]/*$')
  and src_ip is not null
  and coalesce(time_us, flow_us) is not null
  and (dest_ip is null or src_ip <> dest_ip)
  and src_ip not like '127.%'
  and src_ip <> '::1'
  and coalesce(flow_us, time_us) >= $since_us
  and coalesce(flow_us, time_us) < $until_us
