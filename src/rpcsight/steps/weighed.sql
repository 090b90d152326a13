/* weighed: each story's points: ten are ten times rarer in everyday life (docs/score.md). What depends on other stories is in `chained`. */
with fan as (
  select
    src_ip, dest_ip, story_no,
    count(*) over (
      partition by src_ip order by first_us range between $fan_out_us preceding and $fan_out_us following
    ) as fan_out
  from likely
  where is_new
),
gathered as (
  select
    likely.*,
    coalesce(fan.fan_out, 1) as fan_out,
    least(meets, 1 / share) as rate,
    cast(case
      when activities = 0 and deed_tens > 0 then 1.0
      when activities = 0 and smb > 0 then 0.3
      when activities = 0 then 0.4
      when by_decoded > 0 then 1.0
      when unnamed = activities then 0.3
      when by_mapper = 0 then 0.5
      when by_strict > 0 and least_gap_s <= 0.5 then 0.9
      when least_gap_s <= 0.5 then 0.8
      else 0.7
    end as double) as confidence
  from likely
  left join fan on fan.src_ip = likely.src_ip and fan.dest_ip = likely.dest_ip and fan.story_no = likely.story_no
)
select
  *,
  cast($with_client * round(-10 * log10(rate), 1) as double) as client_points,
  cast($with_server * round(-10 * (log10(share) + usual_tens), 1) as double) as server_points,
  cast($with_seen * case
    when not is_new then round(10 * (log10(rate * share) + usual_tens) - 10 * log10(least(1.0, rate * share + returns)), 1)
    when seen_days + held_days > 0 then -10.0
    else 0.0
  end as double) as seen_points,
  cast($with_endpoint * case when is_plain then round(greatest(0.0, 10 * endpoint_tens), 1) else 0.0 end as double) as endpoint_points,
  cast($with_reach * case when is_new and is_plain and not is_server then round(10 * reach_tens, 1) else 0.0 end as double) as reach_points,
  cast($with_hour * case when is_new then round(least(10.0, 10 * hour_tens), 1) else 0.0 end as double) as hour_points,
  cast($with_fan_out * case when fan_out >= 3 and fan_out > meets_all then round(10 * log10(fan_out / greatest(1.0, meets_all)), 1) else 0.0 end as double) as fan_out_points,
  cast($with_technique * round(10 * deed_tens, 1) as double) as technique_points,
  cast($with_confidence * round(10 * log10(confidence), 1) as double) as confidence_points
from gathered
