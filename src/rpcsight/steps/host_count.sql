/* host_count: how many addresses the candidates have, and what they are to port 135. */
select
  (select count(*) from (select src_ip from candidate union select dest_ip from candidate) as address) as addresses,
  (select count(distinct src_ip) from candidate where dest_port = $mapper_port) as clients,
  (select count(distinct dest_ip) from candidate where dest_port = $mapper_port) as servers
