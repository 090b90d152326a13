/* scored: every story with its points and their sum, the score; those whose client or server nobody tells have what was done only. */
with linked as (
  select
    src_ip, dest_ip, story_no,
    max(reached) as reached, max(went_on) as went_on, max(reached_us) as reached_us, min(went_on_us) as went_on_us
  from chained
  group by src_ip, dest_ip, story_no
),
placed_story as (
  select
    weighed.src_ip, weighed.dest_ip, weighed.story_no, weighed.day, weighed.first_us, weighed.latest_us, weighed.last_us,
    weighed.activities, weighed.attempts, weighed.smb, weighed.by_mapper, weighed.by_decoded, weighed.unnamed, weighed.confidence,
    weighed.client_role, weighed.server_role, weighed.is_server, weighed.is_new, weighed.seen_days, weighed.held_days, weighed.client_days, weighed.meets,
    weighed.share, weighed.others, weighed.usual_tens, weighed.fan_out, linked.reached_us, linked.went_on_us,
    weighed.client_points, weighed.server_points, weighed.seen_points, weighed.endpoint_points, weighed.reach_points,
    weighed.hour_points, weighed.fan_out_points, weighed.technique_points, weighed.confidence_points,
    cast($with_reached * round(coalesce(linked.reached, 0.0), 1) as double) as reached_points,
    cast($with_went_on * round(coalesce(linked.went_on, 0.0), 1) as double) as went_on_points
  from weighed
  left join linked on linked.src_ip = weighed.src_ip and linked.dest_ip = weighed.dest_ip and linked.story_no = weighed.story_no
),
unplaced as (
  select
    story.src_ip, story.dest_ip, story.story_no, story.day, story.first_us, story.latest_us, story.last_us,
    story.activities, story.attempts, story.smb, story.by_mapper, story.by_decoded, story.unnamed, cast(1 as double) as confidence,
    cast(null as varchar) as client_role, cast(null as varchar) as server_role, false as is_server, true as is_new,
    cast(0 as bigint) as seen_days, 0 as held_days, cast(0 as bigint) as client_days, cast(null as double) as meets, cast(null as double) as share, cast(null as bigint) as others, cast(null as double) as usual_tens,
    cast(1 as bigint) as fan_out, cast(null as bigint) as reached_us, cast(null as bigint) as went_on_us,
    cast(0 as double) as client_points,
    cast(0 as double) as server_points,
    cast(0 as double) as seen_points,
    cast(0 as double) as endpoint_points,
    cast(0 as double) as reach_points,
    cast(0 as double) as hour_points,
    cast(0 as double) as fan_out_points,
    cast($with_technique * round(10 * coalesce(deed_surprise.tens, 0.0), 1) as double) as technique_points,
    cast(0 as double) as confidence_points,
    cast(0 as double) as reached_points,
    cast(0 as double) as went_on_points
  from story
  left join deed_surprise
    on deed_surprise.src_ip = story.src_ip and deed_surprise.dest_ip = story.dest_ip and deed_surprise.story_no = story.story_no
  where story.src_ip = '' or story.dest_ip = ''
)
select
  *,
  cast(round(
    client_points + server_points + seen_points + endpoint_points + reach_points + hour_points + fan_out_points + technique_points
    + confidence_points + reached_points + went_on_points,
    1
  ) as double) as score
from (
  select * from placed_story
  union all
  select * from unplaced
) as every
