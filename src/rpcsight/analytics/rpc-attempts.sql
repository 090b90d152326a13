/*
id       = "rpc-attempts"
title    = "RPC attempts: unanswered connections after a mapper connection"
about    = "Failed connections to a dynamic port that a connection to the endpoint mapper explains, one row a record."
why      = "An endpoint that does not answer after the mapper did is how a blocked attack looks, or a firewall that lets 135 through and nothing else."
source   = "docs/rule.md"
kind     = "list"
attack   = ["T1021"]
d3fend   = ["D3-RTA"]
needs    = ["flow"]
uses     = ["reading", "candidate", "sighting", "pair", "connection", "mapper"]
mistaken = "Empty port probes of domain members; servers that restarted and moved their ports."
blind    = "Sensors that do not record unanswered connections, and records that do not say whether one was answered."
*/
with moment as (
  select observer, src_ip, dest_ip, start_us, 0 as turn, end_us, flow_id, src_port, cast(null as integer) as dest_port, '' as source
  from mapper
  union all
  select observer, src_ip, dest_ip, start_us, 1 as turn, cast(null as bigint) as end_us, flow_id, src_port, dest_port, source
  from sighting
  where left_out = 'failed' and not is_mapper and not is_exchanged
),
looked_back as (
  select
    *,
    max(end_us) over (
      partition by observer, src_ip, dest_ip
      order by start_us, turn
      rows between unbounded preceding and current row
    ) as open_until_us
  from moment
)
select
  src_ip,
  dest_ip,
  make_timestamp(start_us) as start_time,
  src_port,
  dest_port,
  flow_id,
  observer,
  source
from looked_back
where turn = 1
  and start_us <= open_until_us + $window_us
order by start_time, flow_id, src_ip, src_port, dest_ip, dest_port, observer, source
