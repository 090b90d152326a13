/* learned: activities, but those that `decoded` has, on a server's port of which it is known what listens there: from elsewhere in the input,
   since the server's ports moved last and until they move again. What the endpoint mapper told the client within the last minute; else the
   interface seen there; of several, the program that has them all, or else the latest. Interfaces of no known program (DCOM's own) count
   where there are no others. */
with met as (
  select src_ip, src_port, dest_ip, dest_port, start_us
  from activity
  where exists (
    select 1
    from service_evidence
    where service_evidence.dest_ip = activity.dest_ip and service_evidence.dest_port = activity.dest_port
  )
  and not exists (
    select 1
    from decoded
    where decoded.src_ip = activity.src_ip
      and decoded.src_port = activity.src_port
      and decoded.dest_ip = activity.dest_ip
      and decoded.dest_port = activity.dest_port
      and decoded.start_us = activity.start_us
  )
),
moment as (
  select
    dest_ip, cast(null as integer) as dest_port, at_us, 0 as turn, 1 as moved, cast(null as varchar) as service, cast(null as varchar) as program,
    cast(null as boolean) as is_interface, cast(null as double) as tier_confidence
  from server_epoch
  union all
  select dest_ip, dest_port, time_us as at_us, 1 as turn, 0 as moved, service, program, is_interface, tier_confidence
  from service_evidence
  where exists (select 1 from met where met.dest_ip = service_evidence.dest_ip and met.dest_port = service_evidence.dest_port)
  union all
  select distinct
    dest_ip, dest_port, start_us as at_us, 2 as turn, 0 as moved, cast(null as varchar) as service, cast(null as varchar) as program,
    cast(null as boolean) as is_interface, cast(null as double) as tier_confidence
  from met
),
dated as (
  select
    *,
    sum(moved) over (
      partition by dest_ip
      order by at_us, turn
      rows between unbounded preceding and current row
    ) as epoch_no
  from moment
),
seen as (
  select
    dest_ip, dest_port, epoch_no,
    min(program) as first_program,
    max(program) as last_program,
    min(case when is_interface and program is not null then service end) as first_service,
    max(case when is_interface and program is not null then service end) as last_service,
    min(case when program is null then service end) as first_other,
    max(case when program is null then service end) as last_other,
    min(case when not is_interface then service end) as told_service,
    min(case when not is_interface then tier_confidence end) as told_confidence,
    min(case when program is not null then at_us end) as program_us,
    min(at_us) as any_us
  from dated
  where turn = 1
  group by dest_ip, dest_port, epoch_no
),
settled as (
  select
    dest_ip, dest_port, epoch_no,
    first_program is null as is_other,
    case
      when first_program <> last_program then cast(null as varchar)
      when first_service = last_service then first_service
      when first_service is not null then first_program
      when first_program is not null then told_service
      when first_other = last_other then first_other
    end as service,
    case when first_program is not null and first_service is null then told_confidence else cast(1 as double) end as most_confidence,
    coalesce(program_us, any_us) as first_us
  from seen
),
contested as (
  select dated.dest_ip, dated.dest_port, dated.epoch_no, dated.at_us, dated.turn, dated.service, dated.tier_confidence, settled.first_us
  from dated
  join settled
    on settled.dest_ip = dated.dest_ip
    and settled.dest_port = dated.dest_port
    and settled.epoch_no = dated.epoch_no
  where settled.service is null
    and (dated.turn = 2 or settled.is_other or dated.program is not null)
),
looked_back as (
  select
    dest_ip, dest_port, epoch_no, at_us, turn, first_us,
    max(case when turn = 1 then at_us end) over (
      partition by dest_ip, dest_port, epoch_no
      order by at_us, turn
      rows between unbounded preceding and current row
    ) as before_us
  from contested
),
shown as (
  select dest_ip, dest_port, epoch_no, at_us, min(service) as service, min(tier_confidence) as most_confidence
  from contested
  where turn = 1
  group by dest_ip, dest_port, epoch_no, at_us
),
common as (
  select
    dated.dest_ip, dated.dest_port, dated.at_us as start_us, settled.service, settled.most_confidence,
    cast(case when settled.first_us <= dated.at_us then 0.8 else 0.6 end as double) as tier_confidence
  from dated
  join settled
    on settled.dest_ip = dated.dest_ip
    and settled.dest_port = dated.dest_port
    and settled.epoch_no = dated.epoch_no
  where dated.turn = 2 and settled.service is not null
  union all
  select
    looked_back.dest_ip, looked_back.dest_port, looked_back.at_us as start_us, shown.service, shown.most_confidence,
    cast(0.5 as double) as tier_confidence
  from looked_back
  join shown
    on shown.dest_ip = looked_back.dest_ip
    and shown.dest_port = looked_back.dest_port
    and shown.epoch_no = looked_back.epoch_no
    and shown.at_us = coalesce(looked_back.before_us, looked_back.first_us)
  where looked_back.turn = 2
),
told as (
  select client, dest_ip, dest_port, time_us, min(service) as service
  from service_evidence
  where client is not null
  group by client, dest_ip, dest_port, time_us
),
asked as (
  select
    client, dest_ip, dest_port, at_us, turn,
    max(time_us) over (
      partition by client, dest_ip, dest_port
      order by at_us, turn
      rows between unbounded preceding and current row
    ) as time_us
  from (
    select client, dest_ip, dest_port, time_us as at_us, 0 as turn, time_us
    from told
    union all
    select distinct src_ip as client, dest_ip, dest_port, start_us as at_us, 1 as turn, cast(null as bigint) as time_us
    from met
  ) as talk
),
answered as (
  select asked.client, asked.dest_ip, asked.dest_port, asked.at_us as start_us, told.service
  from asked
  join told
    on told.client = asked.client
    and told.dest_ip = asked.dest_ip
    and told.dest_port = asked.dest_port
    and told.time_us = asked.time_us
  where asked.turn = 1
    and asked.at_us - asked.time_us <= 60000000
)
select
  met.src_ip, met.src_port, met.dest_ip, met.dest_port, met.start_us,
  coalesce(answered.service, common.service) as service,
  case
    when answered.service is not null then cast(0.9 as double)
    when common.most_confidence < common.tier_confidence then common.most_confidence
    else common.tier_confidence
  end as tier_confidence
from met
left join answered
  on answered.client = met.src_ip
  and answered.dest_ip = met.dest_ip
  and answered.dest_port = met.dest_port
  and answered.start_us = met.start_us
left join common
  on common.dest_ip = met.dest_ip
  and common.dest_port = met.dest_port
  and common.start_us = met.start_us
where answered.service is not null or common.service is not null
