"""nfdump: its JSON, its CSV in all shapes, and nfcapd files through the installed `nfdump`.

Records are one-way halves of connections; `steps/paired.sql` joins them. Source: nfdump(1) and its output formats in 1.6, 1.7.1
(48 columns, whole seconds) and 1.7.4 (csv of ten columns, csv-fast). nfdump prints local time unless it runs with TZ=UTC.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence

from rpcsight.engines import Scan
from rpcsight.engines.text import identifier
from rpcsight.readers import NoFlows
from rpcsight.readers._inputs import Input
from rpcsight.readers._names import end_after
from rpcsight.readers._nfdump_files import OWN_COLUMNS, dumped, json_lines

NAME = "nfdump"
ABOUT = "nfdump -o json, -o ndjson, -o csv (48 columns, csv-fast, and 1.7.4's), and nfcapd files through the installed nfdump"
IS_GENERIC = False

NFCAPD_MAGIC = (b"\x0c\xa5", b"\xa5\x0c")
OLD_COLUMNS = tuple(
    "ts te td sa da sp dp pr flg fwd stos ipkt ibyt opkt obyt in out sas das smk dmk dtos dir nh nhb svln dvln ismc odmc idmc osmc "
    f"{' '.join(f'mpls{number}' for number in range(1, 11))} cl sl al ra eng exid tr".split()
)
OLD_HEAD = ("ts", "te", "td", "sa", "da", "sp", "dp", "pr", "flg")
SHAPES: Mapping[str, tuple[str, ...]] = {
    # start, end, src_ip, src_port, dest_ip, dest_port, protocol, flags
    "own": ("ts", "te", "sa", "sp", "da", "dp", "pr", "flg"),
    "old": ("ts", "te", "sa", "sp", "da", "dp", "pr", "flg"),
    "fast": ("firstSeen", "lastSeen", "srcAddr", "srcPort", "dstAddr", "dstPort", "proto", "flags"),
    "new": ("firstSeen", "", "srcAddr", "srcPort", "dstAddr", "dstPort", "proto", ""),
    "json": ("first", "last", "", "src_port", "", "dst_port", "proto", "tcp_flags"),
}
TRAILER = r"Summary|flows,bytes,packets,avg_bps,avg_pps,avg_bpp|\d+,\d+,\d+,\d+,\d+,\d+|No matching flows"
OLD_ROW = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,")


def why_not(item: Input) -> str | None:
    """None for any of nfdump's forms."""
    if item.head.startswith(NFCAPD_MAGIC):
        return None
    if _is_json(item.head):
        return None
    if _shape(item.lines()) is None:
        return "neither nfcapd's magic number, nor nfdump's JSON or CSV columns"
    return None


def unpack(item: Input) -> Iterator[bytes] | None:
    """Nfcapd files as csv, and nfdump's JSON as JSON lines; None for what engines can read as it is."""
    if item.head.startswith(NFCAPD_MAGIC):
        return dumped(item)
    if _is_json(item.head) and not _is_lines(item):
        return json_lines(item)
    return None


def scan(item: Input, mapping: Mapping[str, str]) -> Scan:
    """A csv or json scan of one-way halves.

    Args:
        item: nfdump's output.
        mapping: not used; nfdump's names are known.

    Raises:
        NoFlows: the output has no records.
    """
    del mapping
    lines = item.lines()
    if _is_json(item.head):
        return _scan_json(item, lines)
    shape = _shape(lines)
    if shape is None or not _is_filled(lines):
        raise NoFlows("nfdump output without records")
    if shape in {"own", "old"}:
        names: Sequence[str] = OWN_COLUMNS if shape == "own" else OLD_COLUMNS
        if lines[0].startswith("ts,") and shape == "old":
            names = lines[0].split(",")
        skipped = 1 if lines[0].startswith(("ts,", "#rpcsight")) else 0
    else:
        names, skipped = lines[0].split(","), 1
    return Scan(
        reader=NAME,
        form="csv",
        paths=(str(item.path),),
        observer=item.observer,
        columns=dict.fromkeys(names, "VARCHAR"),
        fields=_values(SHAPES[shape], "duration" if "duration" in names else "", _samples(lines, names)),
        source=item.source if item.is_spooled else "",
        gives="half",
        compression=item.compression,
        skip_lines=skipped,
        null_texts=("",),
        trailer=TRAILER,
    )


