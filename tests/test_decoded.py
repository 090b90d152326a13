"""Captures end to end, through the public pipeline: calls, mappings and activities beside the catalogue, tshark and the lab's notes."""

import csv
import re
import subprocess
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from rpcsight.account import Account
from rpcsight.pipeline import Request, opened
from rpcsight.schema import FACTS
from rpcsight.settings import RuleSettings, Settings
from tests import system
from tests.recording import PARQUET
from tests.wire import exporting
from tests.wire.build import ethernet, ipv4, pcap, udp
from tests.wire.exports import UPTIME_MS, v5, v5_record
from tests.wire.test_captures import CAPTURES, MAPI, MOST_OPERATIONS, TSHARK_NAMES, WELL_KNOWN, ends, name, operations

LAB = system.SHARED_DATA.parent / "lab" / "recording" / "lab.pcap"
Row = dict[str, Any]
ACTIVE = [
    capture for capture, row in CAPTURES.items() if int(row["rule_endpoints"]) + int(row["rpc_endpoint_conns_truth"])
]

# mapi.pcap, the connection from port 1153 to 1032: begins in the middle, so tshark saw no bind and does not dissect it. Its payloads are
# PDUs (05 00 00 03 10 00 00 00 …), five requests of level 2 with their responses.
# Frame 719 of it, a request of opnum 2 in an SMB file (a00c) whose bind came before the capture: tshark shows no interface, neither do we;
# the catalogue took that of the connection's last bind, which is another file's (c00f).
MORE_CALLS = {MAPI: Counter({("None", 2): 5 + 1})}
FEWER_CALLS = {MAPI: Counter({("lsarpc", 2): 1})}
MORE_CONNECTIONS = {MAPI: 1}
LEVELS = {MAPI: "2x6"}
# RPC on ports below 49152, as Windows had them before 2008: outside the dynamic range unless it is set so.
BELOW_THE_RANGE = {"zeek+zeek/cs_window7-join_stream092.pcap": 1, MAPI: 7}
# Endpoint connections that the rule matches and nobody answered: five SYNs, no SYN-ACK. Attempts, not activities. Only one of the two in
# the third file is a match of the published rule: the other comes 21 s after the mapper flow began.
OTRF = "OTRF+Security-Datasets"
UNANSWERED = {
    f"{OTRF}/covenant_sc_query_dcerpc_smb_svcctl_2020-08-05034820.cap": 1,
    f"{OTRF}/covenant_sharpsc_query_dcerpc_smb_svcctl_2020-08-06012009.cap": 1,
    f"{OTRF}/covenant_sharpsc_create_dcerpc_smb_svcctl_2020-08-06022635.cap": 1,
    f"{OTRF}/empire_find_localadmin_smb_svcctl_OpenSCManager_2020-09-22021559.cap": 1,
}
# Activities without any mapper connection in the capture: known by what is spoken on them.
UNASKED = {
    "OISF+suricata-verify/dcerpc__dce-gap-handling__input.pcap",
    "OISF+suricata-verify/dcerpc__dcerpc-dce-iface-01__20171220_smb_psexec_mimikatz_ticket_dump-s2.pcap",
}


class Shown(NamedTuple):
    """What the pipeline gives for one input."""

    facts: dict[str, list[Row]]
    activities: list[Row]
    attempts: list[Row]
    account: Account


def shown_in(*paths: Path, dynamic_ports: str | None = None) -> Shown:
    rule = RuleSettings.model_validate({"dynamic_ports": dynamic_ports} if dynamic_ports else {})
    with opened(Request([str(path) for path in paths], Settings(rule=rule))) as session:
        facts = {table: session._engine.rows(f"select * from {table}", {}).to_pylist() for table in FACTS}
        activities, attempts = (session.run(each).to_pylist() for each in ("rpc-activity", "rpc-attempts"))
        return Shown(facts, activities, attempts, session.account)


@cache
def shown(capture: str) -> Shown:
    return shown_in(system.shared_data("pcap", capture))


@cache
def lab() -> Shown:
    return shown_in(LAB if LAB.exists() else system.lacking("our own recording is absent"))


def asked(capture: str, transport: str) -> list[Row]:
    """Binds and calls of clients, over TCP those to endpoints."""
    rows = [row for table in ("rpc_bind", "rpc_call") for row in shown(capture).facts[table]]
    rows = [row for row in rows if row["transport_protocol"] == transport and not row["is_callback"]]
    return [row for row in rows if transport == "smb" or row["dest_port"] not in WELL_KNOWN]


