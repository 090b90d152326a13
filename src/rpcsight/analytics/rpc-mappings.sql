/*
id       = "rpc-mappings"
title    = "RPC mappings captured"
about    = "Every answer in packets that names where an interface or a DCOM object listens: of the endpoint mapper, of an activation, of OXID resolution."
why      = "Says which high port is which service, so that flows to it can be told apart; a client that has all of them listed is looking around."
source   = "C706 appendix L and O; MS-RPCE 2.2.1.2; MS-DCOM 2.2.19, 3.1.2.5"
kind     = "list"
attack   = ["T1046", "T1021.003"]
needs    = ["rpc_mapping"]
uses     = ["rpc_mapping"]
mistaken = "Every client of a dynamic endpoint asks for its port first."
blind    = "Flow records; answers encrypted by packet privacy or in encrypted SMB sessions; clients that know the port."
*/
select
  make_timestamp(time_us) as answer_time,
  make_timestamp(flow_us) as flow_time,
  src_ip,
  src_port,
  dest_ip,
  dest_port,
  transport_protocol,
  pipe,
  user_name,
  answer,
  interface,
  version as interface_version,
  mapped_address,
  mapped_port,
  mapped_pipe,
  observer,
  source
from rpc_mapping
where flow_us >= $since_us
  and flow_us < $until_us
order by
  answer_time, flow_time, src_ip, src_port, dest_ip, dest_port, transport_protocol, pipe, answer, interface, interface_version,
  mapped_address, mapped_port, mapped_pipe, user_name, observer, source
