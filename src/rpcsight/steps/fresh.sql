/* fresh: clients that the baseline does not know a server to have, the day they came, and the share of the client that is (steps/known_host). */
select src_ip, dest_ip, day, 1.0 / (count(*) over (partition by src_ip, is_server) + servers) as tie
from (
  select placed.src_ip, placed.dest_ip, client.servers, server.is_server, min(placed.day) as day
  from placed
  join host as client on client.ip = placed.src_ip
  join host as server on server.ip = placed.dest_ip
  left join known_pair on known_pair.src_ip = placed.src_ip and known_pair.dest_ip = placed.dest_ip
  where known_pair.src_ip is null
  group by placed.src_ip, placed.dest_ip, client.servers, server.is_server
) as met
