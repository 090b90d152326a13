/* endpoint_use: for each client and server, a day: how unusual the rarest of the endpoints that it used is for hosts like workstations: who else
   of them uses it, beside the server's other clients and the hosts that manage others. */
with port_use as (
  select
    meeting.dest_ip,
    meeting.dest_port,
    meeting.hour // 24 as day,
    count(distinct case when host.role in ('workstation', 'unknown') then meeting.src_ip end) as plain_clients,
    count(distinct case when host.role in ('workstation', 'unknown') then null else meeting.src_ip end) as managers
  from meeting
  join host on host.ip = meeting.src_ip
  where meeting.activities > 0
  group by meeting.dest_ip, meeting.dest_port, meeting.hour // 24
),
server_use as (
  select
    meeting.dest_ip,
    meeting.hour // 24 as day,
    count(distinct case when host.role in ('workstation', 'unknown') then meeting.src_ip end) as plain_clients
  from meeting
  join host on host.ip = meeting.src_ip
  where meeting.activities > 0
  group by meeting.dest_ip, meeting.hour // 24
)
select
  meeting.src_ip,
  meeting.dest_ip,
  meeting.hour // 24 as day,
  max(log10(
    (greatest(server_use.plain_clients - 1, port_use.managers) + 1.0) / (port_use.plain_clients - 0.5)
  )) as tens
from meeting
join port_use
  on port_use.dest_ip = meeting.dest_ip and port_use.dest_port = meeting.dest_port and port_use.day = meeting.hour // 24
join server_use on server_use.dest_ip = meeting.dest_ip and server_use.day = meeting.hour // 24
where meeting.activities > 0 and port_use.plain_clients > 0 and (port_use.managers > 0 or server_use.plain_clients > 1)
group by meeting.src_ip, meeting.dest_ip, meeting.hour // 24
