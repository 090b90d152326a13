"""nfdump: its JSON, its CSV in all shapes, and nfcapd files through the installed `nfdump`.

Records are one-way halves of connections; `steps/paired.sql` joins them. Source: nfdump(1) and its output formats in 1.6, 1.7.1
(48 columns, whole seconds) and 1.7.4 (csv of ten columns, csv-fast). nfdump prints local time unless it runs with TZ=UTC.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence

from rpcsight.engines import Scan
from rpcsight.engines._text import identifier
from rpcsight.errors import InputError
from rpcsight.readers import NoFlows
from rpcsight.readers._inputs import Input

NAME = "nfdump"
ABOUT = "nfdump -o json, -o ndjson, -o csv (48 columns, csv-fast, and 1.7.4's), and nfcapd files through the installed nfdump"
IS_GENERIC = False

NFCAPD_MAGIC = (b"\x0c\xa5", b"\xa5\x0c")
BLOCK_BYTES = 1 << 20
OLD_COLUMNS = (
    *(
        "ts",
        "te",
        "td",
        "sa",
        "da",
        "sp",
        "dp",
        "pr",
        "flg",
        "fwd",
        "stos",
        "ipkt",
        "ibyt",
        "opkt",
        "obyt",
        "in",
        "out",
    ),
    *("sas", "das", "smk", "dmk", "dtos", "dir", "nh", "nhb", "svln", "dvln", "ismc", "odmc", "idmc", "osmc"),
    *(f"mpls{number}" for number in range(1, 11)),
    *("cl", "sl", "al", "ra", "eng", "exid", "tr"),
)
OLD_HEAD = ("ts", "te", "td", "sa", "da", "sp", "dp", "pr", "flg")
OWN_COLUMNS = ("ts", "te", "sa", "sp", "da", "dp", "pr", "flg", "ra")
OWN_FORMAT = "fmt:%ts,%te,%sa,%sp,%da,%dp,%pr,%flg,%ra"
OWN_HEADER = "#rpcsight " + ",".join(OWN_COLUMNS)
SHAPES: Mapping[str, tuple[str, ...]] = {
    # start, end, src_ip, src_port, dest_ip, dest_port, protocol, flags
    "own": ("ts", "te", "sa", "sp", "da", "dp", "pr", "flg"),
    "old": ("ts", "te", "sa", "sp", "da", "dp", "pr", "flg"),
    "fast": ("firstSeen", "lastSeen", "srcAddr", "srcPort", "dstAddr", "dstPort", "proto", "flags"),
    "new": ("firstSeen", "", "srcAddr", "srcPort", "dstAddr", "dstPort", "proto", ""),
    "json": ("first", "last", "", "src_port", "", "dst_port", "proto", "tcp_flags"),
}
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
        return _dumped(item)
    if _is_json(item.head) and not item.head.startswith(b"{"):
        return _json_lines(item)
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
    if item.head.startswith(b"{"):
        return _scan_json(item, lines)
    shape = _shape(lines)
    if shape is None:
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
        is_halves=True,
        compression=item.compression,
        skip_lines=skipped,
        null_texts=("",),
        header_mark="Summary" if shape == "old" else "",
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
        is_halves=True,
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
        fields["end_us"] = (
            f"{begin} + coalesce(try_cast(round(try_cast({identifier(duration)} as double) * 1000000) as bigint), 0)"
        )
    for name, column in (("src_ip", src_ip), ("dest_ip", dest_ip)):
        if column:
            fields[name] = f"lower(trim({identifier(column)}))"
    if flags:
        fields["tcp_flags"] = f"nullif(replace(trim({identifier(flags)}), '.', ''), '')"
    return fields


def _time(column: str, samples: Sequence[str]) -> str:
    field = f"trim({identifier(column)})"
    if samples and re.fullmatch(r"\d{12,}", samples[0].strip()):
        return f"try_cast({field} as bigint) * 1000"
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
        except (ValueError, AttributeError):
            continue
    return ""


def _dumped(item: Input) -> Iterator[bytes]:
    program = shutil.which("nfdump")
    if program is None:
        raise InputError(
            item.source, "is an nfcapd file, and there is no nfdump to read it", "install it: apt-get install nfdump"
        )
    yield (OWN_HEADER + "\n").encode()
    with subprocess.Popen(
        [program, "-r", str(item.path), "-6", "-q", "-N", "-o", OWN_FORMAT],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "TZ": "UTC"},
    ) as process:
        if process.stdout is None or process.stderr is None:  # pragma: no cover - PIPE gives both
            return
        while block := process.stdout.read(BLOCK_BYTES):
            yield block
        words = process.stderr.read(400).decode(errors="replace").strip()
    if process.returncode:
        raise InputError(
            item.source,
            f"nfdump could not read it ({words or process.returncode})",
            "is it whole, and made by a version your nfdump knows?",
        )


def _json_lines(item: Input) -> Iterator[bytes]:
    """Nfdump's array, one member a line. It writes each member over several lines and closes it with `}` on a line of its own; only
    line ends are replaced, so that a file cut in the middle loses its last member and nothing else.
    """
    from rpcsight.engines._pump import inflated_blocks

    def plain() -> Iterator[bytes]:
        with item.path.open("rb") as file:
            while block := file.read(BLOCK_BYTES):
                yield block

    rest = b""
    for block in inflated_blocks(str(item.path)) if item.compression == "gz" else plain():
        text = (rest + block).replace(b"\r", b"")
        cut = text.rfind(b"}")
        if cut < 0:
            rest = text
            continue
        yield _joined(text[: cut + 1])
        rest = text[cut + 1 :]
    if rest.strip(b" \t\r\n,]"):
        yield _joined(rest)


def _joined(text: bytes) -> bytes:
    flat = text.replace(b"\n", b" ").replace(b"} , {", b"}\n{").replace(b"}, {", b"}\n{").replace(b"},{", b"}\n{")
    return flat.lstrip(b" \t[,]") + b"\n"
