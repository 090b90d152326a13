/* server_epoch: when a server's ports moved, as after a restart: when an interface is first seen on a port, of which another port was known
   before and is not seen again. Only interfaces that one program answers: DCOM's own are wherever an object is. */
with held as (
  select dest_ip, service, dest_port, min(time_us) as first_us, max(time_us) as last_us
  from service_evidence
  where is_housed
  group by dest_ip, service, dest_port
),
turned as (
  select dest_ip, first_us, min(last_us) over (partition by dest_ip, service) as left_us
  from held
)
select distinct dest_ip, first_us as at_us
from turned
where left_us < first_us
