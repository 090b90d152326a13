"""Common names of flow fields, and how their values become the columns of `record`."""

import re
from collections.abc import Mapping, Sequence
from statistics import median_low

from rpcsight.engines.text import identifier
from rpcsight.errors import SchemaError, UsageError
from rpcsight.schema import FLOW, names

__all__ = [
    "LATEST_US",
    "REQUIRED",
    "TIME_FORMS",
    "address",
    "bare",
    "end_after",
    "found_names",
    "parse_mapping",
    "port",
    "protocol",
    "time_form",
    "time_us",
    "values",
]

REQUIRED = ("start_time", "src_ip", "src_port", "dest_ip", "dest_port")
LATEST_US = 4_102_444_800_000_000  # the year 2100
LONGEST_S = 1_000_000_000
TIME_FORMS = {"epoch_s": 1_000_000.0, "epoch_ms": 1_000.0, "epoch_us": 1.0, "epoch_ns": 0.001}

# CAR data model; ECS; OpTC/eCAR; Defender DeviceNetworkEvents; and what exports commonly call them.
KNOWN: Mapping[str, tuple[str, ...]] = {
    "flow_id": ("flow_id", "uid", "network.community_id", "community_id", "event.id", "objectid"),
    "start_time": (
        "start_time",
        "event.start",
        "starttime",
        "start",
        "first_seen",
        "firstseen",
        "first_switched",
        "ts",
        "timestamp",
        "@timestamp",
        "time",
    ),
    "end_time": ("end_time", "event.end", "endtime", "end", "last_seen", "lastseen", "last_switched"),
    "src_ip": (
        "src_ip",
        "source.ip",
        "properties.src_ip",
        "localip",
        "srcaddr",
        "source_ip",
        "sourceip",
        "sourceaddress",
        "src",
        "srcip",
        "saddr",
    ),
    "src_port": (
        "src_port",
        "source.port",
        "properties.src_port",
        "localport",
        "srcport",
        "source_port",
        "sourceport",
        "sport",
        "spt",
    ),
    "dest_ip": (
        "dest_ip",
        "destination.ip",
        "properties.dest_ip",
        "remoteip",
        "dstaddr",
        "destaddr",
        "dst_ip",
        "destination_ip",
        "destinationip",
        "destinationaddress",
        "dst",
        "dstip",
        "daddr",
    ),
    "dest_port": (
        "dest_port",
        "destination.port",
        "properties.dest_port",
        "remoteport",
        "dstport",
        "destport",
        "dst_port",
        "destination_port",
        "destinationport",
        "dport",
        "dpt",
    ),
    "transport_protocol": (
        "transport_protocol",
        "network.transport",
        "properties.l4protocol",
        "l4protocol",
        "protocol",
        "proto",
        "pr",
    ),
    "is_established": ("is_established",),
    "is_oriented": ("is_oriented",),
    "observer": ("observer", "observer.name", "sensor", "hostname", "devicename", "host.name"),
    "action": ("actiontype",),
}
PROTOCOL_NUMBERS = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmp6"}


def parse_mapping(texts: Sequence[str]) -> dict[str, str]:
    """Read `--map src_ip=SourceIP` options.

    Raises:
        UsageError: one is not NAME=COLUMN, or names no flow column.
    """
    mapping: dict[str, str] = {}
    for text in texts:
        name, equals, column = text.partition("=")
        if not equals or not column or name not in names(FLOW):
            raise UsageError(
                "--map",
                f"{text!r} does not name a flow column",
                f"write NAME=COLUMN; NAME is one of: {', '.join(names(FLOW))}",
            )
        mapping[name] = column
    return mapping


def found_names(columns: Sequence[str], mapping: Mapping[str, str], source: str) -> dict[str, str]:
    """Which of the file's columns holds which flow column; forms of time (`ts:epoch_ms`) stay with their names.

    Raises:
        SchemaError: a required column can't be found; names it and what there is instead.
    """
    by_name = {column.lower(): column for column in reversed(columns)}
    found: dict[str, str] = {}
    for name, candidates in KNOWN.items():
        match = next((by_name[each] for each in candidates if each in by_name), None)
        if match is not None:
            found[name] = match
    for name, column in mapping.items():
        if bare(column, columns) not in columns:
            raise SchemaError(
                source, f"--map {name}={column}: there is no column {column!r}", f"columns: {_shown(columns)}"
            )
        found[name] = column
    missing = [name for name in REQUIRED if name not in found]
    if missing:
        hint = f"name them: {' '.join(f'--map {name}=COLUMN' for name in missing)}; columns: {_shown(columns)}"
        raise SchemaError(source, f"no column for {', '.join(missing)}", hint)
    return found


def bare(column: str, columns: Sequence[str]) -> str:
    """The column's name without a form of time behind it."""
    name, colon, form = column.rpartition(":")
    return name if colon and form in TIME_FORMS and column not in columns else column


def _shown(columns: Sequence[str]) -> str:
    return ", ".join(columns[:40])


