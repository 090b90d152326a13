"""The tables that rpcsight's data moves through: the only place that lists their columns, types and units.

Names follow the CAR data model (object flow, action start); times are UTC with microseconds; sizes are bytes; units of other
columns stand last in their names (`gap_s`).
"""

from dataclasses import dataclass

__all__ = [
    "FACTS",
    "FINDING",
    "FLOW",
    "HALF",
    "RECORD",
    "RPC_ACTIVITY",
    "RPC_BIND",
    "RPC_CALL",
    "RPC_MAPPING",
    "SMB_EVENT",
    "Column",
    "names",
]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Args:
        name: the column's name.
        kind: its type, in DuckDB's words.
        about: what it holds, with its unit.
        is_required: whether a reader has to give it.
    """

    name: str
    kind: str
    about: str
    is_required: bool = False


FLOW: tuple[Column, ...] = (
    Column("flow_id", "VARCHAR", "the source's own id of the record, else its two ends and start"),
    Column("start_time", "TIMESTAMP", "first packet, UTC", is_required=True),
    Column("end_time", "TIMESTAMP", "last packet, UTC; empty where the source does not say"),
    Column("src_ip", "VARCHAR", "who opened the connection", is_required=True),
    Column("src_port", "INTEGER", "its port", is_required=True),
    Column("dest_ip", "VARCHAR", "who was called", is_required=True),
    Column("dest_port", "INTEGER", "its port", is_required=True),
    Column("transport_protocol", "VARCHAR", "tcp, udp, …; empty where the source does not say"),
    Column("is_established", "BOOLEAN", "whether the handshake was completed; empty where the source does not say"),
    Column("is_oriented", "BOOLEAN", "false where the source does not say who called whom"),
    Column("out_bytes", "BIGINT", "bytes from src to dest"),
    Column("in_bytes", "BIGINT", "bytes from dest to src"),
    Column("out_packets", "BIGINT", "packets from src to dest"),
    Column("in_packets", "BIGINT", "packets from dest to src"),
    Column("observer", "VARCHAR", "what recorded the flow: a sensor, an exporter, a host"),
    Column("source", "VARCHAR", "the file the record came from"),
)
"""The public flow table: what our own Parquet holds, and what a warehouse needs for the text of `rpcsight sql`."""

RECORD: tuple[Column, ...] = (
    Column("flow_id", "VARCHAR", "as in flow"),
    Column("start_us", "BIGINT", "start_time in microseconds since 1970 UTC", is_required=True),
    Column("end_us", "BIGINT", "end_time in microseconds since 1970 UTC"),
    Column("src_ip", "VARCHAR", "as in flow", is_required=True),
    Column("src_port", "INTEGER", "as in flow", is_required=True),
    Column("dest_ip", "VARCHAR", "as in flow", is_required=True),
    Column("dest_port", "INTEGER", "as in flow", is_required=True),
    Column("transport_protocol", "VARCHAR", "as in flow, lower case"),
    Column("is_established", "BOOLEAN", "as in flow"),
    Column("is_oriented", "BOOLEAN", "as in flow"),
    Column("observer", "VARCHAR", "as in flow"),
    Column("source", "VARCHAR", "as in flow"),
    Column(
        "set_aside", "VARCHAR", "why the record is no start of a flow (another log's record, a continuation), if so"
    ),
)
"""What a reader gives for each record (relation `record` of the steps), times as whole microseconds."""

HALF: tuple[Column, ...] = (
    *(column for column in RECORD if column.name not in {"is_established", "is_oriented"}),
    Column(
        "tcp_flags", "VARCHAR", "letters of the TCP flags seen in this direction; empty where the source does not say"
    ),
)
"""What a reader of one-way records gives: one direction of a connection a row; `steps/paired.sql` makes records of them."""

RPC_ACTIVITY: tuple[Column, ...] = (
    Column("src_ip", "VARCHAR", "the client"),
    Column("dest_ip", "VARCHAR", "the server"),
    Column("start_time", "TIMESTAMP", "start of the endpoint flow, UTC"),
    Column("src_port", "INTEGER", "the client's port of the endpoint flow"),
    Column("dest_port", "INTEGER", "the server's port of the endpoint flow"),
    Column("mapper_time", "TIMESTAMP", "start of the mapper flow that explains it, UTC"),
    Column("mapper_count", "BIGINT", "how many mapper flows precede it within the window"),
    Column("gap_s", "DOUBLE", "seconds from the start of that mapper flow to the start of the endpoint flow"),
    Column("basis", "VARCHAR", "decoded (DCE/RPC was captured on it), else mapper, else known_endpoint"),
    Column("interface", "VARCHAR", "UUID of the interface called most on it, where packets show one"),
    Column("interface_version", "VARCHAR", "its version, major.minor"),
    Column("calls", "BIGINT", "how many calls were captured on it; empty where no DCE/RPC was"),
    Column(
        "named_by",
        "VARCHAR",
        "the answer that named its port before: ept_map, ept_lookup, activation, resolve_oxid; unnamed where answers of the server to "
        "the client were captured and none did; empty where none was captured",
    ),
    Column("is_strict", "BOOLEAN", "the published rule matches the endpoint flow"),
    Column("is_robust", "BOOLEAN", "the robust rule matches the endpoint flow"),
    Column("mapper_id", "VARCHAR", "flow_id of the mapper flow"),
    Column("flow_id", "VARCHAR", "flow_id of the endpoint flow"),
    Column("observer", "VARCHAR", "what recorded both flows"),
    Column("source", "VARCHAR", "the file the endpoint flow came from"),
)
"""The result of `rpc-activity`, and what baselines and findings are made from."""

_SEEN_IN: tuple[Column, ...] = (
    Column("time_us", "BIGINT", "when, in microseconds since 1970 UTC"),
    Column("flow_us", "BIGINT", "start of the connection as captured: its SYN, else its first packet that was read"),
    Column("src_ip", "VARCHAR", "who asked"),
    Column("src_port", "INTEGER", "its port"),
    Column("dest_ip", "VARCHAR", "who was asked"),
    Column("dest_port", "INTEGER", "its port"),
    Column("transport_protocol", "VARCHAR", "what carries it: tcp, or smb for a named pipe"),
    Column("pipe", "VARCHAR", "the named pipe; empty on tcp"),
    Column("user_name", "VARCHAR", "who logged on to SMB, as DOMAIN\\user; empty where unknown"),
)
"""Where something was seen in a captured connection."""

_RECORDED: tuple[Column, ...] = (
    Column("observer", "VARCHAR", "what recorded it"),
    Column("source", "VARCHAR", "the file it was read from"),
)

_ASKED: tuple[Column, ...] = (
    Column("is_callback", "BOOLEAN", "the side that was connected to asks: then it is src"),
    Column("context_id", "INTEGER", "number of the presentation context"),
    Column("interface", "VARCHAR", "UUID, lower case; empty where the bind was not captured"),
    Column("version", "VARCHAR", "the interface's version, major.minor; likewise"),
    Column("auth_type", "INTEGER", "security provider of the PDU's verifier; empty without"),
    Column("auth_level", "INTEGER", "its level: 2 connect, 4 packet, 5 integrity, 6 privacy"),
)

RPC_BIND: tuple[Column, ...] = (
    *_SEEN_IN,
    *_ASKED,
    Column("result", "VARCHAR", "accepted, rejected, negotiated, refused; empty where no answer was captured"),
    *_RECORDED,
)
"""Each presentation context that a client asked for."""

RPC_CALL: tuple[Column, ...] = (
    *_SEEN_IN,
    *_ASKED,
    Column("call_id", "BIGINT", "number of the call in its association"),
    Column("opnum", "INTEGER", "number of the operation"),
    Column("is_answered", "BOOLEAN", "whether a response or a fault was captured"),
    Column("fault", "BIGINT", "the fault's status; empty without"),
    Column("request_bytes", "BIGINT", "stub data of the request"),
    Column("response_bytes", "BIGINT", "stub data of the response"),
    *_RECORDED,
)
"""Each request, with what came of it."""

RPC_MAPPING: tuple[Column, ...] = (
    *_SEEN_IN,
    Column("answer", "VARCHAR", "ept_map, ept_lookup, activation or resolve_oxid"),
    Column("interface", "VARCHAR", "UUID, lower case; empty where an object was asked for"),
    Column("version", "VARCHAR", "the interface's version, major.minor; likewise"),
    Column("mapped_address", "VARCHAR", "the host it names; empty for the answering server"),
    Column("mapped_port", "INTEGER", "the TCP port it names; empty for a pipe"),
    Column("mapped_pipe", "VARCHAR", "the named pipe it names; empty for a port"),
    *_RECORDED,
)
"""Each answer that names where an interface or an object's server listens; dest is who answered."""

