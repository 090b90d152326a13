/*
id       = "smb-connections"
title    = "SMB connections, in whose named pipes RPC may run"
about    = "Answered connections to port 445 between two hosts, one row a record."
why      = "Services, tasks and the registry are called in named pipes of SMB at least as often as over TCP. Flows can't show what runs in a connection, but who began to use SMB on whom."
source   = "docs/score.md; MS-RPCE 2.1.1.2 (ncacn_np), MS-SMB2 2.1 (port 445)"
kind     = "list"
attack   = ["T1021.002"]
d3fend   = ["D3-RTA"]
needs    = ["flow"]
uses     = ["reading", "candidate", "smb_contact"]
mistaken = "Files and printers: most of SMB is no RPC."
blind    = "SMB over port 139, over QUIC or through address translation; connections that were not answered; what was called."
*/
select
  src_ip,
  dest_ip,
  make_timestamp(start_us) as start_time,
  src_port,
  dest_port,
  flow_id,
  observer,
  source
from smb_contact
order by start_time, flow_id, src_ip, src_port, dest_ip, dest_port, observer, source
