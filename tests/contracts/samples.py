"""One scene of flows, and every form in which readers must be able to read it.

`Form.write` makes the file; `Form.seen` says what of a flow the form can tell. The oracles of the rule, asked about the
flows as seen, give the rows that the file must lead to.
"""

import csv
import gzip
import io
import json
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from ipaddress import ip_address
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.contracts import text_samples as lines
from tests.contracts import windows
from tests.oracles.flow import SECOND_US, Flow
from tests.properties.strategies import to_rows
from tests.wire import build

BASE_US = 1_772_445_600_000_000  # 2026-03-02 10:00:00 UTC
SERVER = "10.0.0.10"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def zst(content: bytes) -> bytes:
    return pa.Codec("zstd").compress(content, asbytes=True)


PACKED: Mapping[str, Callable[[bytes], bytes]] = {"": bytes, ".gz": gzip.compress, ".zst": zst}

Seen = Callable[[Flow], Flow]


def flow(number: int, at_ms: int, length_ms: int, src: tuple[str, int], dest: tuple[str, int], **other: Any) -> Flow:
    start_us = BASE_US + at_ms * 1000
    return Flow(f"C{number:02}", start_us, start_us + length_ms * 1000, *src, *dest, **other)


FLOWS = (
    flow(1, 0, 500, ("10.0.0.1", 50001), (SERVER, 135)),
    flow(2, 120, 900, ("10.0.0.1", 50002), (SERVER, 49664)),
    # Linux: client ports below 49152
    flow(3, 10_000, 40, ("10.0.0.2", 40000), (SERVER, 135)),
    flow(4, 10_500, 40, ("10.0.0.2", 40001), (SERVER, 49664)),
    # two endpoint connections of one mapper connection, the second after the published window
    flow(5, 20_000, 4_000, ("10.0.0.3", 50010), (SERVER, 135)),
    flow(6, 21_999, 10, ("10.0.0.3", 50011), (SERVER, 49670)),
    flow(7, 25_250, 10, ("10.0.0.3", 50012), (SERVER, 49671)),
    # a mapper connection without length, an endpoint connection exactly 2 s later
    flow(8, 30_000, 0, ("10.0.0.4", 50020), (SERVER, 135)),
    flow(9, 32_000, 0, ("10.0.0.4", 50021), (SERVER, 49664)),
    # an endpoint known from others
    flow(10, 40_000, 10, ("10.0.0.5", 50030), (SERVER, 49664)),
    # an attempt
    flow(11, 50_000, 10, ("10.0.0.6", 50040), (SERVER, 135)),
    flow(12, 50_250, 0, ("10.0.0.6", 50041), (SERVER, 49672), is_established=False),
    # IPv6
    flow(13, 60_000, 10, ("2001:db8::1", 50050), ("2001:db8::a", 135)),
    flow(14, 60_001, 10, ("2001:db8::1", 50051), ("2001:db8::a", 65535)),
    # not RPC: UDP, and another port
    flow(15, 70_000, 10, ("10.0.0.7", 50060), (SERVER, 135), transport_protocol="udp"),
    flow(16, 70_500, 10, ("10.0.0.7", 50061), (SERVER, 443)),
)


@dataclass(frozen=True)
class Form:
    """One way to write the flows down."""

    name: str
    file: str
    write: Callable[[Sequence[Flow]], bytes]
    seen: Seen
    reader: str
    mapping: tuple[str, ...] = ()
    records: int = len(FLOWS)
    needs: str = ""
    tells: Callable[[Flow], bool] = lambda _: True


def generated_id(seen: Flow) -> str:
    return f"{seen.src_ip}:{seen.src_port}>{seen.dest_ip}:{seen.dest_port}@{seen.start_us}"


def whole(seen: Flow) -> Flow:
    return seen


def without(**unknown: Any) -> Seen:
    """The flow without what the form does not tell; `flow_id=None` is replaced by the generated id."""

    def change(seen: Flow) -> Flow:
        changed = replace(seen, **unknown)
        return replace(changed, flow_id=generated_id(changed)) if changed.flow_id is None else changed

    return change


