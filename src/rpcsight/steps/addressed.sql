/* addressed: the addresses that the hosts of chosen stories had then. Reads chosen (steps/evidence) and tenant. */
select tenant.host, tenant.at_us, min(tenant.ip) as ip, max(host_place.hostname) as hostname
from tenant
join (
  select src_ip as host, first_us, latest_us from chosen
  union
  select dest_ip as host, first_us, latest_us from chosen
) as told on told.host = tenant.host and tenant.at_us between told.first_us and told.latest_us
join host_place on host_place.host = tenant.host
group by tenant.host, tenant.at_us
