/* undated: how many rows of tables of facts have no time, or none of 1970 to 2099, by source: no analytic can use them.
   A connection of a host's own log (host_flow) is a flow too, and is counted there. */
select source, fact, count(*) as records
from (
  select source, 'rpc_bind' as fact, time_us from rpc_bind
  union all
  select source, 'rpc_call' as fact, time_us from rpc_call
  union all
  select source, 'rpc_mapping' as fact, time_us from rpc_mapping
  union all
  select source, 'smb_event' as fact, time_us from smb_event
  union all
  select source, 'process' as fact, time_us from process
  union all
  select source, 'host_event' as fact, time_us from host_event
  union all
  select source, 'lease' as fact, time_us from lease
) as every
where time_us is null or time_us not between 0 and 4102444799999999
group by source, fact
order by source, fact
