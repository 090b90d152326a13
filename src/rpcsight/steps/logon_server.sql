/* logon_server: hosts that the lsass.exe of another calls, by that one's own log: it has logons checked there, as with a domain controller. */
select distinct dest_ip as ip
from host_flow
where is_outbound
  and replace(lower(image_path), '\', '/') like '%/lsass.exe'
  and dest_ip is not null
  and src_ip <> dest_ip
