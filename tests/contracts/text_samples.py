"""Flows written down as text and cloud flow logs have them, field by field from the vendors' specifications."""

import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq

from tests.oracles.flow import SECOND_US, Flow

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
INTERFACE = "eni-1235b8ca123456789"
MAC = "000D3AF87856"
NUMBERS = {"tcp": 6, "udp": 17}


@dataclass(frozen=True)
class Half:
    """One direction of a flow."""

    flow: Flow
    is_answer: bool

    @property
    def ends(self) -> tuple[str, int, str, int]:
        seen = self.flow
        if self.is_answer:
            return seen.dest_ip, seen.dest_port, seen.src_ip, seen.src_port
        return seen.src_ip, seen.src_port, seen.dest_ip, seen.dest_port

    @property
    def start_us(self) -> int:
        return min(self.flow.start_us + 1000, self.end_us) if self.is_answer else self.flow.start_us

    @property
    def end_us(self) -> int:
        return self.flow.start_us if self.flow.end_us is None else self.flow.end_us

    @property
    def number(self) -> int:
        return NUMBERS[self.flow.transport_protocol or ""]


def halves(flows: Sequence[Flow]) -> Iterator[Half]:
    """Answers first, as no order is promised."""
    for seen in flows:
        if seen.is_established:
            yield Half(seen, is_answer=True)
        yield Half(seen, is_answer=False)


def text(us: int, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    """A time; a year of more than four digits, or before the first, is no time that a log could hold."""
    try:
        return (EPOCH + timedelta(microseconds=us)).strftime(form)
    except OverflowError:
        return str(us)


# --- AWS VPC

VERSION_2 = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"
)
VERSION_5 = (
    "version vpc-id subnet-id instance-id interface-id account-id type srcaddr dstaddr srcport dstport pkt-srcaddr pkt-dstaddr "
    "protocol bytes packets start end action tcp-flags log-status flow-direction traffic-path"
)
SHUFFLED = "start dstport srcport tcp-flags dstaddr srcaddr end protocol packets bytes log-status action note"


def aws_cells(half: Half) -> dict[str, object]:
    src_ip, src_port, dest_ip, dest_port = half.ends
    is_tcp, is_talk = half.number == 6, bool(half.flow.is_established)
    return {
        "version": 5,
        "vpc-id": "vpc-abcdefab012345678",
        "subnet-id": "subnet-aaaaaaaa012345678",
        "instance-id": "i-01234567890123456",
        "interface-id": INTERFACE,
        "account-id": 123456789010,
        "type": "IPv6" if ":" in src_ip else "IPv4",
        "srcaddr": src_ip,
        "dstaddr": dest_ip,
        "srcport": src_port,
        "dstport": dest_port,
        "pkt-srcaddr": src_ip,
        "pkt-dstaddr": dest_ip,
        "protocol": half.number,
        "packets": 7 if is_talk else 3,
        "bytes": 1450 if is_talk else 156,
        "start": half.start_us // SECOND_US,
        "end": half.end_us // SECOND_US,
        "action": "ACCEPT",
        "tcp-flags": 0 if not is_tcp else 19 if half.is_answer else 3 if is_talk else 2,
        "log-status": "OK",
        "flow-direction": "egress" if half.is_answer else "ingress",
        "traffic-path": "-",
        "note": "-",
    }


def aws(fields: str, *, prefix: str = "", has_header: bool = True) -> Callable[[Sequence[Flow]], bytes]:
    def write(flows: Sequence[Flow]) -> bytes:
        lines = [fields] if has_header else []
        for half in halves(flows):
            cells = aws_cells(half) | ({} if "tcp-flags" in fields else {"version": 2})
            lines.append(prefix + " ".join(str(cells[name]) for name in fields.split()))
        return "".join(f"{line}\n" for line in lines).encode()

    return write


def aws_parquet(flows: Sequence[Flow]) -> bytes:
    rows = [aws_cells(half) for half in halves(flows)]
    kinds = {"srcport": pa.int32(), "dstport": pa.int32(), "protocol": pa.int32(), "tcp-flags": pa.int32()}
    kinds |= dict.fromkeys(("start", "end", "packets", "bytes"), pa.int64())
    columns = {
        name.replace("-", "_"): pa.array(
            [row[name] if name in kinds else str(row[name]) for row in rows], kinds.get(name)
        )
        for name in VERSION_5.split()
    }
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


def in_windows(seen: Flow) -> Flow:
    """Whole seconds, no id; whether a connection was answered only of TCP."""
    end_us = seen.start_us if seen.end_us is None else seen.end_us
    changed = replace(
        seen,
        start_us=seen.start_us // SECOND_US * SECOND_US,
        end_us=end_us // SECOND_US * SECOND_US,
        is_established=seen.is_established if seen.transport_protocol == "tcp" else None,
    )
    return named(changed)


