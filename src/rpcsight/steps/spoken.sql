/* spoken: activities on whose connection DCE/RPC was captured: the interface that was called most there (or only bound), and how many
   calls (of logs that give names only: how many, and no interface). Seen twice (in two files, or as two connections of one log), it counts
   once. */
with captured as (
  select src_ip, src_port, dest_ip, dest_port, start_us, source, interface, version, sum(calls) as calls
  from uttered
  group by src_ip, src_port, dest_ip, dest_port, start_us, source, interface, version
),
counted as (
  select src_ip, src_port, dest_ip, dest_port, start_us, interface, version, max(calls) as calls
  from captured
  group by src_ip, src_port, dest_ip, dest_port, start_us, interface, version
)
select
  src_ip, src_port, dest_ip, dest_port, start_us, interface, version, cast(all_calls as bigint) as calls
from (
  select
    *,
    sum(calls) over (partition by src_ip, src_port, dest_ip, dest_port, start_us) as all_calls,
    row_number() over (
      partition by src_ip, src_port, dest_ip, dest_port, start_us
      order by case when interface is null then 1 else 0 end, calls desc, interface, version
    ) as place
  from counted
) as ranked
where place = 1
