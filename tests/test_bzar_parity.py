"""Parity with MITRE's BZAR: each of its 87 indicators yields its technique, from a Zeek log, from packets over TCP and in an SMB pipe.

Each indicator is one call by a client of its own, all of them in one file, so that what is found names the indicators that differ.
"""

import csv
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from rpcsight import catalog
from rpcsight.analytics import analytic
from rpcsight.pipeline import Request, opened
from tests import system
from tests.contracts.samples import zeek_header
from tests.wire import pdus, smb_messages
from tests.wire.build import ACK, FIN, SYN, Timed, ethernet, ipv4, pcap, tcp

START = 1_772_445_600
SERVER = "10.0.0.4"
DISCOVERY = {"T1016", "T1018", "T1033", "T1049", "T1069", "T1082", "T1083", "T1087", "T1124", "T1135"}
# BZAR compares "endpoint::operation" letter by letter. Three of its names are not those that Zeek
# (scripts/base/protocols/dce-rpc/consts.zeek) has for the same numbers, so that BZAR can't see these calls; here either name will do.
ZEEK_SAYS = {
    "atsvc::JobAdd": "atsvc::NetrJobAdd",
    "ISecLogon::SeclCreateProcessWithLogonW": "ISeclogon::SeclCreateProcessWithLogonW",
    "ISecLogon::SeclCreateProcessWithLogonExW": "ISeclogon::SeclCreateProcessWithLogonExW",
}
# Techniques that the same call can serve beside BZAR's.
BESIDE = {
    "svcctl::CreateServiceWOW64W": {"T1543.003"},
    "svcctl::CreateServiceWOW64A": {"T1543.003"},
    "svcctl::CreateServiceW": {"T1543.003"},
    "svcctl::CreateServiceA": {"T1543.003"},
    "spoolss::RpcAddPrintProcessor": {"T1547.012"},
    "IRemoteWinspool::RpcAsyncAddPrintProcessor": {"T1547.012"},
    "lsarpc::LsarEnumerateTrustedDomainsEx": {"T1482"},
}


class Indicator(NamedTuple):
    """A line of BZAR's lists, with the numbers that its names stand for, and who calls it here, from which port."""

    client: str
    port: int
    technique: str
    endpoint: str
    operation: str
    interface: str
    opnum: int

    @property
    def text(self) -> str:
        return f"{self.endpoint}::{self.operation}"


def facts(name: str) -> list[dict[str, str]]:
    path = system.SHARED_DATA.parent / "facts" / name
    if not path.exists():
        system.lacking(f"../shared/facts/{name} is absent: no lists of other tools here")
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def indicators() -> list[Indicator]:
    """By the names of Zeek and of BZAR, not by our catalogue."""
    named = {row["uuid"]: {row["zeek_name"], row["bzar_name"]} for row in facts("interfaces.csv")}
    numbers = {
        f"{endpoint}::{operation}": (row["uuid"], int(row["opnum"]))
        for row in facts("operations.csv")
        for endpoint in named.get(row["uuid"], ())
        for operation in (row["zeek_name"], row["bzar_name"])
        if endpoint and operation
    }
    found: list[Indicator] = []
    for number, row in enumerate(facts("bzar_techniques.csv")):
        text = f"{row['endpoint']}::{row['operation']}"
        interface, opnum = numbers[ZEEK_SAYS.get(text, text)]
        caller = f"10.9.0.{number + 1}", 50000 + number
        found.append(Indicator(*caller, row["technique"], row["endpoint"], row["operation"], interface, opnum))
    return found


# --- the calls, as each sensor sees them


def log(found: list[Indicator], words: dict[str, str]) -> bytes:
    """Zeek's dce_rpc.log of calls, some by other names."""
    fields = [
        "ts",
        "uid",
        "id.orig_h",
        "id.orig_p",
        "id.resp_h",
        "id.resp_p",
        "rtt",
        "named_pipe",
        "endpoint",
        "operation",
    ]
    lines = [zeek_header(fields, "dce_rpc")]
    for number, each in enumerate(found):
        at = f"{START + number}.000000", f"C{number}", each.client, str(each.port), SERVER, "49700", "0.001", "49700"
        lines.append("\t".join((*at, *words.get(each.text, each.text).split("::"))) + "\n")
    return "".join(lines).encode()


def said(each: Indicator) -> list[tuple[bool, bytes]]:
    """PDUs of one call: whether to the server, and the bytes."""
    return [
        (True, pdus.bind([(0, each.interface, "1.0", [pdus.NDR])])),
        (False, pdus.bind_ack([(0, pdus.NDR)])),
        (True, pdus.request(each.opnum, bytes(24), call_id=2)),
        (False, pdus.response(bytes(8), call_id=2)),
    ]


