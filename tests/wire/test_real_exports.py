"""Datagrams of a real exporter: equal to what tshark, nfdump and netflume read in them, and to the captures they were made from."""

import csv
import subprocess
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from rpcsight.wire.netflow.flowtext import FLAG_LETTERS
from tests import system
from tests.wire import exporting, slow_udp
from tests.wire.exports import Read, read

WRAP_MS = 1 << 32
FOLDER = ("netflow-derived", "softflowd")
CAPTURES = {
    "newyork": "apt29_day2_NEWYORK.cap",
    "psexec_w6": "empire_psexec_dcerpc_tcp_svcctl_WORKSTATION6_2020-09-20121608.cap",
    "schtask_create": "schtask_create_2020-12-1907003032.pcapng",
    "sharpwmi": "covenant_sharpwmi_create_dcerpc_wmi_2020-08-06035621.cap",
}
PUBLIC = [pytest.param(name, version, id=f"{name}-v{version}") for name in CAPTURES for version in (5, 9, 10)]
LAB = system.SHARED_DATA.parent / "lab" / "recording" / "lab.pcap"
Ends = tuple[str, int, str, int]


def public(name: str, version: int) -> Path:
    return system.shared_data(*FOLDER, f"{name}.netflow_v{version}_export.pcapng")


@cache
def ours(path: Path) -> Read:
    found = list(slow_udp.datagrams(path))
    return read(
        *(each.payload for each in found), exporters=[each.src for each in found], ports=[each.sport for each in found]
    )


def lab() -> Path:
    return LAB if LAB.exists() else system.lacking("the lab's recording is absent")


def ends(row: dict[str, Any]) -> Ends:
    return row["src_ip"], row["src_port"], row["dest_ip"], row["dest_port"]


def letters(flags: int) -> str | None:
    return "".join(letter for bit, letter in enumerate(FLAG_LETTERS) if flags & 128 >> bit) or None


def text_of(element: ElementTree.Element, *names: str) -> str:
    """The value of the first field of one of these names, at any depth."""
    return next(
        each.get("show", "") for name in names for each in element.iter("field") if each.get("name") == f"cflow.{name}"
    )


def ms_of(element: ElementTree.Element, name: str) -> int:
    return round(float(text_of(element, name)) * 1000)


def by_tshark(path: Path) -> list[tuple[Ends, str | None, int, int, int, int]]:
    """TCP records: ends, flags, octets, packets, start and end in ms since 1970, from the raw uptimes and headers that tshark shows."""
    command = [system.require("tshark"), "-r", str(path), "-d", "udp.port==9995,cflow", "-T", "pdml"]
    tree = ElementTree.fromstring(subprocess.run(command, capture_output=True, check=True).stdout)  # noqa: S314
    found = []
    init_ms = 0
    for datagram in (proto for proto in tree.iter("proto") if proto.get("name") == "cflow"):
        version = int(text_of(datagram, "version"))
        export_ms = int(text_of(datagram, "unix_secs", "exporttime")) * 1000
        if version == 5:
            export_ms += int(text_of(datagram, "unix_nsecs")) // 1_000_000
        for element in datagram.iter("field"):
            names = {each.get("name") for each in element}
            if "cflow.sys_init_time" in names:
                init_ms = int(
                    next(each.get("value", "") for each in element if each.get("name") == "cflow.sys_init_time"), 16
                )
            if "cflow.protocol" not in names or text_of(element, "protocol") != "6":
                continue
            uptime_ms = (export_ms - init_ms if version == 10 else ms_of(datagram, "sysuptime")) % WRAP_MS
            start, end = (export_ms - (uptime_ms - ms_of(element, name)) % WRAP_MS for name in ("timestart", "timeend"))
            sides = [
                (text_of(element, f"{side}addr", f"{side}addrv6"), int(text_of(element, f"{side}port")))
                for side in ("src", "dst")
            ]
            counts = int(text_of(element, "octets")), int(text_of(element, "packets"))
            found.append(((*sides[0], *sides[1]), letters(int(text_of(element, "tcpflags"), 16)), *counts, start, end))
    return sorted(found)