def decoded(activities: list[Row]) -> list[Row]:
    return [each for each in activities if each["basis"] == "decoded"]


# --- what is said, beside the catalogue


@pytest.mark.parametrize("capture", CAPTURES)
def test_operations(capture: str) -> None:
    """Over TCP and in SMB pipes together."""
    ours = Counter((name(row["interface"]), row["opnum"]) for row in shown(capture).facts["rpc_call"])
    theirs = operations(CAPTURES[capture]["interfaces_opnums"])
    expected = theirs + MORE_CALLS.get(capture, Counter()) - FEWER_CALLS.get(capture, Counter())
    if len(theirs) == MOST_OPERATIONS:
        rest = [count for key, count in ours.items() if key not in theirs]
        assert max(rest, default=0) <= min(theirs.values())
        ours = Counter({key: count for key, count in ours.items() if key in theirs})
    assert ours == expected


@pytest.mark.parametrize("capture", CAPTURES)
def test_connections_and_their_levels(capture: str) -> None:
    row, said = CAPTURES[capture], asked(capture, "tcp")
    count = int(row["rpc_endpoint_conns_truth"]) + MORE_CONNECTIONS.get(capture, 0)
    levels = Counter(level for _, level in {(ends(each), each["auth_level"]) for each in said} if level is not None)
    in_words = " ".join(f"{level}x{levels[level]}" for level in sorted(levels))
    found = len({ends(each) for each in said}), len({ends(each) for each in asked(capture, "smb")}), in_words
    assert found == (count, int(row["rpc_over_smb_conns"]), LEVELS.get(capture, row["auth_levels_on_endpoints"]))


@pytest.mark.parametrize("capture", CAPTURES)
def test_mappings(capture: str) -> None:
    answers: dict[tuple[object, ...], list[str]] = {}
    activated: set[str] = set()
    for row in shown(capture).facts["rpc_mapping"]:
        if row["answer"] == "ept_map":
            answers.setdefault((*ends(row), row["time_us"], name(row["interface"])), []).append(str(row["mapped_port"]))
        else:
            activated.add(str(row["mapped_port"]))
    theirs: Counter[tuple[str, str]] = Counter()
    for entry in CAPTURES[capture]["ept_map_in_clear"].split():
        known, ports, count = re.fullmatch(r"(.+)->([\d|]+)x(\d+)", entry).groups()  # type: ignore[union-attr]
        theirs[TSHARK_NAMES.get(known, known), ports] += int(count)
    assert Counter((key[-1], "|".join(ports)) for key, ports in answers.items()) == theirs
    assert activated == set(CAPTURES[capture]["dcom_oxid_binding_ports"].split())


# --- activities, beside the catalogue


@pytest.mark.parametrize("capture", CAPTURES)
def test_activities(capture: str) -> None:
    row, activities = CAPTURES[capture], shown(capture).activities
    spoken = decoded(activities)
    below = BELOW_THE_RANGE.get(capture, 0)
    assert len(spoken) == int(row["rpc_endpoint_conns_truth"]) + MORE_CONNECTIONS.get(capture, 0) - below
    assert sum(each["is_strict"] for each in spoken) == int(row["rpc_endpoint_conns_matched"])
    silent = [each for each in activities if each["basis"] != "decoded"]
    unanswered = UNANSWERED.get(capture, 0)
    assert len(silent) == int(row["matched_without_rpc_payload"]) - unanswered
    assert all(each["is_strict"] for each in silent)
    assert len(shown(capture).attempts) >= unanswered
    if below:
        assert (
            len(decoded(shown_in(system.shared_data("pcap", capture), dynamic_ports="1024-65535").activities)) == below
        )


@pytest.mark.parametrize("capture", CAPTURES)
def test_activities_have_the_interface_and_calls_of_their_connection(capture: str) -> None:
    for each in decoded(shown(capture).activities):
        said = [row for row in asked(capture, "tcp") if ends(row) == ends(each)]
        calls = Counter((row["interface"], row["version"]) for row in said if "call_id" in row)
        most = calls.most_common(1)[0][1] if calls else 0
        known = {(row["interface"], row["version"]) for row in said}
        assert (each["interface"], each["interface_version"]) in known
        assert (each["calls"], calls[each["interface"], each["interface_version"]]) == (calls.total(), most)


