/*
id       = "rpc-calls"
title    = "RPC calls"
about    = "Every DCE/RPC request in packets (over TCP or in an SMB pipe) and in logs of calls: who asked whom for which operation of which interface, and what came of it."
why      = "The interface and the operation say what RPC was used for: a service created, a task registered, a process started by WMI, secrets replicated."
source   = "C706 chapter 12; MS-RPCE; MS-SMB2"
attack   = ["T1021.002", "T1021.003", "T1047", "T1053.005", "T1543.003", "T1569.002", "T1003.006"]
needs    = ["rpc_call"]
uses     = ["rpc_call", "rpc_interface", "rpc_operation", "rpc_name"]
mistaken = "Administration and the domain's own traffic, which make the same calls. A call that two captures hold is two rows."
blind    = "Flow records; encrypted SMB sessions, RPC over HTTP (593) and UDP; the interface where its bind was not captured; arguments. Logs of calls: what they filter (Zeek: unanswered calls, noise of winreg, spoolss, wkssvc), and what they name only."
*/
with called as (
  select
    rpc_call.*,
    coalesce(rpc_call.interface, named.interface) as known_interface,
    coalesce(rpc_call.opnum, named.opnum) as known_opnum
  from rpc_call
  left join rpc_name as named
    on named.interface_name = lower(rpc_call.interface_name)
    and named.operation = lower(rpc_call.operation)
    and named.meanings = 1
  where coalesce(rpc_call.flow_us, rpc_call.time_us) >= $since_us
    and coalesce(rpc_call.flow_us, rpc_call.time_us) < $until_us
)
select
  make_timestamp(called.time_us) as call_time,
  make_timestamp(called.flow_us) as flow_time,
  called.src_ip,
  called.src_port,
  called.dest_ip,
  called.dest_port,
  called.transport_protocol,
  called.pipe,
  called.user_name,
  called.known_interface as interface,
  called.version as interface_version,
  coalesce(called.interface_name, rpc_interface.name) as interface_name,
  called.known_opnum as opnum,
  coalesce(called.operation, rpc_operation.name) as operation,
  called.is_answered,
  called.fault,
  called.auth_type,
  called.auth_level,
  called.request_bytes,
  called.response_bytes,
  called.is_callback,
  called.context_id,
  called.call_id,
  called.image_path,
  called.flow_id,
  called.observer,
  called.source
from called
left join rpc_interface
  on rpc_interface.interface = called.known_interface
left join rpc_operation
  on rpc_operation.interface = called.known_interface
  and rpc_operation.opnum = called.known_opnum
order by
  call_time, flow_time, src_ip, src_port, dest_ip, dest_port, transport_protocol, pipe, context_id, call_id, opnum, interface,
  interface_version, interface_name, operation, flow_id, image_path, user_name, is_callback, is_answered, fault, auth_type, auth_level, request_bytes, response_bytes, observer, source
