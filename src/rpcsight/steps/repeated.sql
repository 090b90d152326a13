/* repeated: how many records are further records of a connection between the hosts of a pair; each once, also where it is that
   both ways round. */
with counted as (
  select
    sum(case when is_exchanged then 0 else 1 end) as recorded,
    sum(case when is_exchanged then 1 else 0 end) as exchanged
  from connection
  where is_repeated and not is_oriented
  group by observer, source, flow_id, start_us, end_us
)
select cast(oriented.flows + coalesce(unoriented.flows, 0) as bigint) as flows
from (select count(*) as flows from connection where is_repeated and is_oriented) as oriented
cross join (select sum(case when recorded > exchanged then recorded else exchanged end) as flows from counted) as unoriented
