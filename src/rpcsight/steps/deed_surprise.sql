/* deed_surprise: what analytics that name a technique found in each story, with how unusual that is for the client, in tens of points: twice
   weight x confidence, and how many tenfolds rarer it is than what the client does every day, or than what others do with that server; the
   highest. What the client never did is as usual as it is among hosts of its role. What is made of many calls (analytics of made_of_many), or
   names no operation, is told apart by the analytic: one such call says nothing; a sweep of many servers is usual for a client that goes to as
   many on other days. Chains have parts of their own. */
with client as (
  select ip, case role when 'workstation' then 'unknown' else role end as kind
  from (
    select client.ip, coalesce(host.role, known_host.role) as role
    from (
      select src_ip as ip from story where src_ip <> ''
      union
      select ip from known_host where days > 0
    ) as client
    left join host on host.ip = client.ip
    left join known_host on known_host.ip = client.ip
  ) as told
),
size as (
  select greatest(count(*), 1) as clients
  from client
),
peer as (
  select kind, count(*) as clients
  from client
  group by kind
),
done as (
  select
    coalesce(src_ip, '') as src_ip,
    coalesce(dest_ip, '') as dest_ip,
    coalesce(service, '') as service,
    coalesce(detection.operation, '') as called,
    case
      when coalesce(detection.operation, '') = '' or made_of_many.analytic is not null then concat('*', detection.analytic)
      else detection.operation
    end as operation,
    made_of_many.analytic is not null and detection.dest_ip is null as is_sweep,
    try_cast(split_part(detection.target, ' ', 1) as integer) as targets,
    weight * confidence as share,
    epoch_us(start_time) as start_us
  from detection
  left join made_of_many on made_of_many.analytic = detection.analytic
  where detection.analytic <> 'rpc-chain'
),
did as (
  select src_ip, service, operation from done where src_ip <> ''
  union
  select src_ip, service, operation from known_deed where operation <> '' and days >= $known_days
),
doer as (
  select service, operation, count(*) as clients
  from did
  group by service, operation
),
peer_doer as (
  select client.kind, did.service, did.operation, count(*) as clients
  from did
  join client on client.ip = did.src_ip
  group by client.kind, did.service, did.operation
),
/* plain clients of a server that the baseline does not know to be: all of them, and those that make a call there */
newcomer as (
  select distinct story.src_ip, story.dest_ip
  from story
  join (select distinct dest_ip from done where dest_ip <> '') as asked on asked.dest_ip = story.dest_ip
  join host on host.ip = story.src_ip
  left join known_pair on known_pair.src_ip = story.src_ip and known_pair.dest_ip = story.dest_ip
  where host.role in ('workstation', 'unknown') and known_pair.src_ip is null
),
used as (
  select dest_ip, service, operation, sum(clients) as clients
  from (
    select dest_ip, service, operation, clients from known_use
    union all
    select dest_ip, '' as service, '' as operation, count(*) as clients from newcomer group by dest_ip
    union all
    select newcomer.dest_ip, done.service, done.operation, count(distinct newcomer.src_ip) as clients
    from newcomer
    join done on done.src_ip = newcomer.src_ip and done.dest_ip = newcomer.dest_ip
    group by newcomer.dest_ip, done.service, done.operation
  ) as counted
  group by dest_ip, service, operation
),
judged_deed as (
  select
    done.src_ip,
    done.dest_ip,
    done.start_us,
    done.share,
    case
      when done.is_sweep and done.called = '' then host.days * power(least(1.0, coalesce(host.servers_a_day / greatest(swept.servers, done.targets, 1), 0.0)), 2)
      when coalesce(known_deed.days, 0) < $known_days then 0.0
      when done.is_sweep then known_deed.days * power(least(1.0, coalesce(known_deed.servers_a_day / swept.servers, 0.0)), 2)
      else known_deed.days
    end as known,
    coalesce(host.days, 0) as days,
    (peer_doer.clients - 1 + 3.0 * (doer.clients - 1 + 0.5) / (size.clients + 1.0)) / (peer.clients - 1 + 3.0) as usual,
    /* without the client, which is among them */
    greatest(coalesce(user_of.clients, 0) - 1, 0) as users,
    greatest(coalesce(caller.clients, 0) - 1, 0) as callers,
    host.role in ('workstation', 'unknown') and done.dest_ip <> '' and done.operation = done.called as is_plain
  from done
  cross join size
  left join client on client.ip = done.src_ip
  left join peer on peer.kind = client.kind
  left join peer_doer on peer_doer.kind = client.kind and peer_doer.service = done.service and peer_doer.operation = done.operation
  left join doer on doer.service = done.service and doer.operation = done.operation
  left join known_deed
    on known_deed.src_ip = done.src_ip
    and known_deed.service = done.service
    and known_deed.operation = case when done.is_sweep then done.called else done.operation end
  left join swept
    on swept.src_ip = done.src_ip
    and swept.day = done.start_us // 86400000000
    and swept.service = case when done.called = '' then '' else done.service end
    and swept.operation = done.called
  left join host on host.ip = done.src_ip
  left join used as user_of on user_of.dest_ip = done.dest_ip and user_of.service = '' and user_of.operation = ''
  left join used as caller
    on caller.dest_ip = done.dest_ip and caller.service = done.service and caller.operation = done.operation
),
weighed as (
  select
    *,
    2 * share - log10(least(1.0, greatest(
      (coalesce(known, 0.0) + coalesce(usual, 0.25)) / (days + 1.0),
      case when is_plain then (callers + 3.0 * usual) / (users + 3.0) else 0.0 end
    ))) as tens
  from judged_deed
)
select
  story.src_ip,
  story.dest_ip,
  story.story_no,
  max(weighed.tens) as tens
from weighed
join story
  on story.src_ip = weighed.src_ip
  and story.dest_ip = weighed.dest_ip
  and weighed.start_us between story.first_us and story.latest_us
group by story.src_ip, story.dest_ip, story.story_no
