"""The public captures and our own recording: what is followed on TCP, beside the catalogue, tshark and the lab's notes."""

import csv
import re
import subprocess
from collections import Counter
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from rpcsight.wire.follow import Follower
from tests import system
from tests.wire import slow_capture
from tests.wire.test_follow import Rows, collect, untimed

CATALOGUE = system.SHARED_DATA / "catalogue.csv"
FACTS = system.SHARED_DATA.parent / "facts" / "interfaces.csv"
RECORDING = system.SHARED_DATA.parent / "lab" / "recording"
WELL_KNOWN = {135, 139, 445, 593}
ROWS = (
    [row for row in csv.DictReader(CATALOGUE.open()) if row["pack_path"].startswith("pcap/")]
    if CATALOGUE.exists()
    else []
)
CAPTURES = {row["pack_path"].removeprefix("pcap/"): row for row in ROWS}
MAPI = "zeek+zeek/mapi.pcap"

# Names that the catalogue has from tshark, where interfaces.csv has another or none.
TSHARK_NAMES = {
    "?": "None",
    "IOXIDResolver": "IObjectExporter",
    "ISystemActivator": "IRemoteSCMActivator",
    "IClassFactory": "00000001-0000-0000-c000-000000000046",
    "IProvideClassInfo": "b196b283-bab4-101a-b69c-00aa00341d07",
    "IWbemLoginClientIDEx": "9f6c78ef-fce5-42fa-abea-3e7df91921dc",
    "44aca675-e8fc-11d0-a07c-00c04fb68820": "IWbemCallResult",
    "DSSETUP": "dssetup",
    "exchange_mapi(emsmdb)": "exchange_mapi",
}
# What carries DCE/RPC, as a display filter of tshark.
STRAIGHT, IN_PIPES = "!smb && !smb2", "(smb || smb2)"
# The catalogue lists the 30 most frequent operations of a file.
MOST_OPERATIONS = 30
# mapi.pcap: the connection from port 1153 to 1032 begins in the middle. Its payloads are PDUs (05 00 00 03 10 00 00 00 …), five
# requests with their responses, but tshark, which saw no bind, does not dissect them: five calls and one connection more than it has.
# One call of the catalogue's 156 without an interface is in its SMB pipe.
MORE_CALLS = {MAPI: Counter({("None", 2): 5})}
NOT_DISSECTED = {MAPI: 1153}
MORE_REQUESTS = {MAPI: Counter({(1153, 1032, call_id, 2): 1 for call_id in range(62, 67)})}
# Answers to what is not in the capture: counted as losses. In the first one the alter_context is missing, in mapi.pcap a request.
UNASKED_RESULTS = {"OISF+suricata-verify/dcerpc__dce-gap-handling__input.pcap": Counter({(59374, 49154, 0): 1})}
UNASKED_ANSWERS = {MAPI: {(2482, 1032, 6438)}}
# A request cut to 200 bytes: opnum 17 stands in its first 24, but tshark gives up the whole PDU.
MORE_RECORDED = Counter({(53428, 49153, 3, 17): 1})
# Binds cut likewise: their two contexts stand in the first 128 bytes. From these ports, DRSUAPI and DNSSERVER.
CUT_BINDS = {53428, 53430, 53444, 63700, 64738}


@cache
def interface_names() -> dict[str, str]:
    rows = csv.DictReader(FACTS.read_text("utf-8").splitlines())
    return {
        row["uuid"]: (row["zeek_name"] or row["bzar_name"] or row["uuid"]).removesuffix(" interface") for row in rows
    }


def name(interface: object) -> str:
    return interface_names().get(str(interface), str(interface))


def followed(path: Path, size: int = 10**9) -> tuple[Rows, Counter[str]]:
    """What a capture shows on TCP when it is read in blocks of so many packets."""
    packets, names = slow_capture.read(path), {}
    follower = Follower(lambda number: names[number], is_smb_read=False)
    rows: Rows = {}
    for at in range(0, max(len(packets), 1), size):
        capture = slow_capture.columns(packets[at : at + size], names)
        follower.take(capture.block, capture.packets)
        collect(follower, rows)
    follower.finish()
    collect(follower, rows)
    return rows, follower.losses


@cache
def shown(capture: str) -> Rows:
    return followed(system.shared_data("pcap", capture))[0]


def operations(text: str) -> Counter[tuple[str, int]]:
    """The catalogue's `name#opnumxcount …`."""
    found: Counter[tuple[str, int]] = Counter()
    for entry in text.split():
        known, opnum, count = re.fullmatch(r"(.+)#(\d+)x(\d+)", entry).groups()  # type: ignore[union-attr]
        found[TSHARK_NAMES.get(known, known), int(opnum)] += int(count)
    return found


def ends(row: dict[str, object]) -> tuple[object, ...]:
    return (row["src_ip"], row["src_port"], row["dest_ip"], row["dest_port"])


