"""Amazon VPC flow logs: text with its header line or in the default format, CloudWatch exports, Parquet.

A record is one direction of a connection at one network interface in one aggregation window of up to 1 or 10 minutes; `start` is the
window's first packet in whole seconds. Source: Amazon VPC User Guide, "Flow log records" (fields of versions 2 to 10) and "Flow log
record examples". `tcp-flags` is the OR of SYN 2, FIN 1, RST 4 and SYN-ACK 18 over the window; ACK and PSH alone are not in it, a
window with nothing else has 0. `pkt-srcaddr` and `pkt-dstaddr` are the ends as packets name them, where an intermediate's interface
(NAT, transit gateway, load balancer) carries them.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from rpcsight.engines import Scan
from rpcsight.engines.text import identifier
from rpcsight.readers import NoFlows
from rpcsight.readers._delimited import column_names, first_record, flag_letters, need
from rpcsight.readers._inputs import HEAD_BYTES, Input
from rpcsight.readers._names import address, port, protocol

NAME = "aws_vpc"
ABOUT = "AWS VPC flow logs, versions 2 and later: text (default format, any order with a header line, CloudWatch exports), Parquet"
IS_GENERIC = False

DEFAULT = (
    *("version", "account-id", "interface-id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol"),
    *("packets", "bytes", "start", "end", "action", "log-status"),
)
TELLING = {*DEFAULT, "vpc-id", "subnet-id", "instance-id", "tcp-flags", "type", "pkt-srcaddr", "pkt-dstaddr"}
FEWEST_TELLING = 4
WANTED = {
    "srcaddr": ("pkt-srcaddr", "srcaddr"),
    "dstaddr": ("pkt-dstaddr", "dstaddr"),
    "srcport": ("srcport",),
    "dstport": ("dstport",),
    "start": ("start",),
}
RECORD = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z )?\d{1,2} \S{1,64} \S{1,64} (?:\S{1,64} ){7}\d{9,11} \d{9,11} "
    r"(?:ACCEPT|REJECT|-) (?:OK|NODATA|SKIPDATA)"
)
LINES_LOOKED_AT = 20
PARQUET_MAGIC = b"PAR1"
PAYLOAD_BYTES = 80
"""Packets longer than this on average carry payload: a SYN, options and all, has at most 60 bytes over IPv4, 80 over IPv6."""
WINDOWS = (
    "AWS VPC flow logs: times are the first packet's of an aggregation window (of up to 1 or 10 minutes), in whole seconds: a mapper "
    "flow before an endpoint flow is no more than co-occurrence"
)
FLAGLESS = (
    "AWS VPC flow logs without tcp-flags: nothing says whether a record begins a connection or continues it, nor whether it was "
    "answered; add the field to the flow log's format"
)


def why_not(item: Input) -> str | None:
    """None for a header line of AWS's field names, records of the default format, or Parquet with those names."""
    if item.head.startswith(PARQUET_MAGIC):
        return None if _parquet_kinds(item) else "Parquet without AWS's columns (srcaddr, dstaddr, log_status …)"
    lines = item.lines()
    if _has_header(lines) or _default(lines):
        return None
    return "neither a header line with AWS's fields, nor records of their default format (others need the header line)"


def scan(item: Input, mapping: Mapping[str, str]) -> Scan:
    """A csv or parquet scan of one-way halves.

    Args:
        item: the log.
        mapping: not used; AWS's names are known.

    Raises:
        NoFlows: there are no records.
        SchemaError: the format leaves out a field that the analytics need.
        InputError: two columns have the same name.
    """
    del mapping
    if item.head.startswith(PARQUET_MAGIC):
        kinds = _parquet_kinds(item)
        need(item.source, "AWS VPC flow log", WANTED, list(_hyphened(kinds)))
        return _scan(item, "parquet", kinds, _hyphened(kinds))
    lines = item.lines()
    header = lines[0].removeprefix("\ufeff") if _has_header(lines) else ""
    columns = column_names(item.source, header.split(" ")) if header else list(_default(lines))
    names = _hyphened(columns)
    need(item.source, "AWS VPC flow log", WANTED, list(names))
    if header and not first_record(lines[1:], columns, " ") and len(item.head) < HEAD_BYTES:
        raise NoFlows("AWS VPC flow log without records")
    typed = {"start": "DOUBLE", "end": "DOUBLE", "srcport": "USMALLINT", "dstport": "USMALLINT"}
    kinds = {name: typed.get(name, "VARCHAR") for name in columns}
    return _scan(item, "csv", kinds, names, header)


