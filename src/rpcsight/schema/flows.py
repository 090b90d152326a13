"""Flow records, and what is made of them."""

from rpcsight.schema.column import Column

__all__ = ["FINDING", "FLOW", "HALF", "RECORD", "RPC_ACTIVITY", "SMB"]

SMB = "smb_contact"
"""The step (steps/smb_contact.sql) whose flows are read where they are asked for, beside those of RPC."""

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
        "the answer that named its port before: ept_map, ept_lookup, activation, resolve_oxid; unnamed where answers to "
        "the client, of the server or with its address, were captured and none did; empty where none was captured",
    ),
    Column("service", "VARCHAR", "what answers: the RPC interface by name, such as svcctl; else the program"),
    Column(
        "operation", "VARCHAR", "the most telling operation called on it, else the one called most; empty without calls"
    ),
    Column(
        "tier",
        "VARCHAR",
        "how the service is known: decoded (its calls or binds), process (the server's log), learned (of the port); empty where it is not",
    ),
    Column("tier_confidence", "DOUBLE", "0 to 1: how sure the service is"),
    Column("is_strict", "BOOLEAN", "the published rule matches the endpoint flow"),
    Column("is_robust", "BOOLEAN", "the robust rule matches the endpoint flow"),
    Column("mapper_id", "VARCHAR", "flow_id of the mapper flow"),
    Column("flow_id", "VARCHAR", "flow_id of the endpoint flow"),
    Column("observer", "VARCHAR", "what recorded both flows"),
    Column("source", "VARCHAR", "the file the endpoint flow came from"),
)
"""The result of `rpc-activity`, and what baselines and findings are made from."""

FINDING: tuple[Column, ...] = (
    Column("finding_id", "VARCHAR", "stable id: the same client, server and day give the same id"),
    Column("day", "VARCHAR", "when it began, as 2026-11-22, UTC"),
    Column("rank", "BIGINT", "among the day's findings, from 1"),
    Column("src_ip", "VARCHAR", "the client; empty where only the server's log tells, and not who called"),
    Column("dest_ip", "VARCHAR", "the server; empty where it is many"),
    Column(
        "src_host",
        "VARCHAR",
        "which host the client is, where leases or its own log tell: mac: and its hardware address, or host: and its name",
    ),
    Column("dest_host", "VARCHAR", "which host the server is, likewise"),
    Column("client_role", "VARCHAR", "what the client is, as far as is known (docs/roles.md)"),
    Column("server_role", "VARCHAR", "what the server is, likewise"),
    Column("service", "VARCHAR", "the RPC service, where records tell it"),
    Column("tier", "VARCHAR", "how that is known: decoded, process or learned"),
    Column("techniques", "VARCHAR[]", "ATT&CK technique ids that this activity can be part of, the weightiest first"),
    Column("d3fend", "VARCHAR[]", "D3FEND ids of the analyses that found it"),
    Column(
        "score",
        "DOUBLE",
        "the sum of the reasons' points: how unusual it is; ten points are ten times rarer (docs/score.md)",
    ),
    Column("severity", "VARCHAR", "info, low, medium, high: what it would mean if it is an attack"),
    Column("confidence", "DOUBLE", "0 to 1: how sure it is that this is RPC at all"),
    Column(
        "first_time", "TIMESTAMP", "first activity, UTC; other clients that only began to use the same server aside"
    ),
    Column("last_time", "TIMESTAMP", "last activity, UTC, likewise"),
    Column("activities", "BIGINT", "how many endpoint connections"),
    Column("attempts", "BIGINT", "how many unanswered ones beside them"),
    Column("smb", "BIGINT", "how many connections to SMB (port 445), in whose pipes RPC may run, beside them"),
    Column("summary", "VARCHAR", "what happened, in one sentence"),
    Column("reasons", "STRUCT(name VARCHAR, points DOUBLE, text VARCHAR)[]", "parts of the score, they sum to it"),
    Column(
        "pairs",
        "STRUCT(src_ip VARCHAR, dest_ip VARCHAR, first_time TIMESTAMP, last_time TIMESTAMP, score DOUBLE, "
        "src_host VARCHAR, dest_host VARCHAR)[]",
        "all clients and servers it is about, the most unusual first",
    ),
    Column("evidence", "STRUCT[]", "the first activities of each pair, columns as in rpc_activity"),
    Column("detections", "STRUCT[]", "what was done, the weightiest first, columns as in detection"),
    Column("next", "VARCHAR[]", "what to check"),
    Column("benign_if", "VARCHAR[]", "what would make it benign"),
)
"""What `hunt` gives, best first."""
