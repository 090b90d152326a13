/*
id       = "left-out"
title    = "Flows that the robust rule leaves out"
about    = "How many flows to the endpoint mapper or to dynamic ports are no part of rpc-activity, by reason: failed, self, loopback, not tcp, repeated."
why      = "Nothing is dropped in silence: a high count of failed flows is a scan or a firewall, of repeated ones an overlap of sensors."
source   = "docs/rule.md, steps 2 and 4"
attack   = []
d3fend   = ["D3-RTA"]
needs    = ["flow"]
uses     = ["reading", "candidate", "sighting", "connection"]
mistaken = "Nothing: it counts."
blind    = "Flows to other ports."
*/
with reason as (
  select left_out, flow_id
  from sighting
  where left_out is not null and not is_exchanged
  union all
  select 'repeated' as left_out, flow_id
  from connection
  where is_repeated
)
select left_out, count(*) as flows
from reason
group by left_out
order by left_out
