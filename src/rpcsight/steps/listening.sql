/* listening: activities with the program at the server's end of the same connection: of the records within a minute (clocks of hosts differ) the
   nearest. */
with met as (
  select src_ip, src_port, dest_ip, dest_port, start_us, start_us // 60000000 as minute
  from activity
),
/* a record within a minute is of the minute of the activity, the one before or the one after: equality the engine can hash */
near as (
  select *, time_us // 60000000 as minute from answering
  union all
  select *, time_us // 60000000 + 1 as minute from answering
  union all
  select *, time_us // 60000000 - 1 as minute from answering
),
ranked as (
  select
    met.src_ip, met.src_port, met.dest_ip, met.dest_port, met.start_us, near.service, near.tier_confidence,
    row_number() over (
      partition by met.src_ip, met.src_port, met.dest_ip, met.dest_port, met.start_us
      order by abs(near.time_us - met.start_us), near.time_us, near.program
    ) as place
  from met
  join near
    on near.src_ip = met.src_ip
    and near.src_port = met.src_port
    and near.dest_ip = met.dest_ip
    and near.dest_port = met.dest_port
    and near.minute = met.minute
  where near.time_us between met.start_us - 60000000 and met.start_us + 60000000
)
select src_ip, src_port, dest_ip, dest_port, start_us, service, tier_confidence
from ranked
where place = 1