def time_us(column: str, columns: Sequence[str], kind: str, samples: Sequence[str]) -> tuple[str, str]:
    """How a time column becomes microseconds.

    Args:
        column: its name, with `:epoch_ms` and the like where the user said so.
        columns: the file's columns.
        kind: its type if the file says (parquet), else "".
        samples: some of its values.

    Returns:
        The column's name and the SQL expression.
    """
    name = bare(column, columns)
    field = identifier(name)
    if kind == "TIMESTAMP":
        return name, f"epoch_us({field})"
    if kind == "TIMESTAMP_NS":
        return name, f"epoch_us(cast({field} as timestamptz))"
    form = column[len(name) + 1 :] or time_form(samples)
    if form in TIME_FORMS:
        number = (
            field
            if kind in {"DOUBLE", "BIGINT", "FLOAT", "HUGEINT", "UBIGINT", "INTEGER"}
            else f"try_cast({field} as double)"
        )
        if form == "epoch_us" and kind == "BIGINT":
            return name, field
        return name, f"try_cast(round({number} * {TIME_FORMS[form]}) as bigint)"
    return name, f"epoch_us(try_cast({field} as timestamptz))"


def end_after(start: str, seconds: str) -> str:
    """SQL for the end of a flow that began at `start` (microseconds) and took `seconds`; absurd values give none."""
    return (
        f"case when {start} between 0 and {LATEST_US} and {seconds} between 0 and {LONGEST_S} "
        f"then {start} + cast(round({seconds} * 1000000) as bigint) end"
    )


def time_form(samples: Sequence[str]) -> str:
    """How a time is written, by some of its values: "iso", or one of `TIME_FORMS` by the size of the numbers."""
    numbers = [text for text in samples if re.fullmatch(r"-?\d{1,30}(\.\d{1,30})?([eE]\+?\d\d?)?", text)]
    if not numbers or len(numbers) < len([text for text in samples if text]) / 2:
        return "iso"
    digits = median_low(len(str(abs(int(float(text))))) for text in numbers)
    return next(
        form
        for least, form in ((18, "epoch_ns"), (15, "epoch_us"), (12, "epoch_ms"), (0, "epoch_s"))
        if digits >= least
    )


def values(
    found: Mapping[str, str], columns: Sequence[str], kinds: Mapping[str, str], samples: Mapping[str, Sequence[str]]
) -> dict[str, str]:
    """SQL expressions for the columns of `record`, from the file's columns.

    Args:
        found: flow column -> column of the file (`found_names`).
        columns: the file's columns.
        kinds: types of the file's columns, where it has types.
        samples: some values of each column, where it has none.
    """
    fields: dict[str, str] = {}
    for name in ("start_time", "end_time"):
        if name in found:
            column = bare(found[name], columns)
            fields[name.replace("_time", "_us")] = time_us(
                found[name], columns, kinds.get(column, ""), samples.get(column, ())
            )[1]
    for name in ("src_ip", "dest_ip"):
        fields[name] = address(identifier(found[name]))
    for name in ("src_port", "dest_port"):
        fields[name] = port(found[name], kinds)
    for name in ("flow_id", "observer"):
        if name in found:
            fields[name] = f"cast({identifier(found[name])} as varchar)"
    for name in ("is_established", "is_oriented"):
        if name in found:
            field = identifier(found[name])
            fields[name] = field if kinds.get(found[name]) == "BOOLEAN" else f"try_cast({field} as boolean)"
    if "is_oriented" in fields:
        fields["is_oriented"] = f"coalesce({fields['is_oriented']}, true)"
    if "transport_protocol" in found:
        fields["transport_protocol"] = protocol(identifier(found["transport_protocol"]))
    return _turned(fields, found)


def address(value: str) -> str:
    """SQL for an address as `record` has it."""
    field = f"lower(trim(cast({value} as varchar)))"
    return f"case when {field} like '::ffff:%.%' then substr({field}, 8) else split_part({field}, '%', 1) end"


def port(column: str, kinds: Mapping[str, str]) -> str:
    """SQL for a port, from a column of any type."""
    field = identifier(column)
    if kinds.get(column) in {"INTEGER", "USMALLINT", "UINTEGER", "BIGINT", "SMALLINT"}:
        return field if kinds[column] == "INTEGER" else f"try_cast({field} as integer)"
    return f"try_cast({field} as usmallint)"


def protocol(value: str) -> str:
    """SQL for a transport protocol as `record` has it: numbers by name, lower case."""
    field = f"lower(trim(cast({value} as varchar)))"
    numbers = " ".join(f"when '{number}' then '{name}'" for number, name in PROTOCOL_NUMBERS.items())
    return f"case {field} {numbers} when '' then null else {field} end"


def _turned(fields: dict[str, str], found: Mapping[str, str]) -> dict[str, str]:
    """Exchange the ends where a record is an inbound connection seen from the called host (Defender's LocalIP, RemoteIP)."""
    if "action" not in found or found["src_ip"].lower() != "localip":
        return fields
    inbound = f"coalesce({identifier(found['action'])}, '') like 'Inbound%'"
    turned = dict(fields)
    for here, there in (("src_ip", "dest_ip"), ("src_port", "dest_port")):
        turned[here] = f"case when {inbound} then {fields[there]} else {fields[here]} end"
        turned[there] = f"case when {inbound} then {fields[here]} else {fields[there]} end"
    return turned
