/* known_reach: how far apart clients and hosts are that they met after their first days, by their addresses. Servers do not count: they are
   met from everywhere; nor do clients that meet new hosts every day. */
select
  case when client.site <> server.site then 2 when client.subnet <> server.subnet then 1 else 0 end as reach,
  count(*) as pairs
from known_pair
join known_host as client on client.ip = known_pair.src_ip
join known_host as server on server.ip = known_pair.dest_ip
where known_pair.is_new
  and client.role in ('workstation', 'unknown')
  and server.role in ('workstation', 'unknown')
group by case when client.site <> server.site then 2 when client.subnet <> server.subnet then 1 else 0 end
