"""Windows' firewall log, `pfirewall.log`: connections that a host's firewall allowed, and packets that it dropped.

Source: Microsoft Learn, "Interpreting the Windows Firewall log" (Windows XP and 2003: OPEN, OPEN-INBOUND, CLOSE, INFO-EVENTS-LOST)
and "Configure Windows Firewall logging" (ALLOW, DROP; path SEND or RECEIVE). Who opened a connection is written as its source. Times
are whole seconds of the host's own zone, which the file does not name.
"""

import itertools
import operator
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from rpcsight.engines import Scan
from rpcsight.engines.text import identifier, literal
from rpcsight.readers import NoFlows
from rpcsight.readers._delimited import column_names, first_record, need
from rpcsight.readers._inputs import HEAD_BYTES, Input
from rpcsight.readers._names import address, port, protocol

NAME = "pfirewall"
ABOUT = (
    "Windows' firewall log (pfirewall.log): allowed connections, dropped packets; with its pid column also processes"
)
IS_GENERIC = False

DEFAULT = (
    *("date", "time", "action", "protocol", "src-ip", "dst-ip", "src-port", "dst-port", "size"),
    *("tcpflags", "tcpsyn", "tcpack", "tcpwin", "icmptype", "icmpcode", "info", "path"),
)
REQUIRED = ("date", "time", "action", "src-ip", "dst-ip", "src-port", "dst-port")
FIELDS = re.compile(r"(?i)#fields:(.*)")
SECTION = re.compile(rb"(?mi)^(#fields:.*\n)")
UTC_TIMES = re.compile(r"(?i)#time format:\s{0,8}(utc|gmt)\s*")
LINES_LOOKED_AT = 20
RECORD = re.compile(
    r"\d{4}-\d{1,2}-\d{1,2} \d\d:\d\d:\d\d (ALLOW|DROP|OPEN|OPEN-INBOUND|CLOSE|INFO-EVENTS-LOST) (\w{1,8}|-) \S{1,45} \S{1,45} .*"
)
LOCAL = (
    "Windows firewall log: times are local to the host, and the file names no zone; they are taken as UTC, so times against other "
    "records may be off by whole hours"
)
UNANSWERED = "Windows firewall log: that a connection was allowed does not say that it was answered"


def why_not(item: Input) -> str | None:
    """None for a log with its #Fields line, or records as Windows lays them out by default."""
    lines = item.lines()
    if _fields(lines) or _default(lines):
        return None
    return "no #Fields line with action, src-ip and dst-ip, and no records of that layout"


def scan(item: Input, mapping: Mapping[str, str]) -> Scan:
    """A csv scan.

    Args:
        item: the log.
        mapping: not used; Windows' names are known.

    Raises:
        NoFlows: the log has no records.
        SchemaError: a field that the analytics need is missing.
        InputError: two columns have the same name.
    """
    del mapping
    lines = item.lines()
    header = _fields(lines)
    columns = column_names(item.source, header.partition(":")[2].split()) if header else list(_default(lines))
    need(item.source, "Windows firewall log", {name: (name,) for name in REQUIRED}, columns)
    records = [line for line in lines if not line.startswith("#")]
    if header and not first_record(records, columns, " ") and len(item.head) < HEAD_BYTES:
        raise NoFlows("Windows firewall log without records")
    kinds = dict.fromkeys(columns, "VARCHAR") | {"src-port": "USMALLINT", "dst-port": "USMALLINT"}
    is_utc = any(UTC_TIMES.fullmatch(line) for line in lines[:LINES_LOOKED_AT])
    connections = Scan(
        reader=NAME,
        form="csv",
        paths=(str(item.path),),
        observer=item.observer,
        columns=kinds,
        fields=_values(columns, kinds),
        source=item.source if item.is_spooled else "",
        compression=item.compression,
        delimiter=" ",
        null_texts=("-",),
        header_mark="#",
        header=header,
        notes=(UNANSWERED,) if is_utc else (LOCAL, UNANSWERED),
    )
    if not {"pid", "path"} <= set(columns):
        return connections
    host = item.observer.rpartition("/")[0] or item.observer
    seen = replace(
        connections, gives="host_flow", when=_opened(), fields=_host_flow(connections.fields, host), notes=()
    )
    return replace(connections, others=(seen,))


def sections(blocks: Iterable[bytes]) -> Iterator[Iterable[bytes]]:
    """The parts of a log between its #Fields lines, each with its own."""
    for _, pieces in itertools.groupby(_numbered(blocks), key=operator.itemgetter(0)):
        yield (piece for _, piece in pieces)


def _numbered(blocks: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    number = -1  # what stands before the first belongs to it
    rest = b""
    for block in blocks:
        text = rest + block
        cut = text.rfind(b"\n") + 1
        for piece in SECTION.split(text[:cut]):
            number += piece[:8].lower() == b"#fields:"
            if piece:
                yield max(0, number), piece
        rest = text[cut:]
    if rest:
        yield max(0, number), rest


def _fields(lines: Sequence[str]) -> str:
    """The first #Fields line that names what a firewall log has."""
    for line in lines[:LINES_LOOKED_AT]:
        if (found := FIELDS.fullmatch(line)) and {"action", "src-ip", "dst-ip"} & set(found[1].split()):
            return line
    return ""


def _default(lines: Sequence[str]) -> tuple[str, ...]:
    """The columns of records without a header (a log that was cut); nothing for others."""
    for line in lines[:LINES_LOOKED_AT]:
        if RECORD.fullmatch(line):
            wide = line.count(" ") + 1
            return DEFAULT if wide == len(DEFAULT) else (*DEFAULT, "pid") if wide == len(DEFAULT) + 1 else ()
    return ()


def _values(columns: Sequence[str], kinds: Mapping[str, str]) -> dict[str, str]:
    """SQL for each column of `record`."""
    fields = {
        "start_us": 'epoch_us(try_cast(concat("date", \' \', "time") as timestamptz))',
        "src_ip": address(identifier("src-ip")),
        "src_port": port("src-port", kinds),
        "dest_ip": address(identifier("dst-ip")),
        "dest_port": port("dst-port", kinds),
        "is_established": "case when action = 'DROP' then false end",
        "set_aside": _set_aside(columns),
    }
    if "protocol" in columns:
        fields["transport_protocol"] = protocol(identifier("protocol"))
    return fields


def _set_aside(columns: Sequence[str]) -> str:
    cases = ["when action = 'CLOSE' then 'end of a connection'"]
    lost = "concat('events lost by the firewall: ', coalesce(info, '?'))" if "info" in columns else "'events lost'"
    cases.append(f"when action = 'INFO-EVENTS-LOST' then {lost}")
    if "tcpflags" in columns:
        cases.append(
            "when action = 'DROP' and (tcpflags not like '%S%' or tcpflags like '%A%') "
            "then 'packet that opens no connection, dropped'"
        )
    return f"case {' '.join(cases)} end"


def _opened() -> str:
    return "action in ('ALLOW', 'OPEN', 'OPEN-INBOUND') and path in ('SEND', 'RECEIVE')"


def _host_flow(fields: Mapping[str, str], host: str) -> dict[str, str]:
    """SQL for each column of `host_flow`: the log names the process, not the program."""
    ends = ("src_ip", "src_port", "dest_ip", "dest_port", "transport_protocol")
    return {
        **{name: fields[name] for name in ends if name in fields},
        "time_us": fields["start_us"],
        "host": literal(host),
        "is_outbound": f"{identifier('path')} = 'SEND'",
        "pid": f"try_cast({identifier('pid')} as bigint)",
    }
