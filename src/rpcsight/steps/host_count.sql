/* host_count: how many addresses the candidates over TCP have, and what they are to port 135. */
with spoke as (
  select src_ip, dest_ip, dest_port
  from candidate
  where coalesce(transport_protocol, 'tcp') = 'tcp'
)
select
  (select count(*) from (select src_ip from spoke union select dest_ip from spoke) as address) as addresses,
  (select count(distinct src_ip) from spoke where dest_port = $mapper_port) as clients,
  (select count(distinct dest_ip) from spoke where dest_port = $mapper_port) as servers
