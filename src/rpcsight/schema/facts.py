"""What packets, logs of calls and hosts show beside flows."""

from rpcsight.schema.column import Column

__all__ = [
    "FACTS",
    "HOST_EVENT",
    "HOST_FLOW",
    "LEASE",
    "PROCESS",
    "PROVEN",
    "RPC_BIND",
    "RPC_CALL",
    "RPC_MAPPING",
    "SMB_EVENT",
]

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

_LOGGED: tuple[Column, ...] = (
    Column("flow_id", "VARCHAR", "the connection's id in the log it was read from; empty for packets"),
    Column("interface_name", "VARCHAR", "the interface as a log names it that gives no UUID"),
    Column("operation", "VARCHAR", "the operation as a log names it that gives no number"),
    Column("image_path", "VARCHAR", "the program that answers, where its host says"),
)
"""What logs of calls say in other words than packets."""

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
    *_LOGGED,
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
    Column(
        "action", "VARCHAR", "logon, share, pipe, write or encrypted; logs of files also: open, read, rename, delete"
    ),
    Column("share", "VARCHAR", "the share as it was asked for; empty where unknown"),
    Column("name", "VARCHAR", "of the pipe or file within the share"),
    Column("size", "BIGINT", "bytes written; of a log, the size of the file that was written to"),
    *_RECORDED,
)
"""What SMB shows beside calls."""

HOST_FLOW: tuple[Column, ...] = (
    Column("time_us", "BIGINT", "when, in microseconds since 1970 UTC"),
    Column("host", "VARCHAR", "the computer that logged it"),
    Column("is_outbound", "BOOLEAN", "whether a program of the computer opened it"),
    Column("src_ip", "VARCHAR", "who opened it"),
    Column("src_port", "INTEGER", "its port"),
    Column("dest_ip", "VARCHAR", "who was called"),
    Column("dest_port", "INTEGER", "its port"),
    Column("transport_protocol", "VARCHAR", "tcp, udp, …"),
    Column("pid", "BIGINT", "process of the computer that it belongs to"),
    Column("process_guid", "VARCHAR", "Sysmon's id of that process; empty where another log says it"),
    Column("image_path", "VARCHAR", "its program"),
    Column("user_name", "VARCHAR", "whose process it is, as DOMAIN\\user; empty where unknown"),
    *_RECORDED,
)
"""Each connection that a computer's own log shows, with the process at its end: on any port."""

PROCESS: tuple[Column, ...] = (
    Column("time_us", "BIGINT", "when it started, in microseconds since 1970 UTC"),
    Column("host", "VARCHAR", "the computer"),
    Column("pid", "BIGINT", "its number"),
    Column("process_guid", "VARCHAR", "Sysmon's id of it"),
    Column("image_path", "VARCHAR", "its program"),
    Column("command_line", "VARCHAR", "how it was called; empty where not logged"),
    Column("parent_pid", "BIGINT", "number of the process that started it"),
    Column("parent_guid", "VARCHAR", "Sysmon's id of that"),
    Column("parent_image_path", "VARCHAR", "program of that"),
    Column("user_name", "VARCHAR", "whose it is, as DOMAIN\\user"),
    Column("logon_id", "VARCHAR", "the logon session, 0x and hexadecimal digits"),
    Column("integrity_level", "VARCHAR", "as Windows names it"),
    *_RECORDED,
)
"""Each process that a computer's log shows to start (CAR object process, action create)."""

HOST_EVENT: tuple[Column, ...] = (
    Column("time_us", "BIGINT", "when, in microseconds since 1970 UTC"),
    Column("host", "VARCHAR", "the computer"),
    Column("action", "VARCHAR", "service, task, share, logon, pipe_created or pipe_connected"),
    Column("name", "VARCHAR", "of the service, the task, the share with the file in it, the pipe"),
    Column("detail", "VARCHAR", "the service's program, the task's definition, the kind of logon"),
    Column("src_ip", "VARCHAR", "the other end, where it came over the network"),
    Column("src_port", "INTEGER", "its port"),
    Column("user_name", "VARCHAR", "who did it, as DOMAIN\\user"),
    Column("logon_id", "VARCHAR", "in which logon session"),
    Column("pid", "BIGINT", "by which process"),
    Column("process_guid", "VARCHAR", "Sysmon's id of it"),
    Column("image_path", "VARCHAR", "its program"),
    *_RECORDED,
)
"""What else a computer's log shows that RPC can be the cause of."""

LEASE: tuple[Column, ...] = (
    Column("time_us", "BIGINT", "when, in microseconds since 1970 UTC"),
    Column("action", "VARCHAR", "lease (granted or renewed) or release"),
    Column("ip", "VARCHAR", "the address"),
    Column("mac", "VARCHAR", "the host's hardware address"),
    Column("hostname", "VARCHAR", "the name that the host gave"),
    Column("lease_s", "DOUBLE", "for how many seconds it is granted; empty of a release"),
    *_RECORDED,
)
"""Which host has which address: what a log of DHCP shows."""

FACTS: dict[str, tuple[Column, ...]] = {
    "rpc_bind": RPC_BIND,
    "rpc_call": RPC_CALL,
    "rpc_mapping": RPC_MAPPING,
    "smb_event": SMB_EVENT,
    "host_flow": HOST_FLOW,
    "process": PROCESS,
    "host_event": HOST_EVENT,
    "lease": LEASE,
}
"""What packets, logs of calls and hosts show beside flows: relations that steps and analytics may read; empty where nothing shows any."""

_ACTIVITY: tuple[Column, ...] = (
    Column("src_ip", "VARCHAR", "of the activity"),
    Column("src_port", "INTEGER", "of the activity"),
    Column("dest_ip", "VARCHAR", "of the activity"),
    Column("dest_port", "INTEGER", "of the activity"),
    Column("start_us", "BIGINT", "of the activity"),
)

PROVEN: dict[str, tuple[Column, ...]] = {
    "spoken": (
        *_ACTIVITY,
        Column("interface", "VARCHAR", "as in rpc_activity"),
        Column("version", "VARCHAR", "interface_version there"),
        Column("calls", "BIGINT", "as there"),
    ),
    "named": (
        *(column for column in _ACTIVITY if column.name != "src_port"),
        Column("named_by", "VARCHAR", "as there"),
    ),
    "served": (
        *_ACTIVITY,
        Column("service", "VARCHAR", "as there"),
        Column("operation", "VARCHAR", "as there"),
        Column("tier", "VARCHAR", "as there"),
        Column("tier_confidence", "DOUBLE", "as there"),
    ),
}
"""Steps that say what facts prove of activities: nothing, where there are none."""
