/* story_detail: ports of RPC and the best known service of each chosen story (steps/evidence) that has any. */
with deed as (
  select src_ip, dest_ip, epoch_us(start_time) as start_us, dest_port, service, tier
  from rpc_activity
  union all
  select src_ip, dest_ip, epoch_us(start_time) as start_us, dest_port, cast(null as varchar) as service, cast(null as varchar) as tier
  from rpc_attempt
),
told as (
  select deed.*, chosen.story_no
  from deed
  join chosen
    on chosen.src_ip = deed.src_ip
    and chosen.dest_ip = deed.dest_ip
    and deed.start_us between chosen.first_us and chosen.latest_us
),
ported as (
  select src_ip, dest_ip, story_no, count(distinct dest_port) as ports, min(dest_port) as lowest_port, max(dest_port) as highest_port
  from told
  group by src_ip, dest_ip, story_no
),
used as (
  select src_ip, dest_ip, story_no, service, tier
  from (
    select
      *,
      row_number() over (partition by src_ip, dest_ip, story_no order by tier_rank, activities desc, service) as place
    from (
      select
        src_ip, dest_ip, story_no, service, tier,
        case tier when 'decoded' then 0 when 'process' then 1 else 2 end as tier_rank,
        count(*) as activities
      from told
      where service is not null
      group by src_ip, dest_ip, story_no, service, tier
    ) as counted
  ) as placed
  where place = 1
)
select ported.*, used.service, used.tier
from ported
left join used on used.src_ip = ported.src_ip and used.dest_ip = ported.dest_ip and used.story_no = ported.story_no
