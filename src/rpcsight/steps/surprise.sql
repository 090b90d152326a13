/* surprise: each story with how likely each thing about it is in everyday life, as tens of points (logarithms: 1 is ten times rarer).
   docs/score.md has the formulas in words. */
with placed as (
  select
    story.*,
    dense_rank() over (partition by story.src_ip, story.dest_ip order by story.day) - 1 as earlier_days
  from story
  where story.src_ip <> '' and story.dest_ip <> ''
),
client_day as (
  select src_ip, day, row_number() over (partition by src_ip order by day) - 1 as earlier
  from (select distinct src_ip, day from placed) as active
),
/* clients that the baseline does not know a server to have, by the day they came */
fresh as (
  select placed.src_ip, placed.dest_ip, min(placed.day) as day
  from placed
  left join known_pair on known_pair.src_ip = placed.src_ip and known_pair.dest_ip = placed.dest_ip
  where known_pair.src_ip is null
  group by placed.src_ip, placed.dest_ip
),
fresh_day as (
  select dest_ip, day, sum(count(*)) over (partition by dest_ip order by day rows between unbounded preceding and current row) as fresh
  from fresh
  group by dest_ip, day
),
kind as (
  select is_server, sum(clients) as clients, count(*) as hosts
  from (
    select role in ('domain controller', 'server', 'management server') as is_server, clients
    from known_host
    union all
    select host.is_server, count(*) as clients
    from fresh
    join host on host.ip = fresh.dest_ip
    group by host.is_server, host.ip
  ) as counted
  group by is_server
),
habit as (
  select
    role,
    (sum(new_hosts) + 0.1) / (sum(settled_days) + 3.0) as hosts_a_day,
    (sum(new_servers) + 1.5) / (sum(settled_days) + 3.0) as servers_a_day,
    (sum(new_clients) + 0.1) / (sum(settled_days) + 3.0) as clients_a_day
  from known_host
  group by role
),
client_habit as (
  select
    host.ip,
    (host.new_hosts + 3.0 * coalesce(habit.hosts_a_day, 0.03)) / (host.settled_days + 3.0) as hosts_a_day,
    (host.new_servers + 3.0 * coalesce(habit.servers_a_day, 0.5)) / (host.settled_days + 3.0) as servers_a_day,
    (host.new_clients + 3.0 * coalesce(habit.clients_a_day, 0.03)) / (host.settled_days + 3.0) as clients_a_day
  from host
  left join habit on habit.role = host.role
),
port_use as (
  select dest_ip, dest_port, count(distinct src_ip) as clients
  from meeting
  where activities > 0
  group by dest_ip, dest_port
),
server_use as (
  select dest_ip, count(distinct src_ip) as clients
  from meeting
  where activities > 0
  group by dest_ip
),
used_port as (
  select
    meeting.src_ip,
    meeting.dest_ip,
    meeting.hour * 3600000000 // 86400000000 as day,
    max(log10(cast(server_use.clients as double) / port_use.clients)) as tens
  from meeting
  join port_use on port_use.dest_ip = meeting.dest_ip and port_use.dest_port = meeting.dest_port
  join server_use on server_use.dest_ip = meeting.dest_ip
  where meeting.activities > 0
  group by meeting.src_ip, meeting.dest_ip, meeting.hour * 3600000000 // 86400000000
),
hour_use as (
  select
    slot,
    (pairs + 1.0) / case when slot < 24 then 5 else 2 end as rate,
    max((pairs + 1.0) / case when slot < 24 then 5 else 2 end) over () as highest
  from (
    select listed.slot, coalesce(known_hour.pairs, 0) as pairs
    from (select distinct hour % 24 + 24 * is_weekend as slot from meeting cross join (select 0 as is_weekend union all select 1) as kinds) as listed
    left join known_hour on known_hour.slot = listed.slot
    union all
    select slot, pairs from known_hour where slot not in (select distinct hour % 24 + 24 * is_weekend from meeting cross join (select 0 as is_weekend union all select 1) as kinds)
  ) as every
),
told as (
  select
    placed.*,
    coalesce(known_pair.days, 0) + placed.earlier_days as seen_days,
    greatest(client.days + coalesce(client_day.earlier, 0), coalesce(known_pair.days, 0) + placed.earlier_days) as client_days,
    client.role as client_role,
    server.role as server_role,
    server.is_server,
    client.is_known as is_client_known,
    server.clients + coalesce(fresh_day.fresh, 0) - 1 as other_clients,
    case when server.is_server then client_habit.servers_a_day else client_habit.hosts_a_day end as meets,
    client_habit.hosts_a_day + client_habit.servers_a_day as meets_all,
    client_habit.clients_a_day as welcomes,
    server_habit.clients_a_day as server_welcomes,
    server_habit.hosts_a_day + server_habit.servers_a_day as server_meets,
    kind.clients as kind_clients,
    kind.hosts as kind_hosts,
    coalesce(used_port.tens, 0.0) as port_tens,
    coalesce(log10(hour_use.highest / hour_use.rate), 0.0) as hour_tens,
    coalesce(deed_surprise.tens, 0.0) as deed_tens,
    back.src_ip is not null as is_mutual
  from placed
  join host as client on client.ip = placed.src_ip
  join host as server on server.ip = placed.dest_ip
  join client_habit on client_habit.ip = placed.src_ip
  join client_habit as server_habit on server_habit.ip = placed.dest_ip
  join client_day on client_day.src_ip = placed.src_ip and client_day.day = placed.day
  left join known_pair on known_pair.src_ip = placed.src_ip and known_pair.dest_ip = placed.dest_ip
  left join (select distinct src_ip, dest_ip from placed) as back on back.src_ip = placed.dest_ip and back.dest_ip = placed.src_ip
  left join fresh_day as fresh_day on fresh_day.dest_ip = placed.dest_ip and fresh_day.day = placed.day
  left join kind on kind.is_server = server.is_server
  left join used_port on used_port.src_ip = placed.src_ip and used_port.dest_ip = placed.dest_ip and used_port.day = placed.day
  left join hour_use
    on hour_use.slot = placed.first_us % 86400000000 // 3600000000 + case when (placed.day + 3) % 7 >= 5 then 24 else 0 end
  left join deed_surprise
    on deed_surprise.src_ip = placed.src_ip and deed_surprise.dest_ip = placed.dest_ip and deed_surprise.story_no = placed.story_no
),
likely as (
  select
    *,
    (greatest(other_clients, 0) + 0.5) / (kind_clients + 0.5 * kind_hosts) as share,
    seen_days < $known_days as is_new,
    case when seen_days >= $known_days then 1.0 else 0.1 end * seen_days / (client_days + 1.0) as returns
  from told
),
/* how often it is seen beside what is new about its client */
side as (
  select src_ip, dest_ip, story_no, src_ip as host, first_us, 1 as is_out, is_new and not is_mutual as is_telling
  from likely
  union all
  select src_ip, dest_ip, story_no, dest_ip as host, first_us, 0 as is_out, is_new and not is_mutual as is_telling
  from likely
),
beside as (
  select
    src_ip, dest_ip, story_no, is_out, first_us,
    max(case when is_out = 0 and is_telling then first_us end) over (
      partition by host order by first_us, is_out, src_ip, dest_ip rows between unbounded preceding and 1 preceding
    ) as reached_us,
    min(case when is_out = 1 and is_telling then first_us end) over (
      partition by host order by first_us, is_out, src_ip, dest_ip rows between 1 following and unbounded following
    ) as went_on_us
  from side
),
fan as (
  select
    src_ip, dest_ip, story_no,
    count(*) over (
      partition by src_ip order by first_us range between $fan_out_us preceding and $fan_out_us following
    ) as fan_out
  from likely
  where is_new
)
select
  likely.*,
  case when likely.is_new then coalesce(fan.fan_out, 1) else 1 end as fan_out,
  before.reached_us,
  after.went_on_us,
  case when likely.is_new and not likely.is_mutual and likely.first_us - before.reached_us <= $linked_us
    then greatest(0.0, -log10(least(1.0, likely.welcomes * greatest(likely.first_us - before.reached_us, 300000000) / 86400000000.0)))
    else 0.0 end as reached_tens,
  case when likely.is_new and not likely.is_mutual and after.went_on_us - likely.first_us <= $linked_us
    then greatest(0.0, -log10(least(1.0, likely.server_meets * greatest(after.went_on_us - likely.first_us, 300000000) / 86400000000.0)))
    else 0.0 end as went_on_tens
from likely
left join fan on fan.src_ip = likely.src_ip and fan.dest_ip = likely.dest_ip and fan.story_no = likely.story_no
left join beside as before
  on before.src_ip = likely.src_ip and before.dest_ip = likely.dest_ip and before.story_no = likely.story_no and before.is_out = 1
left join beside as after
  on after.src_ip = likely.src_ip and after.dest_ip = likely.dest_ip and after.story_no = likely.story_no and after.is_out = 0
