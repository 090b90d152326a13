/* met_day: clients and servers that used RPC or SMB, a day, as learned: the mapper was asked, a call was decoded, SMB was connected to, or a
   dynamic port of a host whose mapper anybody asks; and whether that is held back, since a finding that nobody dismissed is about the two, of that day
   or an earlier one. */
with asked as (
  select distinct dest_ip
  from pair_day
  where mappers > 0
),
met as (
  select pair_day.src_ip, pair_day.dest_ip, pair_day.day, pair_day.mappers + pair_day.endpoints + pair_day.smb as connections, pair_day.first_us
  from pair_day
  left join asked on asked.dest_ip = pair_day.dest_ip
  where pair_day.mappers > 0 or pair_day.smb > 0 or (pair_day.endpoints > 0 and asked.dest_ip is not null)
  union all
  select src_ip, dest_ip, day, cast(0 as bigint) as connections, min(first_us) as first_us
  from deed_day
  group by src_ip, dest_ip, day
)
select
  met.src_ip,
  met.dest_ip,
  met.day,
  cast(sum(met.connections) as bigint) as connections,
  min(met.first_us) as first_us,
  max(case when held_back.day is not null then 1 else 0 end) as is_held
from met
left join held_back
  on held_back.src_ip = met.src_ip
  and held_back.dest_ip = met.dest_ip
  and held_back.day <= met.day
group by met.src_ip, met.dest_ip, met.day