def in_windows_without_flags(seen: Flow) -> Flow:
    """Nothing tells whether it was answered, nor who called where both halves begin in one second and nobody asked the mapper."""
    asked = seen.flow_id != "C10"
    return replace(in_windows(seen), is_established=None, is_oriented=asked)


def named(seen: Flow) -> Flow:
    """With the id that a record without one gets."""
    ends = f"{seen.src_ip}:{seen.src_port}>{seen.dest_ip}:{seen.dest_port}"
    return replace(seen, flow_id=f"{ends}@{seen.start_us}")


# --- Azure


def nsg_tuple(seen: Flow, version: int = 2) -> str:
    decision = "D" if seen.is_established is False else "A"
    letter = {"tcp": "T", "udp": "U"}[seen.transport_protocol or ""]
    ends = f"{seen.src_ip},{seen.dest_ip},{seen.src_port},{seen.dest_port}"
    return f"{seen.start_us // SECOND_US},{ends},{letter},I,{decision}" + (",B,,,," if version > 1 else "")


def vnet_tuple(seen: Flow) -> str:
    ends = f"{seen.src_ip},{seen.dest_ip},{seen.src_port},{seen.dest_port},{NUMBERS[seen.transport_protocol or '']}"
    return f"{seen.start_us // 1000},{ends},O,{'D' if seen.is_established is False else 'B'},NX,0,0,0,0"


def nsg_record(found: Sequence[str], version: int = 2) -> dict[str, object]:
    return {
        "time": "2026-03-02T11:00:00.0000000Z",
        "systemId": "11112222-aaaa-bbbb-cccc-333344445555",
        "category": "NetworkSecurityGroupFlowEvent",
        "resourceId": "/SUBSCRIPTIONS/{0}/RESOURCEGROUPS/FABRIKAMRG",
        "operationName": "NetworkSecurityGroupFlowEvents",
        "properties": {
            "Version": version,
            "flows": [{"rule": 'a "rule" \\{', "flows": [{"mac": MAC, "flowTuples": list(found)}]}],
        },
    }


def vnet_record(found: Sequence[str]) -> dict[str, object]:
    return {
        "time": "2026-03-02T11:00:00.0000000Z",
        "flowLogVersion": 4,
        "flowLogGUID": "66aa66aa-bb77-cc88-dd99-00ee00ee00ee",
        "macAddress": MAC,
        "category": "FlowLogFlowEvent",
        "operationName": "FlowLogFlowEvent",
        "flowRecords": {
            "flows": [{"aclID": "00aa00aa", "flowGroups": [{"rule": "Default}Rule", "flowTuples": list(found)}]}]
        },
    }


def azure(kind: str, *, is_wrapped: bool = True, indent: int | None = None) -> Callable[[Sequence[Flow]], bytes]:
    """Records of a few tuples each, in one blob, or one a line."""

    def write(flows: Sequence[Flow]) -> bytes:
        made: list[dict[str, object]] = []
        for place in range(0, len(flows), 5):
            part = flows[place : place + 5]
            if kind == "vnet":
                made.append(vnet_record([vnet_tuple(seen) for seen in part]))
            else:
                version = int(kind[-1])
                made.append(nsg_record([nsg_tuple(seen, version) for seen in part], version))
        if is_wrapped:
            return json.dumps({"records": made}, indent=indent).encode()
        return "".join(f"{json.dumps(record)}\n" for record in made).encode()

    return write


def denied_or_unknown(unit_us: int) -> Callable[[Flow], Flow]:
    """A start on a clock of that many microseconds; that it was allowed does not say that it was answered."""

    def seen(flow: Flow) -> Flow:
        start_us = flow.start_us // unit_us * unit_us
        return named(
            replace(
                flow, start_us=start_us, end_us=None, is_established=False if flow.is_established is False else None
            )
        )

    return seen


# --- SiLK


def silk_cells(half: Half, form: str) -> dict[str, str]:
    src_ip, src_port, dest_ip, dest_port = half.ends
    is_tcp, is_talk = half.number == 6, bool(half.flow.is_established)

    def time(us: int) -> str:
        if form == "epoch":
            return f"{us / SECOND_US:.3f}"
        return f"{text(us, form)}.{us // 1000 % 1000:03}"

    return {
        "sIP": src_ip,
        "dIP": dest_ip,
        "sPort": str(src_port),
        "dPort": str(dest_port),
        "pro": str(half.number),
        "packets": "5",
        "bytes": "774",
        "flags": ("FS PA" if is_talk else " S") if is_tcp else "",
        "sTime": time(half.start_us),
        "duration": f"{(half.end_us - half.start_us) / SECOND_US:.3f}",
        "eTime": time(half.end_us),
        "sensor": "S0",
    }