def in_a_pipe(each: Indicator) -> list[tuple[bool, bytes]]:
    """The same within a file of IPC$."""
    smb = smb_messages
    messages = [
        (True, smb.smb2(3, smb.tree_connect(r"\\dc\IPC$"), number=1, tree=0)),
        (False, smb.answer(3, smb.tree_connected(2), number=1)),
        (True, smb.smb2(5, smb.create("pipe"), number=2)),
        (False, smb.answer(5, smb.created(), number=2)),
    ]
    for place, (is_to_server, data) in enumerate(said(each)):
        number = 3 + place // 2
        asked, done = smb.smb2(11, smb.ioctl(data), number=number), smb.answer(11, smb.ioctl_done(data), number=number)
        messages.append((is_to_server, asked if is_to_server else done))
    return [(is_to_server, smb.frame(message)) for is_to_server, message in messages]


def connection(each: Indicator, port: int, at_us: int, pieces: list[tuple[bool, bytes]]) -> Iterator[Timed]:
    """A whole TCP connection that carries the pieces, a millisecond a packet."""
    sequence = {True: 1000, False: 5000}
    packets = [(True, SYN, b""), (False, SYN | ACK, b""), *((up, ACK, data) for up, data in pieces)]
    for place, (up, flags, data) in enumerate([*packets, (True, FIN | ACK, b""), (False, FIN | ACK, b"")]):
        ports, ends = ((each.port, port), (each.client, SERVER)) if up else ((port, each.port), (SERVER, each.client))
        acknowledged = sequence[not up] if flags & ACK else 0
        yield at_us + place * 1000, ethernet(ipv4(tcp(*ports, flags, sequence[up], acknowledged, data), *ends))
        sequence[up] += len(data) + bool(flags & (SYN | FIN))


def capture(found: list[Indicator], port: int, spoken: Callable[[Indicator], list[tuple[bool, bytes]]]) -> bytes:
    return pcap(
        [
            packet
            for number, each in enumerate(found)
            for packet in connection(each, port, (START + number) * 1_000_000, spoken(each))
        ]
    )


WAYS: dict[str, Callable[[list[Indicator]], bytes]] = {
    "dce_rpc.log": lambda found: log(found, ZEEK_SAYS),
    "bzar.dce_rpc.log": lambda found: log(found, {}),
    "tcp.pcap": lambda found: capture(found, 49700, said),
    "smb.pcap": lambda found: capture(found, 445, in_a_pipe),
}


def rows_of(name: str, way: str, found: list[Indicator], folder: Path) -> list[dict[str, Any]]:
    (folder / way).write_bytes(WAYS[way](found))
    with opened(Request([str(folder)]), asked=("rpc_call",)) as session:
        return session.run(name).to_pylist()


@pytest.mark.parametrize("way", WAYS)
def test_each_indicator_yields_its_technique(way: str, tmp_path: Path) -> None:
    found = indicators()
    by_client = {each.client: each.text for each in found}
    rows = rows_of("rpc-techniques", way, found, tmp_path)
    seen = {(by_client[row["src_ip"]], row["dest_ip"], row["technique"], row["events"]) for row in rows}
    expected = {
        (each.text, SERVER, technique, 1)
        for each in found
        for technique in {each.technique, *BESIDE.get(each.text, ())}
    }
    assert (seen ^ expected, len(found)) == (set(), 87)


# --- what its compounds count


def test_discovery_burst_counts_the_discovery_calls_of_bzar() -> None:
    theirs = {(each.interface, each.opnum, each.technique) for each in indicators() if each.technique in DISCOVERY}
    text = analytic("discovery-burst").sql
    listed: set[tuple[str, int]] = set()
    for part in text.split("interface = '")[1:]:
        numbers = part.partition("opnum in (")[2].partition(")")[0]
        listed |= {(part[:36], int(number)) for number in numbers.split(",")}
    counted = {
        (each.interface, each.opnum, each.technique)
        for each in catalog.techniques()
        if (each.interface, each.opnum) in listed and each.technique in DISCOVERY
    }
    assert (counted, len(theirs)) == (theirs, 57)
    assert set(analytic("discovery-burst").header.attack) == DISCOVERY


@pytest.mark.parametrize("way", WAYS)
def test_discovery_calls_of_one_client_are_a_burst(way: str, tmp_path: Path) -> None:
    """One call each by as many clients is none."""
    found = [each for each in indicators() if each.technique in DISCOVERY]
    assert rows_of("discovery-burst", way, found, tmp_path) == []
    rows = rows_of("discovery-burst", way, [each._replace(client="10.9.1.1") for each in found], tmp_path)
    seen = [(row["src_ip"], row["dest_ip"], row["technique"], row["events"]) for row in rows]
    number = Counter(each.technique for each in found)
    assert sorted(seen) == sorted(("10.9.1.1", SERVER, technique, number[technique]) for technique in DISCOVERY)
