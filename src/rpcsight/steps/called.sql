/* called: calls with their interface's and operation's numbers and names: of the catalogue where packets show numbers, and the numbers of
   the names that logs of calls give, where those have one meaning. at_us is when the call was made, or its connection where that is all
   that is known. */
with numbered as (
  select
    rpc_call.*,
    coalesce(rpc_call.interface, listed.interface) as known_interface,
    coalesce(rpc_call.opnum, listed.opnum) as known_opnum
  from rpc_call
  left join rpc_name as listed
    on listed.interface_name = lower(rpc_call.interface_name)
    and listed.operation = lower(rpc_call.operation)
    and listed.meanings = 1
  where coalesce(rpc_call.flow_us, rpc_call.time_us) >= $since_us
    and coalesce(rpc_call.flow_us, rpc_call.time_us) < $until_us
)
select
  numbered.*,
  coalesce(numbered.time_us, numbered.flow_us) as at_us,
  coalesce(numbered.interface_name, rpc_interface.name) as service,
  coalesce(numbered.operation, rpc_operation.name) as operation_name
from numbered
left join rpc_interface
  on rpc_interface.interface = numbered.known_interface
left join rpc_operation
  on rpc_operation.interface = numbered.known_interface
  and rpc_operation.opnum = numbered.known_opnum