@pytest.mark.system
@pytest.mark.parametrize(("name", "version"), PUBLIC)
def test_public_exports_are_read_as_tshark_reads_them(name: str, version: int) -> None:
    path = public(name, version)
    found = ours(path)
    expected = by_tshark(path)
    rows = sorted(
        (ends(row), row["tcp_flags"], row["bytes"], row["packets"], row["start_us"] // 1000, row["end_us"] // 1000)
        for row in found.halves
    )
    assert [row[:4] for row in rows] == [row[:4] for row in expected]
    late = [(mine[4] - theirs[4], mine[5] - theirs[5]) for mine, theirs in zip(rows, expected, strict=True)]
    # Where the header has whole seconds only, datagrams narrow down when the exporter started.
    assert all(start == end and 0 <= start < (1000 if version == 9 else 1) for start, end in late)
    assert (found.losses, set(found.is_export)) == ({}, {True})


def started(capture: Path) -> dict[frozenset[tuple[str, int]], tuple[int, int, frozenset[str]]]:
    """First and last packet of each pair of TCP ends, in µs since 1970, and who of them sent any."""
    fields = ("frame.time_epoch", "ip.src", "ipv6.src", "tcp.srcport", "ip.dst", "ipv6.dst", "tcp.dstport")
    command = [system.require("tshark"), "-r", str(capture), "-Y", "tcp and not icmp and not icmpv6", "-T", "fields"]
    command += [part for field in fields for part in ("-e", field)]
    text = subprocess.run(
        command, capture_output=True, text=True, check=False
    ).stdout  # 2: the file's last packet is cut
    found: dict[frozenset[tuple[str, int]], tuple[int, int, frozenset[str]]] = {}
    for line in text.splitlines():
        time, src4, src6, sport, dest4, dest6, dport = line.split("\t")
        whole, _, fraction = time.partition(".")
        us = int(whole) * 1_000_000 + int(fraction[:6].ljust(6, "0"))
        pair = frozenset({(src4 or src6, int(sport)), (dest4 or dest6, int(dport))})
        first, last, senders = found.get(pair, (us, us, frozenset()))
        found[pair] = min(first, us), max(last, us), senders | {src4 or src6}
    return found


@pytest.mark.system
@pytest.mark.parametrize(("name", "version"), PUBLIC)
def test_public_exports_are_the_capture_they_were_made_from(name: str, version: int) -> None:
    expected = started(system.shared_data("pcap", "OTRF+Security-Datasets", CAPTURES[name]))
    found = {frozenset({ends(row)[:2], ends(row)[2:]}): row for row in ours(public(name, version)).halves}
    if version == 5:
        expected = {pair: times for pair, times in expected.items() if not any(":" in ip for ip, _ in pair)}
    assert set(found) == set(expected)
    # The replay's own day stands in for the capture's; all records are moved by as much.
    moved = [(row["start_us"] - expected[pair][0], row["end_us"] - expected[pair][1]) for pair, row in found.items()]
    allowed_us = 1_000_000 if version == 9 else 2000
    starts, both = [start for start, _ in moved], [start - end for start, end in moved]
    assert max(starts) - min(starts) <= allowed_us
    assert max(map(abs, both)) <= 2000


@pytest.mark.parametrize(("name", "version"), PUBLIC)
def test_public_exports_have_the_catalogues_counts(name: str, version: int) -> None:
    with system.shared_data("catalogue.csv").open(encoding="utf-8", newline="") as file:
        row = next(row for row in csv.DictReader(file) if row["pack_path"].endswith(f"/{CAPTURES[name]}"))
    halves = ours(public(name, version)).halves
    mappers = [each for each in halves if each["dest_port"] == 135]
    endpoints = [each for each in halves if each["src_port"] >= 49152 and each["dest_port"] >= 49152]
    pairs = [
        ends(endpoint)
        for mapper in mappers
        for endpoint in endpoints
        if (mapper["src_ip"], mapper["dest_ip"]) == (endpoint["src_ip"], endpoint["dest_ip"])
        and mapper["start_us"] < endpoint["start_us"] < mapper["start_us"] + 2_000_000
    ]
    found = len(halves), len(pairs), len(set(pairs))
    assert found == (2 * int(row["tcp_conns"]), int(row["rule_pairs"]), int(row["rule_endpoints"]))


OPTIONS = {
    "v5": ("-v", "5"),
    "v9": ("-v", "9"),
    "v9 milli": ("-v", "9", "-A", "milli"),
    "IPFIX": ("-v", "10"),
    "IPFIX sec": ("-v", "10", "-A", "sec"),
    "IPFIX milli": ("-v", "10", "-A", "milli"),
    "IPFIX micro": ("-v", "10", "-A", "micro"),
    "IPFIX nano": ("-v", "10", "-A", "nano"),
    "IPFIX biflow": ("-v", "10", "-b"),
    "IPFIX biflow milli": ("-v", "10", "-b", "-A", "milli"),
}
ERROR_US = {"v9": 1_000_000, "IPFIX sec": 1_000_000}
"""How early times may be, where it is more than the millisecond that softflowd cuts off (and one more of the exporter's start)."""


@cache
def sent(capture: Path, form: str) -> list[bytes]:
    return exporting.exported(capture, *OPTIONS[form])


@pytest.mark.system
@pytest.mark.parametrize("form", OPTIONS)
def test_softflowd_tells_what_is_in_the_capture(form: str) -> None:
    check_against_the_capture(lab(), form)


def check_against_the_capture(capture: Path, form: str) -> None:
    """Each connection is told, once or once a direction, and when it was."""
    expected = started(capture)
    found = read(*sent(capture, form))
    rows = found.records if "biflow" in form else found.halves
    assert found.losses == {}
    if form == "v5":
        expected = {pair: times for pair, times in expected.items() if not any(":" in ip for ip, _ in pair)}
    pairs = Counter(frozenset({ends(row)[:2], ends(row)[2:]}) for row in rows)
    assert pairs == {pair: 1 if "biflow" in form else len(senders) for pair, (_, _, senders) in expected.items()}
    for row in rows:
        first, last, _ = expected[frozenset({ends(row)[:2], ends(row)[2:]})]
        assert -ERROR_US.get(form, 2000) < row["start_us"] - first <= 1000
        assert -ERROR_US.get(form, 2000) < row["end_us"] - last <= 1000


def nfdumps(form: str, seen: exporting.Seen) -> tuple[int, int] | None:
    """Start and end as nfdump 1.7.1 has them, or mended; None where it does not know the elements and shows 1970."""
    if form in {"v9", "IPFIX", "IPFIX biflow"}:  # uptimes from before the replay: no wrap, 2^32 ms late
        start, end = seen.start_ms - WRAP_MS, seen.end_ms - WRAP_MS
        return (start, end) if form == "v9" else (end, start)  # and for IPFIX, start and end swapped
    return None if form in {"IPFIX sec", "IPFIX micro", "IPFIX nano"} else (seen.start_ms, seen.end_ms)


@pytest.mark.system
@pytest.mark.parametrize("form", OPTIONS)
def test_softflowd_is_read_as_nfdump_reads_it(form: str, tmp_path: Path) -> None:
    check_against_nfdump(lab(), form, tmp_path)


def check_against_nfdump(capture: Path, form: str, folder: Path) -> None:
    """Each record is the same, its times to the millisecond (earlier by less than a second in v9, but all alike)."""
    datagrams = sent(capture, form)
    found = read(*datagrams)
    expected = sorted(exporting.dumped(datagrams, folder), key=lambda seen: seen.ends)
    if "biflow" in form:  # nfdump shows neither reverse flags nor, in these columns, reverse counts
        rows = sorted(found.records, key=ends)
        assert [(ends(row), row["out_packets"], row["out_bytes"]) for row in rows] == [
            (seen.ends, seen.packets, seen.octets) for seen in expected
        ]
    else:
        rows = sorted(found.halves, key=ends)
        assert [(ends(row), row["tcp_flags"], row["packets"], row["bytes"]) for row in rows] == [
            (seen.ends, seen.flags, seen.packets, seen.octets) for seen in expected
        ]
    for row, seen in zip(rows, expected, strict=True):
        times = nfdumps(form, seen)
        if times:
            early = row["start_us"] // 1000 - times[0], row["end_us"] // 1000 - times[1]
            assert early[0] == early[1]
            assert 0 <= early[0] < (1000 if form == "v9" else 1)
        else:
            assert seen.start_ms == seen.end_ms == 0


@pytest.mark.system
@pytest.mark.parametrize("form", [form for form in OPTIONS if "biflow" not in form])
def test_softflowd_is_read_as_netflume_reads_it(form: str) -> None:
    netflume = pytest.importorskip("netflume", reason="netflume is not installed: pip install netflume")
    templates = netflume.TemplateStore()
    flows = [each for datagram in sent(lab(), form) for each in netflume.parse_message(datagram, "x", templates)[1]]
    expected = sorted(
        (*netflume_ends(each), letters(each["tcp_flags"]), each["packets"], each["octets"])
        for each in flows
        if each["proto"] == 6
    )
    rows = read(*sent(lab(), form)).halves
    assert sorted((*ends(row), row["tcp_flags"], row["packets"], row["bytes"]) for row in rows) == expected


def netflume_ends(flow: dict[str, Any]) -> Ends:
    return flow["src_addr"], flow["src_port"], flow["dst_addr"], flow["dst_port"]