def time(us: int, zone: timezone = UTC) -> datetime:
    return (EPOCH + timedelta(microseconds=us)).astimezone(zone)


def iso(us: int, zone: timezone = UTC, timespec: str = "microseconds") -> str:
    return time(us, zone).isoformat(timespec=timespec).replace("+00:00", "Z")


# --- Zeek

ZEEK_KINDS = {
    "ts": "time", "uid": "string", "id.orig_h": "addr", "id.orig_p": "port", "id.resp_h": "addr", "id.resp_p": "port",
    "proto": "enum", "service": "string", "duration": "interval", "orig_bytes": "count", "conn_state": "string",
    "local_orig": "bool", "history": "string", "tunnel_parents": "set[string]",
}  # fmt: skip


def zeek_record(seen: Flow) -> dict[str, Any]:
    end_us = seen.start_us if seen.end_us is None else seen.end_us
    return {
        "ts": seen.start_us / SECOND_US,
        "uid": seen.flow_id,
        "id.orig_h": seen.src_ip,
        "id.orig_p": seen.src_port,
        "id.resp_h": seen.dest_ip,
        "id.resp_p": seen.dest_port,
        "proto": seen.transport_protocol,
        "service": None,
        "duration": (end_us - seen.start_us) / SECOND_US or None,
        "orig_bytes": 100,
        "conn_state": "S0" if seen.is_established is False else "SF",
        "local_orig": None,
        "history": "S" if seen.is_established is False else "ShADadFf" if seen.transport_protocol == "tcp" else "Dd",
        "tunnel_parents": None,
    }


def zeek_header(fields: Iterable[str], path: str = "conn") -> str:
    fields = list(fields)
    return "".join(
        f"{line}\n"
        for line in (
            "#separator \\x09",
            "#set_separator\t,",
            "#empty_field\t(empty)",
            "#unset_field\t-",
            f"#path\t{path}",
            "#open\t2026-03-02-11-00-00",
            "\t".join(["#fields", *fields]),
            "\t".join(["#types", *(ZEEK_KINDS.get(name, "string") for name in fields)]),
        )
    )


def zeek_line(record: Mapping[str, Any], fields: Iterable[str]) -> str:
    cells = [record[name] for name in fields]
    return "\t".join("-" if cell is None else f"{cell:.6f}" if isinstance(cell, float) else str(cell) for cell in cells)


def zeek_tsv(flows: Sequence[Flow], fields: Iterable[str] = tuple(ZEEK_KINDS)) -> bytes:
    lines = [zeek_line(zeek_record(seen), fields) for seen in flows]
    return (zeek_header(fields) + "\n".join(lines) + "\n#close\t2026-03-02-12-00-00\n").encode()


def zeek_json(flows: Sequence[Flow], *, is_dotted: bool = True, is_iso: bool = False, **more: Any) -> bytes:
    lines: list[str] = []
    for seen in flows:
        record = {name: value for name, value in zeek_record(seen).items() if value is not None} | more
        if is_iso:
            record["ts"] = iso(seen.start_us)
        if not is_dotted:
            record = {name.replace("id.", "id_"): value for name, value in record.items()}
        lines.append(json.dumps(record))
    return ("\n".join(lines) + "\n").encode()