def _scan_json(item: Input, lines: Sequence[str]) -> Scan:
    columns = (
        "first",
        "last",
        "src_port",
        "dst_port",
        "proto",
        "tcp_flags",
        "src4_addr",
        "dst4_addr",
        "src6_addr",
        "dst6_addr",
        "type",
    )
    fields = _values(SHAPES["json"], "", {"first": [_first_time(lines)]})
    for end, names in (("src_ip", ("src4_addr", "src6_addr")), ("dest_ip", ("dst4_addr", "dst6_addr"))):
        fields[end] = f"lower(coalesce({', '.join(map(identifier, names))}))"
    return Scan(
        reader=NAME,
        form="json",
        paths=(str(item.path),),
        observer=item.observer,
        columns=dict.fromkeys(columns, "VARCHAR"),
        fields=fields,
        source=item.source if item.is_spooled else "",
        gives="half",
        compression=item.compression,
    )


def _values(shape: Sequence[str], duration: str, samples: Mapping[str, Sequence[str]]) -> dict[str, str]:
    start, end, src_ip, src_port, dest_ip, dest_port, protocol, flags = shape
    begin = _time(start, samples.get(start, ()))
    fields = {
        "start_us": begin,
        "src_port": _port(src_port),
        "dest_port": _port(dest_port),
        "transport_protocol": _protocol(protocol),
    }
    if end:
        fields["end_us"] = _time(end, samples.get(start, ()))
    elif duration:
        fields["end_us"] = end_after(begin, f"try_cast({identifier(duration)} as double)")
    for name, column in (("src_ip", src_ip), ("dest_ip", dest_ip)):
        if column:
            fields[name] = f"lower(trim({identifier(column)}))"
    if flags:
        fields["tcp_flags"] = f"nullif(replace(trim({identifier(flags)}), '.', ''), '')"
    return fields


def _time(column: str, samples: Sequence[str]) -> str:
    field = f"trim({identifier(column)})"
    if samples and re.fullmatch(r"\d{12,}", samples[0].strip()):
        return f"try_cast(round(try_cast({field} as double) * 1000) as bigint)"
    if samples and re.fullmatch(r"\d{9,11}\.\d+", samples[0].strip()):
        return f"try_cast(round(try_cast({field} as double) * 1000000) as bigint)"
    return f"epoch_us(try_cast({field} as timestamptz))"


def _port(column: str) -> str:
    return f"try_cast(trim({identifier(column)}) as usmallint)"


def _protocol(column: str) -> str:
    field = f"lower(trim({identifier(column)}))"
    return f"case {field} when '6' then 'tcp' when '17' then 'udp' when '' then null else {field} end"


def _is_json(head: bytes) -> bool:
    start = head.lstrip()[:2000]
    if start.startswith(b"["):
        start = start[1:].lstrip()
    return start.startswith(b"{") and (b'"dst4_addr"' in head or b'"dst6_addr"' in head or b'"export_sysid"' in head)


def _is_lines(item: Input) -> bool:
    """Whether there is one whole record a line."""
    try:
        return isinstance(json.loads(item.lines()[0]), dict)
    except (ValueError, RecursionError):
        return False


def _shape(lines: Sequence[str]) -> str | None:
    if not lines:
        return None
    first = lines[0]
    if first.startswith("#rpcsight "):
        return "own"
    names = first.split(",")
    if tuple(names[: len(OLD_HEAD)]) == OLD_HEAD or (OLD_ROW.match(first) and len(names) == len(OLD_COLUMNS)):
        return "old"
    if {"firstSeen", "lastSeen", "srcAddr", "srcPort", "dstAddr", "dstPort", "proto", "flags"} <= set(names):
        return "fast"
    if {"firstSeen", "srcAddr", "srcPort", "dstAddr", "dstPort", "proto"} <= set(names):
        return "new"
    return None


def _is_filled(lines: Sequence[str]) -> bool:
    """Whether there is more than a header and a summary."""
    headers = ("ts,", "#rpcsight ", "firstSeen,", "cnt,")
    return any(not line.startswith(headers) and not re.fullmatch(TRAILER, line) for line in lines)


def _samples(lines: Sequence[str], names: Sequence[str]) -> dict[str, list[str]]:
    for line in lines[1:]:
        cells = line.split(",")
        if len(cells) == len(names):
            return {name: [cell] for name, cell in zip(names, cells, strict=True)}
    return {}


def _first_time(lines: Sequence[str]) -> str:
    for line in lines:
        try:
            return str(json.loads(line).get("first", ""))
        except (ValueError, AttributeError, RecursionError):
            continue
    return ""
