"""What each of Zeek's logs that are read holds, as SQL: conn (flows), dce_rpc (calls), smb_mapping, smb_files (SMB events), dhcp (leases).

Source: Zeek's documentation of base/protocols/conn, dce-rpc, smb and dhcp. dce_rpc.log has a record for each answered call (`rtt` is the
time to the answer; a call without answer is not logged), and names interfaces and operations that it has no name for `unknown-` and their
UUID or number; `named_pipe` holds the server's port where the call came over TCP. smb_files' `size` is the file's, not what was written.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rpcsight.engines.text import identifier, literal
from rpcsight.readers._names import end_after

__all__ = ["LOGS", "REQUIRED", "Log", "time_us"]

ENDS = {
    "ts": "DOUBLE",
    "uid": "VARCHAR",
    "id.orig_h": "VARCHAR",
    "id.orig_p": "USMALLINT",
    "id.resp_h": "VARCHAR",
    "id.resp_p": "USMALLINT",
}
REQUIRED = ("ts", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p")
ESTABLISHED = ("S1", "SF", "S2", "S3", "RSTO", "RSTR")
FAILED = ("S0", "REJ", "SH", "RSTOS0", "RSTRH")
UNKNOWN = "unknown-"
UUID_LETTERS = 36
PIPE_FOLDER = "\\pipe\\"
SMB_PORTS = "(139, 445)"
FILE_ACTIONS = {
    "SMB::FILE_OPEN": "open",
    "SMB::FILE_READ": "read",
    "SMB::FILE_WRITE": "write",
    "SMB::FILE_RENAME": "rename",
    "SMB::FILE_DELETE": "delete",
    "SMB::PIPE_OPEN": "pipe",
}
"""The others (closing, printing, attributes, data through pipes) show nothing that these do not."""

LATEST_US = 4_102_444_799_999_999

Field = Mapping[str, str]
"""The log's fields that a file has, by Zeek's own names, as SQL."""


@dataclass(frozen=True, slots=True)
class Log:
    """One of Zeek's logs.

    Args:
        gives: the table that its records are rows of.
        kinds: its fields that are read, with their DuckDB types.
        values: SQL for each column of that table, from the fields that a file has and the time in microseconds.
        is_known: of a JSON record without a mark: whether it is this log's, by its keys and values.
        known_by: the same as SQL.
        when: which of its records are rows, as SQL; empty: all.
        required: fields that a file must have.
    """

    gives: str
    kinds: Mapping[str, str]
    values: Callable[[Field, str], dict[str, str]]
    is_known: Callable[[Mapping[str, object]], bool]
    known_by: str
    when: Callable[[Field], str] = lambda _: ""
    required: Sequence[str] = REQUIRED


def time_us(log: Log, column: str, kind: str) -> str:
    """SQL for a record's time in microseconds since 1970 UTC; of facts, empty where it is no time of 1970 to 2099.

    Args:
        log: the record's.
        column: `ts`, as SQL.
        kind: its DuckDB type.
    """
    time = (
        f"try_cast(round({column} * 1000000) as bigint)"
        if kind == "DOUBLE"
        else f"epoch_us(try_cast({column} as timestamptz))"
    )
    return time if log.gives == "record" else f"case when {time} between 0 and {LATEST_US} then {time} end"


def _ends(field: Field) -> dict[str, str]:
    return {
        "src_ip": field["id.orig_h"],
        "src_port": field["id.orig_p"],
        "dest_ip": field["id.resp_h"],
        "dest_port": field["id.resp_p"],
    }


def _conn(field: Field, start: str) -> dict[str, str]:
    fields = {"start_us": start, **_ends(field)}
    if "duration" in field:
        fields["end_us"] = end_after(start, field["duration"])
    if "uid" in field:
        fields["flow_id"] = field["uid"]
    if "proto" in field:
        fields["transport_protocol"] = field["proto"]
    if {"conn_state", "history"} & field.keys():
        fields["is_established"] = _is_established(field)
    if "history" in field:
        fields["is_oriented"] = _is_oriented(field)
    return fields


def _is_established(field: Field) -> str:
    """By conn_state; half-seen connections (SHR, OTH, or S0 with an acknowledged handshake) by history: payload or an
    acknowledgement shows that both sides spoke.
    """
    cases: list[str] = []
    if "conn_state" in field:
        cases.append(f"when {field['conn_state']} in {_list(ESTABLISHED)} then true")
    if "history" in field:
        spoke = " or ".join(f"{field['history']} like '%{letter}%'" for letter in "AaDd")
        cases.append(f"when {spoke} then true")
    if "conn_state" in field:
        cases.append(f"when {field['conn_state']} in {_list(FAILED)} then false")
    return f"case {' '.join(cases)} end"


def _is_oriented(field: Field) -> str:
    """Whether a SYN or SYN-ACK was seen. Without one, the sender of the first packet seen is taken for the caller, or (`^`) Zeek
    turned the connection round by its ports: both are guesses.
    """
    history = field["history"]
    seen = " or ".join(f"{history} like '%{letter}%'" for letter in "SsHh")
    other = f"{field['proto']} <> 'tcp' or " if "proto" in field else ""
    return f"coalesce({other}{seen} or {history} = '', true)"


def _dce_rpc(field: Field, start: str) -> dict[str, str]:
    pipe = field.get("named_pipe", "cast(null as varchar)")
    is_port = f"try_cast({pipe} as integer) is not null"
    is_smb = f"coalesce(not ({is_port}), {field['id.resp_p']} in {SMB_PORTS})"
    fields = {
        "time_us": start,
        **_ends(field),
        "transport_protocol": f"case when {is_smb} then 'smb' else 'tcp' end",
        "pipe": f"case when {is_smb} then {_bare_pipe(pipe)} end",
        "is_callback": "false",
        "is_answered": "true",
    }
    if "uid" in field:
        fields["flow_id"] = field["uid"]
    if "endpoint" in field:
        name = field["endpoint"]
        rest = _after_unknown(name)
        is_uuid = f"{_is_unknown(name)} and length({rest}) = {UUID_LETTERS}"
        fields["interface"] = f"case when {is_uuid} then lower({rest}) end"
        fields["interface_name"] = f"case when {is_uuid} then null else {name} end"
    if "operation" in field:
        name = field["operation"]
        number = f"case when {_is_unknown(name)} then try_cast({_after_unknown(name)} as integer) end"
        fields["opnum"] = number
        fields["operation"] = f"case when ({number}) is null then {name} end"
    return fields


def _smb_mapping(field: Field, start: str) -> dict[str, str]:
    fields = {"time_us": start, **_ends(field), "action": "'share'"}
    if "path" in field:
        fields["share"] = field["path"]
    return fields


def _smb_files(field: Field, start: str) -> dict[str, str]:
    cases = " ".join(f"when {literal(theirs)} then {literal(ours)}" for theirs, ours in FILE_ACTIONS.items())
    action = f"case {field['action']} {cases} end" if "action" in field else "'open'"
    fields = {"time_us": start, **_ends(field), "action": action}
    if "path" in field:
        fields["share"] = field["path"]
    if "name" in field:
        fields["name"] = _bare_pipe(field["name"])
    if "size" in field and "action" in field:
        fields["size"] = f"case when {field['action']} = 'SMB::FILE_WRITE' then try_cast({field['size']} as bigint) end"
    return fields


def _is_file_event(field: Field) -> str:
    """A broken record is one, so that it is counted."""
    return f"coalesce({field['action']} in {_list(tuple(FILE_ACTIONS))}, true)" if "action" in field else ""


def _dhcp(field: Field, start: str) -> dict[str, str]:
    """A conversation with a DHCP server: what was granted, or given back (then the address is the client's own)."""
    action, assigned = _lease_action(field), field["assigned_addr"]
    given_back = field.get("client_addr", "cast(null as varchar)")
    names = [field[name] for name in ("host_name", "client_fqdn") if name in field]
    fields = {
        "time_us": start,
        "action": action,
        "ip": f"case when {action} = 'release' then coalesce({given_back}, {assigned}) else {assigned} end",
        "mac": field["mac"],
    }
    if names:
        fields["hostname"] = f"coalesce({', '.join(names)}, null)"
    if "lease_time" in field:
        fields["lease_s"] = f"try_cast({field['lease_time']} as double)"
    return fields


def _lease_action(field: Field) -> str:
    if "msg_types" not in field:
        return "'lease'"
    kinds = f"upper({field['msg_types']})"
    return f"case when {kinds} like '%ACK%' then 'lease' when {kinds} like '%RELEASE%' then 'release' end"


def _is_lease(field: Field) -> str:
    """What grants nothing is none: offers, refusals, and answers to hosts that have an address already (INFORM); a broken record is one."""
    if "msg_types" not in field:
        return ""
    granted = f"({_lease_action(field)} = 'release' or {field['assigned_addr']} is not null)"
    return f"({field['msg_types']} is null or ({_lease_action(field)} is not null and {granted}))"


def _bare_pipe(name: str) -> str:
    folder = literal(PIPE_FOLDER)
    return f"case when lower(substr({name}, 1, {len(PIPE_FOLDER)})) = {folder} then substr({name}, {len(PIPE_FOLDER) + 1}) else {name} end"


def _is_unknown(name: str) -> str:
    return f"substr({name}, 1, {len(UNKNOWN)}) = {literal(UNKNOWN)}"


def _after_unknown(name: str) -> str:
    return f"substr({name}, {len(UNKNOWN) + 1})"


def _list(texts: Sequence[str]) -> str:
    return f"({', '.join(map(literal, texts))})"


def _has(name: str) -> str:
    return f"{identifier(name)} is not null"


LOGS: Mapping[str, Log] = {
    "conn": Log(
        "record",
        {**ENDS, "proto": "VARCHAR", "duration": "DOUBLE", "conn_state": "VARCHAR", "history": "VARCHAR"},
        _conn,
        # Every record of conn.log has a state. Without a mark, one of dce_rpc.log looks like a connection to the mapper.
        lambda record: not {"conn_state", "history", "orig_bytes", "orig_pkts", "orig_ip_bytes", "missed_bytes"}.isdisjoint(record),
        _has("conn_state"),
    ),
    "dce_rpc": Log(
        "rpc_call",
        {**ENDS, **dict.fromkeys(("named_pipe", "endpoint", "operation"), "VARCHAR")},
        _dce_rpc,
        lambda record: "endpoint" in record and "operation" in record,
        f"{_has('endpoint')} and {_has('operation')}",
    ),
    "smb_mapping": Log(
        "smb_event",
        {**ENDS, **dict.fromkeys(("path", "share_type"), "VARCHAR")},
        _smb_mapping,
        lambda record: "share_type" in record,
        _has("share_type"),
    ),
    "smb_files": Log(
        "smb_event",
        {**ENDS, **dict.fromkeys(("action", "path", "name", "size"), "VARCHAR")},
        _smb_files,
        lambda record: str(record.get("action")).startswith("SMB::"),
        f"substr({identifier('action')}, 1, 5) = 'SMB::'",
        _is_file_event,
    ),
    "dhcp": Log(
        "lease",
        {
            **dict.fromkeys(("ts", "lease_time"), "DOUBLE"),
            **dict.fromkeys(("client_addr", "mac", "host_name", "client_fqdn", "assigned_addr", "msg_types"), "VARCHAR"),
        },
        _dhcp,
        lambda record: "mac" in record and "msg_types" in record,
        f"{_has('mac')} and {_has('msg_types')}",
        _is_lease,
        ("ts", "mac", "assigned_addr"),
    ),
}  # fmt: skip