SMB_EVENT: tuple[Column, ...] = (
    *(column for column in _SEEN_IN if column.name not in {"transport_protocol", "pipe"}),
    Column("action", "VARCHAR", "logon, share, pipe, write or encrypted"),
    Column("share", "VARCHAR", "the share as it was asked for; empty where unknown"),
    Column("name", "VARCHAR", "of the pipe or file within the share"),
    Column("size", "BIGINT", "bytes written"),
    *_RECORDED,
)
"""What SMB shows beside calls."""

FACTS: dict[str, tuple[Column, ...]] = {
    "rpc_bind": RPC_BIND,
    "rpc_call": RPC_CALL,
    "rpc_mapping": RPC_MAPPING,
    "smb_event": SMB_EVENT,
}
"""What packets (and logs of calls) show beside flows: relations that steps and analytics may read; empty where nothing shows any."""

FINDING: tuple[Column, ...] = (
    Column("finding_id", "VARCHAR", "stable id: the same client, server and service give the same id"),
    Column("src_ip", "VARCHAR", "the client"),
    Column("dest_ip", "VARCHAR", "the server"),
    Column("service", "VARCHAR", "the RPC service, where records tell it"),
    Column("techniques", "VARCHAR[]", "ATT&CK technique ids that this activity can be part of"),
    Column("score", "DOUBLE", "0 to 100, the sum of the reasons' points"),
    Column("severity", "VARCHAR", "info, low, medium, high"),
    Column("confidence", "DOUBLE", "0 to 1: how sure it is that this is RPC at all"),
    Column("first_time", "TIMESTAMP", "first activity, UTC"),
    Column("last_time", "TIMESTAMP", "last activity, UTC"),
    Column("activities", "BIGINT", "how many endpoint connections"),
    Column("attempts", "BIGINT", "how many unanswered ones beside them"),
    Column("summary", "VARCHAR", "what happened, in one sentence"),
    Column("reasons", "STRUCT(name VARCHAR, points DOUBLE, text VARCHAR)[]", "parts of the score, they sum to it"),
    Column("evidence", "STRUCT[]", "the first activities of the pair, columns as in rpc_activity"),
)
"""What `hunt` gives, best first."""


def names(table: tuple[Column, ...]) -> list[str]:
    """The column names of a table, in order."""
    return [column.name for column in table]
