/*
# The header, in TOML: what this finds and what it needs. Every key has to be here; docs/own-analytic.md says what each is for.
id       = "mine"                 # as the file is called
title    = "Service made from a host that administers nothing"
about    = "A service created on another host by a client that is no management host."
why      = "Making a service is how programs are run on another host; few hosts have cause to."
source   = "our own; MITRE ATT&CK T1543.003"
kind     = "attack"               # or "list": what there is, good or bad
attack   = ["T1543.003"]
d3fend   = ["D3-RTA"]
needs    = ["rpc_call"]           # tables of records: "flow", or those of docs/tables.md
# What the query builds on, in order; `rpcsight list steps` says what a row of each is. If one is missing, rpcsight test says which.
uses     = ["rpc_call", "rpc_interface", "rpc_operation", "rpc_name", "rpc_technique", "called", "telling", "technique_call"]
mistaken = "Software distribution and monitoring from hosts that are not listed below."
blind    = "Flow records; encrypted SMB sessions."
*/
-- One query. These columns make it look like all other analytics; leave out or add what you like.
select
  'mine' as analytic,
  technique,
  'decoded' as tier,
  cast(1 as double) as confidence,
  weight,
  make_timestamp(first_us) as start_time,
  make_timestamp(last_us) as end_time,
  src_ip,
  dest_ip,
  user_name,
  service,
  operation,
  calls as events,
  observer,
  source
from technique_call
-- Names of interfaces and numbers of operations: rpcsight interfaces svcctl
where interface = '367abb81-9844-35f1-ad32-98f038001003'
  and technique = 'T1543.003'
  -- Your management hosts.
  and src_ip not in ('10.0.0.8', '10.0.0.9')
-- Name enough columns that rows never come in another order.
order by start_time, src_ip, dest_ip, operation, transport_protocol
