/* deed_surprise: what analytics that name a technique found in each story, with how unusual that is for the client, in tens of points: twice
   weight x confidence, and how many tenfolds rarer than every day it is; the highest. What is made of many calls (analytics of made_of_many), or
   names no operation, is told apart by the analytic: one such call says nothing. Chains have parts of their own. */
with size as (
  select greatest(count(*), 1) as clients
  from (
    select src_ip from story where src_ip <> ''
    union
    select ip as src_ip from known_host where days > 0
  ) as client
),
done as (
  select
    coalesce(src_ip, '') as src_ip,
    coalesce(dest_ip, '') as dest_ip,
    coalesce(service, '') as service,
    case
      when coalesce(detection.operation, '') = '' or made_of_many.analytic is not null then concat('*', detection.analytic)
      else detection.operation
    end as operation,
    weight * confidence as share,
    epoch_us(start_time) as start_us
  from detection
  left join made_of_many on made_of_many.analytic = detection.analytic
  where detection.analytic <> 'rpc-chain'
),
doer as (
  select service, operation, count(distinct src_ip) as clients
  from (
    select src_ip, service, operation from done where src_ip <> ''
    union
    select src_ip, service, operation from known_deed where operation <> '' and days >= $known_days
  ) as did
  group by service, operation
),
judged_deed as (
  select
    done.src_ip,
    done.dest_ip,
    done.start_us,
    done.share,
    case when known_deed.days >= $known_days then known_deed.days else 0 end as known,
    coalesce(host.days, 0) as days,
    (doer.clients - 1 + 0.5) / (size.clients + 1.0) as usual
  from done
  cross join size
  left join doer on doer.service = done.service and doer.operation = done.operation
  left join known_deed
    on known_deed.src_ip = done.src_ip
    and known_deed.service = done.service
    and known_deed.operation = done.operation
  left join host on host.ip = done.src_ip
),
weighed as (
  select
    *,
    2 * share - log10(least(1.0, (known + coalesce(usual, 0.25)) / (days + 1.0))) as tens
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