@pytest.mark.parametrize("capture", ACTIVE)
def test_each_activity_was_named_before(capture: str) -> None:
    """No activity of these captures went to a port that the server had not named; two captures lack the answers."""
    expected = {None} if capture in UNASKED else {"ept_map", "activation"}
    assert {each["named_by"] for each in shown(capture).activities} <= expected


@pytest.mark.system
@pytest.mark.parametrize("capture", ACTIVE)
def test_named_as_tshark_reads_the_answers(capture: str) -> None:
    answers = named_by_tshark(system.shared_data("pcap", capture))
    assert_named(shown(capture).activities, answers)


class Answer(NamedTuple):
    """A response that names ports, as tshark shows it."""

    time: datetime
    server: str
    client: str
    kind: str
    ports: frozenset[int]


def named_by_tshark(path: Path) -> list[Answer]:
    """Towers of the endpoint mapper's answers, and string bindings with a port of those to activations."""
    fields = "frame.time_epoch", "ip.src", "ip.dst", "epm.proto.tcp_port", "dcom.dualstringarray.network_addr"
    keep = f"dcerpc.pkt_type == 2 && ({fields[-2]} || {fields[-1]})"
    columns = [part for field in fields for part in ("-e", field)]
    command = [system.require("tshark"), "-r", str(path), "-Y", keep, "-T", "fields", *columns]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # 2 for a file that is cut
    assert done.returncode in {0, 2}, done.stderr
    found = []
    for line in done.stdout.splitlines():
        epoch, server, client, towers, bindings = line.split("\t")
        whole, _, fraction = epoch.partition(".")
        time = datetime.fromtimestamp(int(whole), UTC).replace(tzinfo=None) + timedelta(microseconds=int(fraction[:6]))
        kind, ports = ("ept_map", towers.split(",")) if towers else ("activation", re.findall(r"\[(\d+)\]", bindings))
        if ports:
            found.append(Answer(time, server, client, kind, frozenset(map(int, ports))))
    return found


def assert_named(activities: list[Row], answers: list[Answer]) -> None:
    for each in activities:
        ends_of_it = each["dest_ip"], each["src_ip"]
        earlier = [it for it in answers if (it.server, it.client) == ends_of_it and it.time <= each["start_time"]]
        naming = [it.kind for it in earlier if each["dest_port"] in it.ports]
        assert each["named_by"] == (naming[-1] if naming else "unnamed" if earlier else None), each


@pytest.mark.parametrize(
    "capture", [capture for capture in ACTIVE if "WORKSTATION5" in capture or "NEWYORK" in capture]
)
def test_captured_on_both_machines_it_is_the_same(capture: str) -> None:
    """One activity a connection, with its calls counted once, though the machines' clocks differ by milliseconds."""
    other = capture.replace("WORKSTATION5", "WORKSTATION6").replace("NEWYORK", "SCRANTON")
    both = shown_in(system.shared_data("pcap", capture), system.shared_data("pcap", other)).activities
    alone = [*shown(capture).activities, *shown(other).activities]
    columns = ("basis", "interface", "interface_version", "calls", "named_by", "is_strict")
    assert {ends(each): [each[column] for column in columns] for each in both} == {
        ends(each): [each[column] for column in columns] for each in alone
    }
    assert len(both) == len({ends(each) for each in both})


# --- the lab's recording


