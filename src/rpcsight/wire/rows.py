"""Facts as rows of the tables rpc_bind, rpc_call, rpc_mapping and smb_event of `schema`."""

from typing import NamedTuple

from rpcsight.wire import Facts

__all__ = ["TABLES", "Ends", "Row", "write_rows"]

Row = tuple[object, ...]
TABLES = ("rpc_bind", "rpc_call", "rpc_mapping", "smb_event")


class Ends(NamedTuple):
    """A connection: its start, client and server."""

    flow_us: int
    client_ip: str
    client_port: int
    server_ip: str
    server_port: int

    def asking(self, is_to_server: bool) -> Row:
        """flow_us, src_ip, src_port, dest_ip, dest_port of what goes in this direction."""
        if is_to_server:
            return tuple(self)
        return (self.flow_us, self.server_ip, self.server_port, self.client_ip, self.client_port)


def write_rows(facts: Facts, ends: Ends, is_smb: bool, rows: dict[str, list[Row]]) -> None:
    """Append the facts to the rows of their tables, columns in the order of `schema`, and empty them."""
    transport = "smb" if is_smb else "tcp"
    asked = {True: ends.asking(True), False: ends.asking(False)}
    for pipe, user, bind in facts.binds:
        time_us, is_to_server, context_id, interface, version, result, auth_type, auth_level = bind
        asking = (not is_to_server, context_id, interface, version, auth_type, auth_level)
        rows["rpc_bind"].append((time_us, *asked[is_to_server], transport, pipe, user, *asking, result))
    for pipe, user, call in facts.calls:
        asking = (not call.is_to_server, *call[3:6], call.auth_type, call.auth_level)
        answered = (call.opnum, call.is_answered, call.fault, call.request_bytes, call.response_bytes)
        place = (call.time_us, *asked[call.is_to_server], transport, pipe, user)
        rows["rpc_call"].append((*place, *asking, call.call_id, *answered))
    for pipe, user, mapping in facts.mappings:
        _, interface, version, address, port, named, answer = mapping
        place = (mapping.time_us, *asked[True], transport, pipe, user)
        rows["rpc_mapping"].append((*place, answer, interface, version, address, port, named))
    for time_us, action, user, share, name, size in facts.events:
        rows["smb_event"].append((time_us, *asked[True], user, action, share, name, size))
    facts.binds.clear()
    facts.calls.clear()
    facts.mappings.clear()
    facts.events.clear()
