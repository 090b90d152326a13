/* endpoint_use: for each client like a workstation and server, a day, in tens of points: how rare it is among the server's other such clients
   that day to use an endpoint that so few of them use; or that only hosts that manage others use. Where each connection has a port of its
   own, all do, and it says nothing. */
with used as (
  select
    meeting.src_ip,
    meeting.dest_ip,
    meeting.dest_port,
    meeting.hour // 24 as day,
    max(case when host.role in ('workstation', 'unknown') then 1 else 0 end) as is_plain
  from meeting
  join host on host.ip = meeting.src_ip
  where meeting.activities + meeting.smb > 0
  group by meeting.src_ip, meeting.dest_ip, meeting.dest_port, meeting.hour // 24
),
port_use as (
  select dest_ip, dest_port, day, sum(is_plain) as plain_clients, sum(1 - is_plain) as managers
  from used
  group by dest_ip, dest_port, day
),
rarest as (
  select
    used.src_ip,
    used.dest_ip,
    used.day,
    min(port_use.plain_clients) as sharers,
    max(case when port_use.plain_clients = 1 then port_use.managers else 0 end) as managers
  from used
  join port_use on port_use.dest_ip = used.dest_ip and port_use.dest_port = used.dest_port and port_use.day = used.day
  where used.is_plain = 1
  group by used.src_ip, used.dest_ip, used.day
),
placed as (
  select
    src_ip,
    dest_ip,
    day,
    managers,
    count(*) over (partition by dest_ip, day) - 1 as others,
    count(*) over (partition by dest_ip, day order by sharers) - 1 as as_rare
  from rarest
)
select
  src_ip,
  dest_ip,
  day,
  greatest(
    log10((others + 1.0) / (as_rare + 0.5)),
    case when managers > 0 then log10((managers + 1.0) / 0.5) else 0.0 end,
    0.0
  ) as tens
from placed
where others > 0 or managers > 0
