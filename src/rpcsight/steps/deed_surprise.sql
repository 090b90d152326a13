/* deed_surprise: what analytics that name a technique found in each story, with how unusual that is for the client: its weightiest.
   In tens of points: weight x confidence x (1 + how many tenfolds rarer than every day). Reads chosen stories' detections. */
with size as (
  select greatest(count(*), 1) as clients
  from (
    select src_ip from story where src_ip <> ''
    union
    select ip as src_ip from known_host where days > 0
  ) as client
),
done as (
  select coalesce(src_ip, '') as src_ip, coalesce(dest_ip, '') as dest_ip, coalesce(service, '') as service,
    coalesce(operation, '') as operation, technique, analytic, weight * confidence as share, epoch_us(start_time) as start_us
  from detection
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
    done.analytic,
    done.service,
    done.operation,
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
    and done.operation <> ''
  left join host on host.ip = done.src_ip
),
weighed as (
  select
    *,
    share * (1.0 - log10(least(1.0, (known + coalesce(usual, 0.5 / 2)) / (days + 1.0)))) as tens
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
