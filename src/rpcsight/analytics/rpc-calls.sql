/*
id       = "rpc-calls"
title    = "RPC calls"
about    = "Every DCE/RPC request in packets (over TCP or in an SMB pipe) and in logs of calls: who asked whom for which operation of which interface, and what came of it."
why      = "The interface and the operation say what RPC was used for: a service created, a task registered, a process started by WMI, secrets replicated."
source   = "C706 chapter 12; MS-RPCE; MS-SMB2"
kind     = "list"
attack   = ["T1021.002", "T1021.003", "T1047", "T1053.005", "T1543.003", "T1569.002", "T1003.006"]
needs    = ["rpc_call"]
uses     = ["rpc_call", "rpc_interface", "rpc_operation", "rpc_name", "called"]
mistaken = "Administration and the domain's own traffic, which make the same calls. A call that two captures hold is two rows."
blind    = "Flow records; encrypted SMB sessions, RPC over HTTP (593) and UDP; the interface where its bind was not captured; arguments. Logs of calls: what they filter (Zeek: unanswered calls, noise of winreg, spoolss, wkssvc), and what they name only."
*/
select
  make_timestamp(time_us) as call_time,
  make_timestamp(flow_us) as flow_time,
  src_ip,
  src_port,
  dest_ip,
  dest_port,
  transport_protocol,
  pipe,
  user_name,
  known_interface as interface,
  version as interface_version,
  service as interface_name,
  known_opnum as opnum,
  operation_name as operation,
  is_answered,
  fault,
  auth_type,
  auth_level,
  request_bytes,
  response_bytes,
  is_callback,
  context_id,
  call_id,
  image_path,
  flow_id,
  observer,
  source
from called
order by
  call_time, flow_time, src_ip, src_port, dest_ip, dest_port, transport_protocol, pipe, context_id, call_id, opnum, called.known_interface,
  interface_version, interface_name, called.operation_name, flow_id, image_path, user_name, is_callback, is_answered, fault, auth_type, auth_level, request_bytes, response_bytes, observer, source