def _scan(item: Input, form: str, kinds: Mapping[str, str], names: Mapping[str, str], header: str = "") -> Scan:
    return Scan(
        reader=NAME,
        form="parquet" if form == "parquet" else "csv",
        paths=(str(item.path),),
        observer=NAME,  # what the interface is called, else one for all: file names differ by day and part
        columns=kinds,
        fields=_values(names, kinds),
        source=item.source if item.is_spooled else "",
        gives="half",
        compression=item.compression,
        delimiter=" ",
        null_texts=("-",),
        header_mark=header,
        notes=(WINDOWS,) if "tcp-flags" in names else (WINDOWS, FLAGLESS),
    )


def _values(names: Mapping[str, str], kinds: Mapping[str, str]) -> dict[str, str]:
    """SQL for each column of `half`; `names` are AWS's, as in text, with those of the columns."""
    given = {name: f"nullif(cast({identifier(column)} as varchar), '-')" for name, column in names.items()}
    fields = {
        "start_us": _time(names["start"]),
        "src_ip": _first(names, "pkt-srcaddr", "srcaddr"),
        "dest_ip": _first(names, "pkt-dstaddr", "dstaddr"),
        "src_port": port(names["srcport"], kinds),
        "dest_port": port(names["dstport"], kinds),
        "tcp_flags": _flags(given),
    }
    if "end" in names:
        fields["end_us"] = _time(names["end"])
    if "protocol" in names:
        fields["transport_protocol"] = protocol(identifier(names["protocol"]))
    if "interface-id" in names:
        fields["observer"] = given["interface-id"]
    if "log-status" in names:
        fields["set_aside"] = (
            f"case {given['log-status']} when 'NODATA' then 'window without records: no traffic (NODATA)' "
            "when 'SKIPDATA' then 'window without records: AWS skipped them (SKIPDATA)' end"
        )
    return fields


def _time(column: str) -> str:
    return f"try_cast(round(cast({identifier(column)} as double) * 1000000) as bigint)"


def _first(names: Mapping[str, str], *wanted: str) -> str:
    """The first of the addresses that is given."""
    values = [address(identifier(names[name])) for name in wanted if name in names]
    return f"coalesce({', '.join(f'nullif({value}, {chr(39)}-{chr(39)})' for value in values)})"


def _flags(given: Mapping[str, str]) -> str:
    """Letters as of other one-way records, as far as AWS tells them.

    The caller's half has SYN and never ACK. Payload (by the packets' mean length), a FIN of the caller, or more than one packet of
    the called side show that the handshake was completed: PSH stands for that.
    """
    is_rejected = f"coalesce({given['action']}, '') = 'REJECT'" if "action" in given else "false"
    if "tcp-flags" not in given:
        return f"case when {is_rejected} then 'S' end"
    number = f"try_cast({given['tcp-flags']} as integer)"
    packets = f"try_cast({given['packets']} as double)" if "packets" in given else "2"
    talks = [f"{number} % 4 = 3", f"({number} % 32 >= 18 and {packets} > 1)"]
    if {"packets", "bytes"} <= given.keys():
        talks.append(f"try_cast({given['bytes']} as double) > {PAYLOAD_BYTES} * {packets}")
    talk = f"case when not ({is_rejected}) and ({' or '.join(talks)}) then 'P' else '' end"
    letters = ", ".join(flag_letters(number, "FSRA"))
    only_acks = f"case when {number} = 0 then 'A' else '' end"
    return f"case when {number} is not null then concat({letters}, {only_acks}, {talk}) when {is_rejected} then 'S' end"


def _has_header(lines: Sequence[str]) -> bool:
    names = lines[0].removeprefix("\ufeff").split(" ") if lines else []
    return len(TELLING.intersection(_hyphened(names))) >= FEWEST_TELLING


def _hyphened(columns: Iterable[str]) -> dict[str, str]:
    """AWS's names as in text, with those of the columns: Parquet, and tools that write text, have underscores."""
    return {name.replace("_", "-"): name for name in columns}


def _default(lines: Sequence[str]) -> tuple[str, ...]:
    """The columns of records of the default format; nothing for others."""
    for line in lines[:LINES_LOOKED_AT]:
        if found := RECORD.fullmatch(line):
            return ("time of the event", *DEFAULT) if found["time"] else DEFAULT
    return ()


def _parquet_kinds(item: Input) -> dict[str, str]:
    """The columns of AWS's Parquet with their types; nothing for any other file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        fields = list(pq.read_schema(item.path))
    except (pa.ArrowException, OSError):
        return {}
    names = _hyphened(field.name for field in fields)
    if len(TELLING.intersection(names)) < FEWEST_TELLING or "log-status" not in names:
        return {}
    kinds = {"int32": "INTEGER", "int64": "BIGINT", "double": "DOUBLE", "string": "VARCHAR"}
    return {field.name: kinds.get(str(field.type), "VARCHAR") for field in fields}