WIDTHS = {"sIP": 39, "dIP": 39, "sPort": 5, "dPort": 5, "pro": 3, "flags": 8, "sTime": 23, "eTime": 23}
SILK = "sIP dIP sPort dPort pro packets bytes flags sTime duration eTime sensor"


def silk(
    fields: str = SILK, form: str = "%Y/%m/%dT%H:%M:%S", *, delimiter: str = "|", is_plain: bool = False
) -> Callable[[Sequence[Flow]], bytes]:
    def line(cells: Mapping[str, str]) -> str:
        if is_plain:
            return delimiter.join(cells[name].strip() for name in fields.split())
        padded = (
            cells[name].ljust(8) if name == "flags" and name != cells[name] else cells[name].rjust(WIDTHS.get(name, 10))
            for name in fields.split()
        )
        return delimiter.join(padded) + delimiter

    def write(flows: Sequence[Flow]) -> bytes:
        lines = [line({name: name for name in SILK.split()})]
        lines += [line(silk_cells(half, form)) for half in halves(flows)]
        return "".join(f"{each}\n" for each in lines).encode()

    return write


# --- Argus

ARGUS = "StartTime Dur Proto SrcAddr Sport Dir DstAddr Dport State sTos dTos TotPkts TotBytes SrcBytes Label"


def argus_cells(seen: Flow, *, is_epoch: bool = False) -> dict[str, str]:
    end_us = seen.start_us if seen.end_us is None else seen.end_us
    is_tcp = seen.transport_protocol == "tcp"
    micro = f"{seen.start_us % SECOND_US:06}"
    return {
        "StartTime": f"{seen.start_us // SECOND_US}.{micro}"
        if is_epoch
        else f"{text(seen.start_us, '%Y/%m/%d %H:%M:%S')}.{micro}",
        "Dur": f"{(end_us - seen.start_us) / SECOND_US:.6f}",
        "Proto": seen.transport_protocol or "",
        "SrcAddr": seen.src_ip,
        "Sport": str(seen.src_port),
        "Dir": "   ->" if is_tcp else "  <->",
        "DstAddr": seen.dest_ip,
        "Dport": str(seen.dest_port),
        "State": "CON" if not is_tcp else "FSPA_FSPA" if seen.is_established else "S_",
        "sTos": "0",
        "dTos": "",
        "TotPkts": "4",
        "TotBytes": "276",
        "SrcBytes": "156",
        "Label": "Background",
    }


def argus(fields: str = ARGUS, *, delimiter: str = ",", is_epoch: bool = False) -> Callable[[Sequence[Flow]], bytes]:
    def write(flows: Sequence[Flow]) -> bytes:
        lines = [fields.split()]
        lines += [[argus_cells(seen, is_epoch=is_epoch)[name] for name in fields.split()] for seen in flows]
        return "".join(f"{delimiter.join(cells)}\n" for cells in lines).encode()

    return write


def answered_if_tcp(seen: Flow) -> Flow:
    """No id; state of TCP only."""
    return named(replace(seen, is_established=seen.is_established if seen.transport_protocol == "tcp" else None))


# --- Windows' firewall

PFIREWALL = "date time action protocol src-ip dst-ip src-port dst-port size tcpflags tcpsyn tcpack tcpwin icmptype icmpcode info path"


def pfirewall_line(seen: Flow, *, is_old: bool = False) -> str:
    is_dropped = seen.is_established is False
    action = "DROP" if is_dropped else "OPEN" if is_old else "ALLOW"
    ends = f"{seen.src_ip} {seen.dest_ip} {seen.src_port} {seen.dest_port}"
    rest = "52 S 123 0 8192 - - -" if is_dropped else "0 - 0 0 0 - - -"
    way = "RECEIVE" if is_dropped else "SEND"
    return f"{text(seen.start_us)} {action} {(seen.transport_protocol or '').upper()} {ends} {rest} {way}"


def pfirewall(
    *, is_old: bool = False, pid: str = "", zone: str = "Local", end: str = "\r\n"
) -> Callable[[Sequence[Flow]], bytes]:
    def write(flows: Sequence[Flow]) -> bytes:
        lines = ["#Version: 1.5", "#Software: Microsoft Windows Firewall", f"#Time Format: {zone}"]
        lines += [f"#Fields: {PFIREWALL}{' pid' if pid else ''}", ""]
        lines += [f"{pfirewall_line(seen, is_old=is_old)}{' ' + pid if pid else ''}" for seen in flows]
        return "".join(f"{line}{end}" for line in lines).encode()

    return write