def test_the_captures_are_here() -> None:
    assert system.shared_data("catalogue.csv") == CATALOGUE
    assert CAPTURES


@pytest.mark.parametrize("capture", CAPTURES)
def test_operations(capture: str) -> None:
    catalogue = CAPTURES[capture]
    ours = Counter((name(row["interface"]), row["opnum"]) for row in shown(capture)["rpc_call"])
    theirs = operations(catalogue["interfaces_opnums"])
    if len(theirs) == MOST_OPERATIONS:
        ours = Counter({key: count for key, count in ours.items() if key in theirs})
    assert ours - theirs == Counter({key: count - 1 for key, count in MORE_CALLS.get(capture, Counter()).items()})
    if catalogue["rpc_over_smb_conns"] == "0":
        assert theirs - ours == Counter()


@pytest.mark.parametrize("capture", CAPTURES)
def test_endpoints_and_their_levels(capture: str) -> None:
    rows = shown(capture)
    asked = [row for table in ("rpc_bind", "rpc_call") for row in rows[table] if row["dest_port"] not in WELL_KNOWN]
    asked = [row for row in asked if not row["is_callback"] and row["src_port"] != NOT_DISSECTED.get(capture)]
    count = len({ends(row) for row in asked})
    levels = Counter(level for _, level in {(ends(row), row["auth_level"]) for row in asked} if level is not None)
    assert count == int(CAPTURES[capture]["rpc_endpoint_conns_truth"])
    assert (
        " ".join(f"{level}x{levels[level]}" for level in sorted(levels))
        == CAPTURES[capture]["auth_levels_on_endpoints"]
    )


@pytest.mark.parametrize("capture", CAPTURES)
def test_mappings(capture: str) -> None:
    answers: dict[tuple[object, ...], list[str]] = {}
    activated: set[str] = set()
    for row in shown(capture)["rpc_mapping"]:
        if row["answer"] == "ept_map":
            answers.setdefault((*ends(row), row["time_us"], name(row["interface"])), []).append(str(row["mapped_port"]))
        else:
            activated.add(str(row["mapped_port"]))
    ours = Counter((key[-1], "|".join(ports)) for key, ports in answers.items())
    theirs: Counter[tuple[str, str]] = Counter()
    for entry in CAPTURES[capture]["ept_map_in_clear"].split():
        known, ports, count = re.fullmatch(r"(.+)->([\d|]+)x(\d+)", entry).groups()  # type: ignore[union-attr]
        theirs[TSHARK_NAMES.get(known, known), ports] += int(count)
    assert ours == theirs
    assert activated == set(CAPTURES[capture]["dcom_oxid_binding_ports"].split())


@pytest.mark.parametrize("capture", CAPTURES)
def test_block_size_changes_nothing(capture: str) -> None:
    rows, _ = followed(system.shared_data("pcap", capture), 50)
    key = ("rpc_bind", "rpc_call", "rpc_mapping")
    both = [untimed(found) for found in (rows, shown(capture))]
    for table in key:
        one, other = (sorted(map(repr, found[table])) for found in both)  # type: ignore[index]
        assert one == other