def test_the_recording() -> None:
    """All but the decoy (HTTP on a high port, right after a mapper connection) are decoded, each with the interface that was used."""
    activities = lab().activities
    with LAB.with_name("truth.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] == "dyn"]
    truth = {(row["src"], int(row["sport"]), row["dst"], int(row["dport"])): row["iface_uuid"] or None for row in rows}
    assert {ends(each): each["interface"] for each in activities} == truth
    kinds = Counter((each["basis"], each["named_by"]) for each in activities)
    assert kinds == {("decoded", "ept_map"): 37, ("mapper", "unnamed"): 1}
    assert [each["dest_port"] for each in activities if each["named_by"] == "unnamed"] == [50080]


@pytest.mark.system
def test_the_recording_is_named_as_tshark_reads_the_answers() -> None:
    assert_named(lab().activities, named_by_tshark(LAB))


# --- the same traffic in every form


class Form(NamedTuple):
    """A way to export the recording.

    Args:
        options: softflowd's.
        early_ms, late_ms: how much its times may be before and after those of the packets: softflowd cuts milliseconds off; v5's
            header has nanoseconds, of which the uptime keeps milliseconds, so that it may be either; v9's header has whole seconds.
        is_oriented: whether a record's source is who sent the packets: softflowd's two-way records have the lower address there.
    """

    options: tuple[str, ...]
    early_ms: float = 1
    late_ms: float = 0
    is_oriented: bool = True


FORMS = {
    "v5": Form(("-v", "5"), late_ms=1),
    "v9": Form(("-v", "9"), early_ms=1000),
    "v9 milli": Form(("-v", "9", "-A", "milli")),
    "IPFIX milli": Form(("-v", "10", "-A", "milli")),
    "biflow milli": Form(("-v", "10", "-b", "-A", "milli"), is_oriented=False),
}


@pytest.mark.system
@pytest.mark.parametrize("form", FORMS)
def test_exports_give_the_activities_of_the_packets(form: str, tmp_path: Path) -> None:
    options, early_ms, late_ms, is_oriented = FORMS[form]
    packets = {ends(each): each for each in lab().activities}
    datagrams = exporting.exported(LAB, *options)
    path = tmp_path / "x.pcap"
    path.write_bytes(
        pcap([(number, ethernet(ipv4(udp(40000, 9995, each), protocol=17))) for number, each in enumerate(datagrams)])
    )
    _, flows, _, account = shown_in(path)
    assert [ends(each) for each in flows] == list(dict.fromkeys(ends(each) for each in flows))
    assert {ends(each) for each in flows} == packets.keys()
    assert account.skips == []
    for each in flows:
        late = (each["start_time"] - packets[ends(each)]["start_time"]) / timedelta(milliseconds=1)
        assert -early_ms <= late <= late_ms
        # The published rule takes the source for the client.
        is_source = is_oriented or ip_address(each["src_ip"]) < ip_address(each["dest_ip"])
        assert each["is_strict"] == (packets[ends(each)]["is_strict"] and is_source)
        assert each["basis"] in {"mapper", "known_endpoint"}


# --- analytics of what packets show


PACKETS_ONLY = {"rpc-calls": "rpc_call", "rpc-mappings": "rpc_mapping", "smb-events": "smb_event"}
TIMES = {"rpc-calls": "call_time", "rpc-mappings": "answer_time", "smb-events": "event_time"}


@pytest.mark.parametrize("analytic", PACKETS_ONLY)
def test_what_packets_show_is_told_in_order(analytic: str) -> None:
    """Every row of the relation, and nothing of connections that start outside the bounds."""
    path = system.shared_data("pcap", OTRF, "apt29_day2_NEWYORK.cap")
    with opened(Request([str(path)])) as session:
        rows = session.run(analytic).to_pylist()
        warnings = session.account.warnings
    starts = sorted(row["flow_time"] for row in rows)
    middle = starts[len(starts) // 2]
    assert warnings == []
    assert len(rows) == len(
        shown(path.relative_to(system.SHARED_DATA / "pcap").as_posix()).facts[PACKETS_ONLY[analytic]]
    )
    assert [row[TIMES[analytic]] for row in rows] == sorted(row[TIMES[analytic]] for row in rows)
    with opened(Request([str(path)], since=middle)) as later, opened(Request([str(path)], until=middle)) as earlier:
        assert later.run(analytic).to_pylist() == [row for row in rows if row["flow_time"] >= middle]
        assert earlier.run(analytic).to_pylist() == [row for row in rows if row["flow_time"] < middle]


@pytest.mark.parametrize("analytic", PACKETS_ONLY)
def test_without_packets_the_account_says_so(analytic: str, tmp_path: Path) -> None:
    """Also of a capture that holds an exporter's datagrams only; once, however often it is asked for."""
    exports = tmp_path / "x.pcap"
    exports.write_bytes(
        pcap([(1, ethernet(ipv4(udp(40000, 2055, v5(v5_record(UPTIME_MS - 2000, UPTIME_MS - 1000))), protocol=17)))])
    )
    for path in (PARQUET, exports):
        with opened(Request([str(path)])) as session:
            assert (session.run(analytic).num_rows, session.stream(analytic).read_all().num_rows) == (0, 0)
            warnings = [each for each in session.account.warnings if "nothing in the input shows any" in each]
            assert warnings == [
                f"{analytic} needs {PACKETS_ONLY[analytic]}, and nothing in the input shows any: captures do, and logs of calls and hosts"
            ]
