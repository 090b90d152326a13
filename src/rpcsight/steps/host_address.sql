/* host_address: the addresses of computers, as their own logs have them: where TCP connections came from that a computer opened, and where
   it accepted some, unless another computer opens connections from there. */
with side as (
  select distinct
    lower(host) as host,
    is_outbound,
    case when is_outbound then src_ip else dest_ip end as ip
  from host_flow
  where transport_protocol = 'tcp'
    and host <> ''
),
own as (
  select host, is_outbound, ip
  from side
  where ip not like '127.%'
    and ip not like '169.254.%'
    and ip not like 'fe80:%'
    and ip not in ('', '0.0.0.0', '::', '::1')
)
select host, ip
from own
where is_outbound
union
select host, ip
from own
where not is_outbound
  and ip not in (select ip from own where is_outbound)