SHUFFLED = ("id.resp_p", "proto", "id.resp_h", "ts", "id.orig_p", "duration", "id.orig_h", "history", "uid")
FEWEST = ("ts", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p")
NOTHING_MORE = {"flow_id": None, "end_us": None, "is_established": None, "transport_protocol": None}


# --- nfdump: one-way halves, answers first, as no order is promised


def halves(flows: Sequence[Flow]) -> list[tuple[Flow, str]]:
    """Each direction of each flow, with its TCP flags."""
    found: list[tuple[Flow, str]] = []
    for seen in flows:
        end_us = seen.start_us if seen.end_us is None else seen.end_us
        flags = (
            "........" if seen.transport_protocol != "tcp" else "......S." if not seen.is_established else "...AP.SF"
        )
        if seen.is_established:
            begun = min(seen.start_us + 1000, end_us)
            back = replace(seen, start_us=begun, src_ip=seen.dest_ip, src_port=seen.dest_port)
            found.append((replace(back, dest_ip=seen.src_ip, dest_port=seen.src_port), flags))
        found.append((seen, flags))
    return found


HALVES = len(halves(FLOWS))
PROTOCOLS = {"tcp": 6, "udp": 17}


def paired(seen: Flow) -> Flow:
    """What pairing makes of the halves: no id of its own, no state for UDP."""
    return without(flow_id=None, is_established=seen.is_established if seen.transport_protocol == "tcp" else None)(seen)


def paired_seconds(seen: Flow) -> Flow:
    end_us = seen.start_us if seen.end_us is None else seen.end_us
    return paired(
        replace(seen, start_us=seen.start_us // SECOND_US * SECOND_US, end_us=end_us // SECOND_US * SECOND_US)
    )


def nfdump_record(half: Flow, flags: str) -> dict[str, Any]:
    family = "6" if ":" in half.src_ip else "4"
    return {
        "type": "FLOW",
        "sampled": 0,
        "export_sysid": 1,
        "first": iso(half.start_us, timespec="milliseconds").removesuffix("Z"),
        "last": iso(half.end_us or 0, timespec="milliseconds").removesuffix("Z"),
        "received": iso(half.end_us or 0, timespec="milliseconds").removesuffix("Z"),
        "in_packets": 5,
        "in_bytes": 774,
        "proto": PROTOCOLS[half.transport_protocol or ""],
        "tcp_flags": flags,
        "src_port": half.src_port,
        "dst_port": half.dest_port,
        "src_tos": 0,
        f"src{family}_addr": half.src_ip,
        f"dst{family}_addr": half.dest_ip,
        "label": "<none>",
    }


def nfdump_json(flows: Sequence[Flow], *, is_quiet: bool = False) -> bytes:
    """As nfdump 1.7.1 lays it out; with -q it leaves the brackets away."""
    members: list[str] = []
    for half, flags in halves(flows):
        record = nfdump_record(half, flags)
        body = ",\n".join(f"\t{json.dumps(name)} : {json.dumps(value)}" for name, value in record.items())
        members.append(f"{{\n{body}\n}}")
    text = ",\n".join(members)
    return (f"{text}\n" if is_quiet else f"[\n{text}]\n").encode()


def nfdump_ndjson(flows: Sequence[Flow]) -> bytes:
    lines = [json.dumps(nfdump_record(*half), separators=(",", ":")) for half in halves(flows)]
    return ("\n".join(lines) + "\n").encode()


OLD = (
    "ts,te,td,sa,da,sp,dp,pr,flg,fwd,stos,ipkt,ibyt,opkt,obyt,in,out,sas,das,smk,dmk,dtos,dir,nh,nhb,svln,dvln,ismc,odmc,idmc,"
    "osmc,mpls1,mpls2,mpls3,mpls4,mpls5,mpls6,mpls7,mpls8,mpls9,mpls10,cl,sl,al,ra,eng,exid,tr"
)
OLD_REST = (
    "0,0,5,774,0,0,0,0,0,0,0,0,0,0,0.0.0.0,0.0.0.0,0,0,00:00:00:00:00:00,00:00:00:00:00:00,00:00:00:00:00:00,00:00:00:00:00:00,"
    "0-0-0,0-0-0,0-0-0,0-0-0,0-0-0,0-0-0,0-0-0,0-0-0,0-0-0,0-0-0,    0.000,    0.000,    0.000,127.0.0.1,0/0,1,"
    "2026-03-02 11:00:00.000"
)
SUMMARY = "Summary\nflows,bytes,packets,avg_bps,avg_pps,avg_bpp\n31,23994,155,4856000,5500,110\n"


def nfdump_old(flows: Sequence[Flow], *, is_quiet: bool = False) -> bytes:
    lines: list[str] = []
    for half, flags in halves(flows):
        end_us = half.end_us or 0
        first, last = (time(us).strftime("%Y-%m-%d %H:%M:%S") for us in (half.start_us, end_us))
        lines.append(
            f"{first},{last},{(end_us - half.start_us) / SECOND_US:.3f},{half.src_ip},{half.dest_ip},{half.src_port},"
            f"{half.dest_port},{(half.transport_protocol or '').upper()},{flags},{OLD_REST}"
        )
    text = "\n".join(lines) + "\n"
    return (text if is_quiet else f"{OLD}\n{text}{SUMMARY}").encode()


def nfdump_fast(flows: Sequence[Flow]) -> bytes:
    lines = [
        "cnt,af,firstSeen,lastSeen,proto,srcAddr,srcPort,dstAddr,dstPort,srcAS,dstAS,input,output,flags,srcTos,packets,bytes"
    ]
    lines += [
        f"{number},{10 if ':' in half.src_ip else 2},{half.start_us // 1000},{(half.end_us or 0) // 1000},"
        f"{PROTOCOLS[half.transport_protocol or '']},{half.src_ip},{half.src_port},{half.dest_ip},{half.dest_port},"
        f"0,0,0,0,{flags},0,5,774"
        for number, (half, flags) in enumerate(halves(flows), 1)
    ]
    return ("\n".join(lines) + "\n").encode()


def nfdump_new(flows: Sequence[Flow]) -> bytes:
    lines = ["firstSeen,duration,proto,srcAddr,srcPort,dstAddr,dstPort,packets,bytes,flows"]
    lines += [
        f"{time(half.start_us):%Y-%m-%d %H:%M:%S}.{half.start_us // 1000 % 1000:03},"
        f"{((half.end_us or 0) - half.start_us) / SECOND_US:.3f},{(half.transport_protocol or '').upper()},"
        f"{half.src_ip},{half.src_port},{half.dest_ip},{half.dest_port},5,774,1"
        for half, _ in halves(flows)
    ]
    return ("\n".join(lines) + "\n").encode()


def nfcapd(flows: Sequence[Flow]) -> bytes:
    """nfdump's own file: layout 2 of its `nffile.h`, uncompressed; records of type V3 with generic and address extensions."""
    records = [_nfcapd_record(*half) for half in halves(flows)]
    body = b"".join(records)
    block = struct.pack("<IIHH", len(records), len(body), 3, 0) + body
    ident = b"none\0"
    statistics = struct.pack("<18Q", *([0] * 18))
    appendix = b"".join(
        struct.pack("<HH", kind, 4 + len(data)) + data for kind, data in ((0x8001, ident), (0x8002, statistics))
    )
    appendix = struct.pack("<IIHH", 2, len(appendix), 3, 0) + appendix
    head = struct.pack("<HHIQBBHIQII", 0xA50C, 2, 0xF1070100, 0, 0, 0, 1, 0, 40 + len(block), 1 << 20, 1)
    return head + block + appendix


def _nfcapd_record(half: Flow, flags: str) -> bytes:
    bits = sum(1 << place for place, flag in enumerate(reversed(flags)) if flag != ".")
    first, last = half.start_us // 1000, (half.end_us or 0) // 1000
    protocol = PROTOCOLS[half.transport_protocol or ""]
    generic = struct.pack(
        "<QQQQQHHBBBB", first, last, last, 5, 774, half.src_port, half.dest_port, protocol, bits, 0, 0
    )
    words = [ip_address(address).packed for address in (half.src_ip, half.dest_ip)]
    size = 8 if len(words[0]) == 16 else 4
    ends = b"".join(word[at : at + size][::-1] for word in words for at in range(0, len(word), size))
    body = (
        struct.pack("<HH", 1, 4 + len(generic))
        + generic
        + struct.pack("<HH", 3 if size == 8 else 2, 4 + len(ends))
        + ends
    )
    return struct.pack("<HHHBBHBB", 11, 12 + len(body), 2, 0, 0, 0, 0, 5) + body


# --- delimited text


def table(
    columns: Mapping[str, Callable[[Flow], object]],
    *,
    delimiter: str = ",",
    quoting: int = csv.QUOTE_MINIMAL,
    end: str = "\n",
) -> Callable[[Sequence[Flow]], bytes]:
    """A writer of the given columns."""

    def write(flows: Sequence[Flow]) -> bytes:
        text = io.StringIO()
        writer = csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=end)
        writer.writerow(columns)
        writer.writerows([value(seen) for value in columns.values()] for seen in flows)
        return text.getvalue().encode()

    return write


ENDS: dict[str, Callable[[Flow], object]] = {
    "src_ip": lambda seen: seen.src_ip,
    "src_port": lambda seen: seen.src_port,
    "dest_ip": lambda seen: seen.dest_ip,
    "dest_port": lambda seen: seen.dest_port,
}
STATE: dict[str, Callable[[Flow], object]] = {
    "flow_id": lambda seen: seen.flow_id,
    "transport_protocol": lambda seen: seen.transport_protocol,
    "is_established": lambda seen: str(seen.is_established).lower(),
}


def timed(
    start: Callable[[int], object], name: str = "start_time", **options: Any
) -> Callable[[Sequence[Flow]], bytes]:
    """A writer of our own names, with the start as given and the end beside it."""
    end = name.replace("start", "end")
    times = {name: lambda seen: start(seen.start_us), end: lambda seen: start(seen.end_us)}
    return table({**STATE, **times, **ENDS, "note": lambda _: "a, b; c"}, **options)


def renamed(
    names: Mapping[str, str], start: Callable[[int], object], more: Mapping[str, str]
) -> Callable[[Sequence[Flow]], bytes]:
    """A writer of the start and the ends under other names, and of constants."""
    values: dict[str, Callable[[Flow], object]] = {**ENDS, **STATE, "start_time": lambda seen: start(seen.start_us)}
    columns = {column: values[name] for name, column in names.items()}
    return table({**columns, **{name: lambda _, text=text: text for name, text in more.items()}})


OPTC = {
    "objectID": "flow_id", "timestamp": "start_time", "properties.src_ip": "src_ip", "properties.src_port": "src_port",
    "properties.dest_ip": "dest_ip", "properties.dest_port": "dest_port", "properties.l4protocol": "transport_protocol",
}  # fmt: skip
ECS = {
    "@timestamp": "start_time", "source.ip": "src_ip", "source.port": "src_port", "destination.ip": "dest_ip",
    "destination.port": "dest_port", "network.transport": "transport_protocol", "event.id": "flow_id",
}  # fmt: skip
FOREIGN = {
    "When": "start_time", "Who": "src_ip", "From Port": "src_port", 'To "Whom"': "dest_ip", "To Port": "dest_port",
    "a'); drop table reading; --": "transport_protocol",
}  # fmt: skip


def turned_round(names: Mapping[str, str]) -> dict[str, str]:
    return {name: column for column, name in names.items()}


# --- Parquet


def parquet(
    columns: Mapping[str, pa.DataType | None], *, names: Mapping[str, str] | None = None, per: int = 1
) -> Callable[[Sequence[Flow]], bytes]:
    """A writer of our own table, columns cast as given, then renamed; `per` divides times that are written as numbers."""

    def write(flows: Sequence[Flow]) -> bytes:
        rows = to_rows(list(flows))
        made: dict[str, pa.Array] = {}
        for name, kind in columns.items():
            values = pa.array([row[name] for row in rows])
            if kind is not None and pa.types.is_integer(kind) and name.endswith("_time"):
                values = pa.array([None if us is None else us // per for us in values.cast(pa.int64()).to_pylist()])
            made[(names or {}).get(name, name)] = values if kind is None else values.cast(kind)
        sink = io.BytesIO()
        pq.write_table(pa.table(made), sink)
        return sink.getvalue()

    return write


OWN_TYPES: dict[str, pa.DataType | None] = {
    "flow_id": None, "start_time": None, "end_time": None, "src_ip": None, "src_port": pa.int32(), "dest_ip": None, "dest_port": pa.int32(),
    "transport_protocol": None, "is_established": None, "is_oriented": None, "observer": None, "source": None,
}  # fmt: skip
BARE_TYPES: dict[str, pa.DataType | None] = {
    "start_time": pa.int64(), "src_ip": None, "src_port": pa.uint16(), "dest_ip": None, "dest_port": pa.int64(),
}  # fmt: skip


def zoned(unit: str) -> dict[str, pa.DataType | None]:
    kind = pa.timestamp(unit, "America/New_York")
    return {**OWN_TYPES, "start_time": kind, "end_time": kind, "src_port": pa.string(), "dest_port": pa.string()}


# --- captures


def packets(flows: Sequence[Flow]) -> list[build.Timed]:
    """Each flow as packets, all flows' in the order of their times: a handshake, data both ways, and the ends."""
    timed: list[build.Timed] = []
    for number, seen in enumerate(flows):
        end_us = seen.start_us if seen.end_us is None else seen.end_us
        middle_us = (seen.start_us + end_us) // 2
        if seen.transport_protocol != "tcp":
            timed.append((seen.start_us, _packet(seen, build.udp(seen.src_port, seen.dest_port, b"asked"), 17)))
            continue
        first, answer = 1000 * number, 500_000 + number
        ask, tell = (
            (b"", b"") if seen.dest_port == 135 else (b"hello", b"hello you")
        )  # to the mapper it would have to be DCE/RPC
        exchange = [
            (seen.start_us, True, build.SYN, first, b""),
            (seen.start_us, False, build.SYN | build.ACK, answer, b""),
            (middle_us, True, build.ACK, first + 1, ask),
            (middle_us, False, build.ACK | build.PSH, answer + 1, tell),
            (end_us, True, build.ACK | build.FIN, first + 1 + len(ask), b""),
            (end_us, False, build.ACK | build.FIN, answer + 1 + len(tell), b""),
        ]
        for time_us, is_out, flags, seq, payload in exchange if seen.is_established else exchange[:1]:
            way = (
                seen
                if is_out
                else replace(
                    seen, src_ip=seen.dest_ip, src_port=seen.dest_port, dest_ip=seen.src_ip, dest_port=seen.src_port
                )
            )
            body = build.tcp(way.src_port, way.dest_port, flags, seq, 1, payload)
            timed.append((time_us, _packet(way, body, 6)))
    return sorted(timed, key=lambda each: each[0])


def _packet(way: Flow, body: bytes, protocol: int) -> bytes:
    write = build.ipv6 if ":" in way.src_ip else build.ipv4
    return build.ethernet(write(body, way.src_ip, way.dest_ip, protocol))


CAPTURED = {
    "seen": without(flow_id=None),
    "reader": "pcap",
    "records": sum(each.transport_protocol == "tcp" for each in FLOWS),
    "tells": lambda seen: seen.transport_protocol == "tcp",
}


def _text_forms() -> Iterable[Form]:
    """Text and cloud flow logs."""
    for name, file, write, seen in (
        ("aws-vpc", "flows.log", lines.aws(lines.VERSION_5), lines.in_windows),
        ("aws-vpc-shuffled", "flows.log", lines.aws(lines.SHUFFLED), lines.in_windows),
        ("aws-vpc-parquet", "flows.log.parquet", lines.aws_parquet, lines.in_windows),
        ("aws-vpc-2", "flows.log", lines.aws(lines.VERSION_2), lines.in_windows_without_flags),
        (
            "aws-vpc-2-headless",
            "flows.log",
            lines.aws(lines.VERSION_2, has_header=False),
            lines.in_windows_without_flags,
        ),
        (
            "aws-vpc-2-cloudwatch",
            "000000",
            lines.aws(lines.VERSION_2, prefix="2026-03-02T11:00:00.000Z ", has_header=False),
            lines.in_windows_without_flags,
        ),
    ):
        yield Form(name, file, write, seen, "aws_vpc", records=HALVES)
    second, milli = lines.denied_or_unknown(SECOND_US), lines.denied_or_unknown(1000)
    yield Form("azure-nsg-1", "PT1H.json", lines.azure("nsg1"), second, "azure_flow")
    yield Form("azure-nsg-2", "PT1H.json", lines.azure("nsg2"), second, "azure_flow")
    yield Form("azure-nsg-2-lines", "nsg.json", lines.azure("nsg2", is_wrapped=False), second, "azure_flow")
    yield Form("azure-vnet", "PT1H.json", lines.azure("vnet"), milli, "azure_flow")
    yield Form("azure-vnet-indented", "PT1H.json", lines.azure("vnet", indent=4), milli, "azure_flow")
    yield Form("azure-vnet-lines", "vnet.json", lines.azure("vnet", is_wrapped=False), milli, "azure_flow")
    fewest = "dPort sTime sIP pro dIP duration sPort flags"
    for name, write in (
        ("silk", lines.silk()),
        ("silk-shuffled", lines.silk(fewest)),
        ("silk-iso", lines.silk(form="%Y-%m-%d %H:%M:%S")),
        ("silk-month-first", lines.silk(form="%m/%d/%Y %H:%M:%S")),
        ("silk-epoch", lines.silk(form="epoch")),
        ("silk-plain", lines.silk(delimiter=",", is_plain=True)),
    ):
        yield Form(name, "flows.txt", write, paired, "silk", records=HALVES)
    shuffled = "Dport SrcAddr State Dir StartTime Proto DstAddr Sport Dur"
    for name, write in (
        ("argus", lines.argus()),
        ("argus-shuffled", lines.argus(shuffled)),
        ("argus-epoch", lines.argus(is_epoch=True)),
        ("argus-titles-again", lambda flows: lines.argus()(flows[:5]) + lines.argus()(flows[5:])),
        ("argus-tab", lines.argus(delimiter="\t")),
    ):
        yield Form(name, "flows.binetflow", write, lines.answered_if_tcp, "argus")
    for name, write in (
        ("pfirewall", lines.pfirewall()),
        ("pfirewall-old", lines.pfirewall(is_old=True)),
        ("pfirewall-pid", lines.pfirewall(pid="1234", zone="UTC", end="\n")),
    ):
        yield Form(name, "pfirewall.log", write, second, "pfirewall")


BARE = without(**NOTHING_MORE)
NO_STATE = without(end_us=None, is_established=None)
FORMS = (
    Form("zeek-tsv", "conn.log", zeek_tsv, whole, "zeek"),
    Form(
        "zeek-tsv-shuffled", "conn.log", lambda flows: zeek_tsv(flows, SHUFFLED), without(is_established=None), "zeek"
    ),
    Form("zeek-tsv-fewest", "conn.log", lambda flows: zeek_tsv(flows, FEWEST), BARE, "zeek"),
    Form("zeek-json-dotted", "conn.json", zeek_json, whole, "zeek"),
    Form("zeek-json-dotted-path", "all.json", lambda flows: zeek_json(flows, _path="conn"), whole, "zeek"),
    Form("zeek-json-underscored", "conn.json", lambda flows: zeek_json(flows, is_dotted=False), whole, "zeek"),
    Form(
        "zeek-json-stream-iso",
        "conn.json",
        lambda flows: zeek_json(flows, is_dotted=False, is_iso=True, **{"@stream": "conn", "@system": "sensor1"}),
        without(observer="sensor1"),
        "zeek",
    ),
    Form("nfdump-json", "flows.json", nfdump_json, paired, "nfdump", records=HALVES),
    Form(
        "nfdump-json-quiet",
        "flows.json",
        lambda flows: nfdump_json(flows, is_quiet=True),
        paired,
        "nfdump",
        records=HALVES,
    ),
    Form("nfdump-ndjson", "flows.json", nfdump_ndjson, paired, "nfdump", records=HALVES),
    Form("nfdump-csv-old", "flows.csv", nfdump_old, paired_seconds, "nfdump", records=HALVES),
    Form(
        "nfdump-csv-old-quiet",
        "flows.csv",
        lambda flows: nfdump_old(flows, is_quiet=True),
        paired_seconds,
        "nfdump",
        records=HALVES,
    ),
    Form("nfdump-csv-fast", "flows.csv", nfdump_fast, paired, "nfdump", records=HALVES),
    Form(
        "nfdump-csv-new", "flows.csv", nfdump_new, without(flow_id=None, is_established=None), "nfdump", records=HALVES
    ),
    Form("nfcapd", "nfcapd.202603021000", nfcapd, paired, "nfdump", records=HALVES, needs="nfdump"),
    Form("csv-own", "flows.csv", timed(iso), whole, "csv"),
    Form("csv-zone", "flows.csv", timed(lambda us: iso(us, timezone(timedelta(hours=5, minutes=30)))), whole, "csv"),
    Form("csv-no-zone", "flows.csv", timed(lambda us: iso(us).removesuffix("Z")), whole, "csv"),
    Form("csv-blank-in-time", "flows.csv", timed(lambda us: iso(us).replace("T", " ")), whole, "csv"),
    Form("csv-epoch-s", "flows.csv", timed(lambda us: f"{us / SECOND_US:.6f}"), whole, "csv"),
    Form("csv-epoch-ms", "flows.csv", timed(lambda us: us // 1000), whole, "csv"),
    Form("csv-epoch-us", "flows.csv", timed(lambda us: us), whole, "csv"),
    Form("csv-epoch-ns", "flows.csv", timed(lambda us: us * 1000), whole, "csv"),
    Form("csv-semicolon", "flows.txt", timed(iso, delimiter=";"), whole, "csv"),
    Form("csv-tab", "flows.tsv", timed(iso, delimiter="\t"), whole, "csv"),
    Form("csv-bar", "flows.txt", timed(iso, delimiter="|"), whole, "csv"),
    Form("csv-quoted", "flows.csv", timed(iso, quoting=csv.QUOTE_ALL), whole, "csv"),
    Form("csv-bom", "flows.csv", lambda flows: b"\xef\xbb\xbf" + timed(iso)(flows), whole, "csv"),
    Form("csv-crlf", "flows.csv", timed(iso, end="\r\n"), whole, "csv"),
    Form("csv-ecs", "flows.csv", renamed(turned_round(ECS), iso, {"event.kind": "event"}), NO_STATE, "csv"),
    Form(
        "csv-optc",
        "flows.csv",
        renamed(
            turned_round(OPTC),
            lambda us: iso(us, timezone(timedelta(hours=-4)), "milliseconds"),
            {"hostname": "ws1.lab", "action": "START"},
        ),
        without(end_us=None, is_established=None, observer="ws1.lab"),
        "csv",
    ),
    Form(
        "csv-mapped",
        "flows.csv",
        renamed(turned_round(FOREIGN), lambda us: us // 1000, {"x": "1"}),
        without(flow_id=None, end_us=None, is_established=None),
        "csv",
        tuple(f"{name}={column}{':epoch_ms' * (name == 'start_time')}" for column, name in FOREIGN.items()),
    ),
    Form("parquet-own", "flows.parquet", parquet(OWN_TYPES), whole, "parquet"),
    Form("parquet-zoned-ns", "flows.parquet", parquet(zoned("ns")), whole, "parquet"),
    Form("parquet-zoned-ms", "flows.parquet", parquet(zoned("ms")), whole, "parquet"),
    Form(
        "parquet-mapped",
        "flows.parquet",
        parquet(BARE_TYPES, names=turned_round(FOREIGN), per=1000),
        BARE,
        "parquet",
        tuple(
            f"{name}={column}{':epoch_ms' * (name == 'start_time')}"
            for column, name in FOREIGN.items()
            if name in BARE_TYPES
        ),
    ),
    Form(
        "parquet-epoch-us", "flows.parquet", parquet(BARE_TYPES), BARE, "parquet", ("start_time=start_time:epoch_us",)
    ),
    Form("parquet-epoch-found", "flows.parquet", parquet(BARE_TYPES, per=1000), BARE, "parquet"),
    Form("pcap", "traffic.pcap", lambda flows: build.pcap(packets(flows)), **CAPTURED),
    Form(
        "pcap-big-endian-ns",
        "traffic.cap",
        lambda flows: build.pcap(packets(flows), order=">", magic=0xA1B23C4D),
        **CAPTURED,
    ),
    Form("pcapng", "traffic.pcapng", lambda flows: build.pcapng(packets(flows)), **CAPTURED),
    *_text_forms(),
    *(Form(name, file, write, windows.numbered, reader) for name, (file, reader, write) in windows.WRITTEN.items()),
    Form(
        "windows-powershell",
        "events.json",
        windows.powershell,
        without(flow_id=None, observer=windows.HOST, end_us=None, is_established=None),
        "windows_json",
    ),
)
