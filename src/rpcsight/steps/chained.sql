/* chained: for stories in which a host that is no server is reached by somebody new to it and then reaches somebody new to it: how rarely chance
   brings a story that is as unusual as the other one to the same host in that time. Only the day's most unusual stories, a tenth as many as
   there are hosts, can be links. */
with ranked as (
  select
    src_ip, dest_ip, story_no, first_us, is_server,
    row_number() over (
      partition by day
      order by round(client_points + server_points + seen_points + endpoint_points + reach_points + hour_points + fan_out_points
        + technique_points, 1) desc, first_us, src_ip, dest_ip
    ) as place
  from weighed
  where is_new and not is_mutual
),
size as (
  select count(*) as hosts
  from (select ip from host union select ip from known_host) as every
),
link as (
  select ranked.*, cast(ranked.place as double) / size.hosts as share
  from ranked
  cross join size
  where ranked.place <= greatest(10, 0.1 * size.hosts)
),
followed as (
  select
    one.src_ip as a_ip, one.dest_ip as b_ip, two.dest_ip as c_ip, one.story_no as one_no, two.story_no as two_no,
    one.first_us as one_us, two.first_us as two_us,
    -5 * log10(least(1.0, one.share * greatest(two.first_us - one.first_us, 28800000000) / 28800000000.0)) as one_points,
    -5 * log10(least(1.0, two.share * greatest(two.first_us - one.first_us, 28800000000) / 28800000000.0)) as two_points
  from link as one
  join link as two
    on two.src_ip = one.dest_ip
    and two.first_us >= one.first_us
    and two.first_us - one.first_us <= $linked_us
    and two.dest_ip <> one.src_ip
    and not one.is_server
)
select b_ip as src_ip, c_ip as dest_ip, two_no as story_no, max(one_points) as reached, 0.0 as went_on, max(one_us) as reached_us,
  cast(null as bigint) as went_on_us
from followed
group by b_ip, c_ip, two_no
union all
select a_ip as src_ip, b_ip as dest_ip, one_no as story_no, 0.0 as reached, max(two_points) as went_on, cast(null as bigint) as reached_us,
  min(two_us) as went_on_us
from followed
group by a_ip, b_ip, one_no
