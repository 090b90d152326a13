/* likely: for each story, how often its client meets somebody new (meets), which share of such meetings leads to this server (share, and
   long_share without what others do that day), how rare such shares usually are (usual_tens), how likely the two meet again (returns), and what
   else is unusual about it. */
with client_day as (
  select src_ip, day, row_number() over (partition by src_ip order by day) - 1 as earlier
  from (select distinct src_ip, day from placed) as active
),
fresh_day as (
  select dest_ip, day, sum(sum(tie)) over (partition by dest_ip order by day rows between unbounded preceding and current row) as ties
  from fresh
  group by dest_ip, day
),
tied as (
  select ip, is_server, sum(ties) + 0.5 as ties
  from (
    select
      known_host.ip,
      coalesce(host.is_server, known_host.role in ('domain controller', 'server', 'management server')) as is_server,
      known_host.ties
    from known_host
    left join host on host.ip = known_host.ip
    union all
    select host.ip, host.is_server, fresh.tie as ties
    from fresh
    join host on host.ip = fresh.dest_ip
  ) as counted
  group by ip, is_server
),
/* all ties to hosts, and to servers, and how rare it is on the average that a beginning leads where it does, in tens of points */
kind as (
  select is_server, sum(ties) as ties, log10(sum(ties)) - sum(ties * log10(ties)) / sum(ties) as tens
  from tied
  group by is_server
),
/* how many began to use each server on a day, and how many began to use any of that kind */
began as (
  select fresh.dest_ip, fresh.day, count(*) as clients, sum(count(*)) over (partition by fresh.day, host.is_server) as beginnings
  from fresh
  join host on host.ip = fresh.dest_ip
  group by fresh.dest_ip, fresh.day, host.is_server
),
told as (
  select
    placed.*,
    coalesce(began.clients, 0) - case when fresh.day = placed.day then 1 else 0 end as others,
    coalesce(began.beginnings, 0) as beginnings,
    coalesce(known_pair.days, 0) + placed.earlier_days as seen_days,
    coalesce(held_pair.days, 0) as held_days,
    greatest(client.days + client_day.earlier, coalesce(known_pair.days, 0) + placed.earlier_days) as client_days,
    client.role as client_role,
    server.role as server_role,
    client.is_server as is_client_server,
    server.is_server,
    client.role in ('workstation', 'unknown') as is_plain,
    client.is_known as is_client_known,
    case when server.is_server then client_habit.servers_a_day else client_habit.hosts_a_day end as meets,
    client_habit.hosts_a_day + client_habit.servers_a_day as meets_all,
    greatest(server.ties + coalesce(fresh_day.ties, 0.0) - coalesce(fresh.tie, 0.0), 0.0) as ties,
    kind.ties as kind_ties,
    kind.tens as usual_tens,
    coalesce(endpoint_use.tens, 0.0) as endpoint_tens,
    coalesce(reach_use.tens, 0.0) as reach_tens,
    coalesce(hour_use.tens, 0.0) as hour_tens,
    coalesce(deed_surprise.tens, 0.0) as deed_tens,
    back.src_ip is not null as is_mutual
  from placed
  join host as client on client.ip = placed.src_ip
  join host as server on server.ip = placed.dest_ip
  join client_habit on client_habit.ip = placed.src_ip
  join client_day on client_day.src_ip = placed.src_ip and client_day.day = placed.day
  join kind on kind.is_server = server.is_server
  left join known_pair on known_pair.src_ip = placed.src_ip and known_pair.dest_ip = placed.dest_ip
  left join held_pair on held_pair.src_ip = placed.src_ip and held_pair.dest_ip = placed.dest_ip
  left join (select distinct src_ip, dest_ip from placed) as back on back.src_ip = placed.dest_ip and back.dest_ip = placed.src_ip
  left join fresh on fresh.src_ip = placed.src_ip and fresh.dest_ip = placed.dest_ip
  left join began on began.dest_ip = placed.dest_ip and began.day = placed.day
  left join (
    select placed_day.dest_ip, placed_day.day, max(fresh_day.ties) as ties
    from (select distinct dest_ip, day from placed) as placed_day
    join fresh_day on fresh_day.dest_ip = placed_day.dest_ip and fresh_day.day <= placed_day.day
    group by placed_day.dest_ip, placed_day.day
  ) as fresh_day
    on fresh_day.dest_ip = placed.dest_ip and fresh_day.day = placed.day
  left join endpoint_use
    on endpoint_use.src_ip = placed.src_ip and endpoint_use.dest_ip = placed.dest_ip and endpoint_use.day = placed.day
  left join reach_use
    on reach_use.reach = case when client.site <> server.site then 2 when client.subnet <> server.subnet then 1 else 0 end
  left join hour_use
    on hour_use.slot = placed.first_us % 86400000000 // 3600000000 + case when (placed.day + 3) % 7 >= 5 then 24 else 0 end
  left join deed_surprise
    on deed_surprise.src_ip = placed.src_ip and deed_surprise.dest_ip = placed.dest_ip and deed_surprise.story_no = placed.story_no
)
select
  *,
  long_share * greatest(1.0, (others + 1.0) / (beginnings * long_share + 1.0)) as share,
  seen_days < $known_days as is_new,
  case when seen_days >= $known_days then seen_days / (client_days + 1.0) else 0.0 end as returns
from (select *, (ties + 0.5) / kind_ties as long_share from told) as shared