def dissected(path: Path, *fields: str, carrier: str = STRAIGHT) -> list[list[str]]:
    """The fields of each frame in which tshark sees DCE/RPC, by default straight on TCP."""
    shown_fields = [part for field in fields for part in ("-e", field)]
    command = [
        system.require("tshark"),
        "-r",
        str(path),
        "-Y",
        f"dcerpc && {carrier}",
        "-T",
        "fields",
        *shown_fields,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # 2 for a file that is cut
    assert done.returncode in {0, 2}, done.stderr
    return [line.split("\t") for line in done.stdout.splitlines()]


class Dissection(NamedTuple):
    """What tshark sees in a capture.

    Args:
        calls: first fragments of requests: source port, destination port, call_id, opnum.
        answers: call_ids of which a response or fault was sent: its destination port, source port, call_id.
        binds: contexts asked for: source port, destination port, interface, version.
        results: of the answers to binds: its destination port, source port, number.
    """

    calls: Counter[tuple[int, ...]]
    answers: set[tuple[int, ...]]
    binds: Counter[tuple[object, ...]]
    results: Counter[tuple[int, ...]]


def tshark(path: Path, carrier: str = STRAIGHT) -> Dissection:
    found = Dissection(Counter(), set(), Counter(), Counter())
    columns = "tcp.srcport", "tcp.dstport", "dcerpc.pkt_type", "dcerpc.cn_call_id", "dcerpc.cn_flags.first_frag"
    columns += "dcerpc.opnum", "dcerpc.cn_bind_to_uuid", "dcerpc.cn_bind_if_ver", "dcerpc.cn_bind_if_ver_minor"
    for line in dissected(path, *columns, "dcerpc.cn_ack_result", carrier=carrier):
        src, dest = int(line[0]), int(line[1])
        kinds, call_ids, firsts, opnums, *asked, results = (part.split(",") if part else [] for part in line[2:])
        carrying = {"0", "2", "3"} if len(opnums) > kinds.count("0") else {"0"}
        numbers = iter(opnums)
        for kind, call_id, first in zip(kinds, call_ids, firsts, strict=True):
            opnum = next(numbers, None) if kind in carrying else None
            if kind == "0" and first in {"1", "True"} and opnum is not None:
                found.calls[src, dest, int(call_id), int(opnum)] += 1
            elif kind in {"2", "3"}:
                found.answers.add((dest, src, int(call_id)))
        found.binds.update((src, dest, uuid, f"{major}.{minor}") for uuid, major, minor in zip(*asked, strict=True))
        found.results.update((dest, src, int(number)) for number in results)
    return found


def ours_like(rows: Rows) -> Dissection:
    """What we saw, in the same form: 0 accepted, 2 rejected, 3 negotiated."""
    numbers = {"accepted": 0, "rejected": 2, "negotiated": 3}
    ports = [(row["src_port"], row["dest_port"], row["call_id"]) for row in rows["rpc_call"] if row["is_answered"]]
    return Dissection(
        Counter((row["src_port"], row["dest_port"], row["call_id"], row["opnum"]) for row in rows["rpc_call"]),  # type: ignore[misc]
        set(ports),  # type: ignore[arg-type]
        Counter((row["src_port"], row["dest_port"], row["interface"], row["version"]) for row in rows["rpc_bind"]),
        Counter(
            (row["src_port"], row["dest_port"], numbers[str(row["result"])])  # type: ignore[misc]
            for row in rows["rpc_bind"]
            if row["result"]
        ),
    )


@pytest.mark.system
@pytest.mark.parametrize("capture", [capture for capture, row in CAPTURES.items() if row["interfaces_opnums"]])
def test_like_tshark(capture: str) -> None:
    theirs, ours = tshark(system.shared_data("pcap", capture)), ours_like(shown(capture))
    more = MORE_REQUESTS.get(capture, Counter())
    assert ours.calls == theirs.calls + more
    assert ours.answers == (theirs.answers - UNASKED_ANSWERS.get(capture, set())) | {key[:3] for key in more}
    assert ours.binds == theirs.binds
    assert ours.results == theirs.results - UNASKED_RESULTS.get(capture, Counter())


def recording() -> tuple[Rows, Counter[str]]:
    path = RECORDING / "lab.pcap"
    return followed(path) if path.exists() else system.lacking("our own recording is absent")


def test_the_recording() -> None:
    rows, losses = recording()
    first: dict[tuple[object, ...], tuple[object, object]] = {}
    for row in sorted(rows["rpc_bind"], key=lambda row: row["time_us"]):  # type: ignore[arg-type, return-value]
        first.setdefault(ends(row), (row["interface"], row["flow_us"]))
    ports: dict[tuple[object, ...], set[object]] = {}
    for row in rows["rpc_mapping"]:
        if row["answer"] == "ept_map":
            ports.setdefault(ends(row), set()).add(str(row["mapped_port"]))
    for truth in csv.DictReader((RECORDING / "truth.csv").read_text("utf-8").splitlines()):
        key = (truth["src"], int(truth["sport"]), truth["dst"], int(truth["dport"]))
        interface, start = first.get(key, ("", None))
        assert interface == truth["iface_uuid"], truth
        if start is not None:
            assert start == pytest.approx(float(truth["t"]) * 1e6, abs=1), truth
        if truth["kind"] == "mapper":
            assert ports.get(key, set()) == set(truth["ept_map_results"].split()), truth
    # Frames over 700 bytes to or from the second controller were cut to 200: binds with tickets, and replicated data.
    assert losses == {"RPC streams interrupted by missing bytes": 223}


@pytest.mark.system
def test_the_recording_like_tshark() -> None:
    rows, _ = recording()
    theirs, ours = tshark(RECORDING / "lab.pcap"), ours_like(rows)
    assert ours.calls == theirs.calls + MORE_RECORDED
    assert ours.answers == theirs.answers
    assert theirs.binds - ours.binds == Counter()
    more = {(port, count) for (port, *_), count in (ours.binds - theirs.binds).items()}
    assert more == {(port, 2) for port in CUT_BINDS}
    assert ours.results == theirs.results
    assert lookups(rows) == tsharks_lookups(RECORDING / "lab.pcap")


def lookups(rows: Rows) -> Counter[tuple[object, ...]]:
    """The ports that mappers named: the client's port, the port named."""
    return Counter((row["src_port"], row["mapped_port"]) for row in rows["rpc_mapping"] if row["mapped_port"])


def tsharks_lookups(path: Path) -> Counter[tuple[object, ...]]:
    columns = "tcp.dstport", "dcerpc.pkt_type", "epm.proto.tcp_port"
    answers = [line for line in dissected(path, *columns) if "2" in line[1].split(",") and line[2]]
    return Counter((int(line[0]), int(port)) for line in answers for port in line[2].split(","))
