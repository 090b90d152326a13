"""Hosts that leases tell: which one had an address when, and that learning and hunting go by the host where its address moves."""

import csv
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rpcsight
from rpcsight.analytics import step
from rpcsight.baseline.identity import NOW, WITHOUT
from rpcsight.baseline.summary import host as known_host
from rpcsight.baseline.workspace import Workspace
from rpcsight.engines.dialects import translated
from rpcsight.errors import UsageError
from rpcsight.hunting import hunt
from rpcsight.pipeline import Request, opened
from rpcsight.schema import FACTS, names
from rpcsight.schema.arrow import ARROW_TYPES
from rpcsight.schema.baseline import BASELINE, LEARNED
from rpcsight.simulation import Plan, simulate
from rpcsight.simulation.forms import LEASED
from rpcsight.triage.hunted import keep_hunted
from tests.contracts.samples import zeek_header, zeek_tsv
from tests.oracles import tenants as oracle
from tests.oracles.flow import Flow

DAY_US, HOUR_US, DAY_S = 86_400_000_000, 3_600_000_000, 86_400
START_US = 1_772_409_600_000_000
LEASE = pa.schema([(column.name, ARROW_TYPES[column.kind]) for column in FACTS["lease"]])
HOST_FLOW = pa.schema([(column.name, ARROW_TYPES[column.kind]) for column in FACTS["host_flow"]])
OLD, NEW, DC = "10.1.0.50", "10.1.0.60", "10.0.0.10"
PC, OTHER = "02:00:00:00:00:01", "02:00:00:00:00:02"
FIELDS = ("ts", "client_addr", "mac", "host_name", "assigned_addr", "lease_time", "msg_types")
Row = dict[str, Any]


def lease(at_us: int, mac: str | None, ip: str | None, *, hostname: str | None = None, **changes: Any) -> Row:
    row = {"time_us": at_us, "action": "lease", "ip": ip, "mac": mac, "hostname": hostname, "lease_s": 8.0 * DAY_S}
    return {**row, "observer": "dhcp", "source": "dhcp.log", **changes}


def told(
    rows: Sequence[Row], asked: Sequence[tuple[str, int]], own: Sequence[Row] = ()
) -> tuple[list[Row], dict[Any, str], dict[str, Any]]:
    """What the steps make of leases: events, who had an address when, and where hosts were last."""
    with duckdb.connect() as database:
        database.register("lease", pa.Table.from_pylist(list(rows), LEASE))
        ips, times = ([each[place] for each in asked] for place in (0, 1))
        database.register(
            "asked_address", pa.table({"ip": pa.array(ips, pa.string()), "at_us": pa.array(times, pa.int64())})
        )
        database.register("host_flow", pa.Table.from_pylist(list(own), HOST_FLOW))
        for name, sql in (
            *((each, step(made)) for each, made in NOW.items()),
            ("told_lease", "select * from lease_now"),
            *((each, step(each)) for each in ("known_lease", "stretch", "tenant", "host_place")),
        ):
            database.execute(f"create temp table {name} as {sql}")
        events = database.sql("select * from lease_now order by all").to_arrow_table().to_pylist()
        found = database.sql("select * from tenant").to_arrow_table().to_pylist()
        places = {host: (ip, name) for host, ip, name in database.sql("from host_place").fetchall()}
        return events, {(row["ip"], row["at_us"]): row["host"] for row in found}, places


SECONDS = st.integers(0, 40)
ODD: dict[str, list[Any]] = {
    "mac": [PC, OTHER, PC.replace(":", "-").upper(), None, "02:00", "ff:ff:ff:ff:ff:ff"],
    "ip": [OLD, OLD, NEW, "127.0.0.1", "10.1.0.050", "10.1.0.256", "fe80::1", "", None],
    "hostname": ["pc17", "PC17", "a b", "", None],
    "lease_s": [5.0, 20.0, 0.0, -3.0, 1e12, float("nan"), None],
    "action": ["lease", "lease", "release"],
}
LEASES = st.builds(
    lease,
    SECONDS.map(lambda second: START_US + second * 1_000_000),
    **{name: st.sampled_from(values) for name, values in ODD.items()},
)
OWN: dict[str, list[Any]] = {
    "host": ["pc17", "PC18.corp.example", "pc17", "a b", "", None],
    "src_ip": [OLD, NEW, "10.1.0.61", "10.1.0.62", "10.1.0.63", "127.0.0.1", "169.254.1.1", "fe80::1", None],
    "is_outbound": [True, True, True, False, None],
    "transport_protocol": ["tcp", "tcp", "udp", None],
}
OWN_FLOWS = st.builds(
    dict,
    time_us=st.integers(0, 40).map(lambda quarter: START_US + quarter * HOUR_US // 4),
    **{name: st.sampled_from(values) for name, values in OWN.items()},
)
QUARTERS = st.integers(0, 240).map(lambda quarter: START_US + quarter * HOUR_US // 4)
ASKED = st.lists(st.tuples(st.sampled_from([OLD, NEW, DC]), SECONDS.map(lambda second: START_US + second * 1_000_000)))


@settings(max_examples=15)
@given(st.lists(LEASES, max_size=12), ASKED, st.randoms(use_true_random=False))
def test_who_had_an_address_is_what_the_oracle_says_in_any_order(rows: list[Row], asked: list[Any], dice: Any) -> None:
    asked = sorted(set(asked))
    events, found, places = told(rows, asked)
    expected = [each for each in map(oracle.event, rows) if each]
    assert sum(row["records"] for row in events) == len(expected)
    heard = {(row["at_us"], row["host"], row["ip"], row["hostname"]) for row in events}
    assert heard == {each[:4] for each in expected}
    assert found == {key: host for key in asked if (host := oracle.tenant(expected, *key))}
    assert places == {host: oracle.place(expected, host) for host in {each[1] for each in expected}}
    assert len(places) == len({row["host"] for row in events})
    assert told(dice.sample(rows, len(rows)), asked[::-1]) == (events, found, places)


@settings(max_examples=15)
@given(
    st.lists(OWN_FLOWS, max_size=20),
    st.lists(LEASES, max_size=2),
    st.lists(st.tuples(st.sampled_from([OLD, NEW, "10.1.0.61"]), QUARTERS)),
)
def test_hosts_own_logs_tell_what_the_oracle_says_in_any_parts(
    own: list[Row], rows: list[Row], asked: list[Any]
) -> None:
    asked = sorted(set(asked))
    events, found, places = told(rows, asked, own)
    heard = {each for each in (*map(oracle.event, rows), *map(oracle.own, own)) if each}
    assert {(row["at_us"], row["host"], row["ip"], row["hostname"]) for row in events} == {each[:4] for each in heard}
    expected = oracle.heeded(heard)
    assert found == {key: host for key in asked if (host := oracle.tenant(expected, *key))}
    assert places == {host: oracle.place(expected, host) for host in {each[1] for each in expected}}
    parts = [row for half in (own[::2], own[1::2]) for row in told([], [], half)[0]]
    assert {tuple(row.values()) for row in parts} == {tuple(row.values()) for row in told([], [], own)[0]}


NAMED = [
    "granted",
    "own_address",
    "lease_event",
    "lease_counts",
    "known_lease",
    "stretch",
    "tenant",
    "host_place",
    "addressed",
]


@pytest.mark.parametrize("name", NAMED)
def test_steps_are_spark_too(name: str) -> None:
    assert translated(step(name), "spark", {})


# --- the log


UNTOLD = {"client_addr": OLD, "mac": PC, "host_name": None, "assigned_addr": None, "lease_time": None}
OFFERED = {"client_addr": None, "mac": PC, "host_name": "pc17", "assigned_addr": OLD, "lease_time": 60.0}
RECORDS: list[Row] = [
    {"ts": 1.5, **OFFERED, "msg_types": ["DISCOVER", "OFFER", "REQUEST", "ACK"]},
    {"ts": 2.5, **UNTOLD, "msg_types": ["RELEASE"]},
    {"ts": 3.5, **OFFERED, "msg_types": ["DISCOVER", "OFFER"]},
    {"ts": 4.5, **UNTOLD, "msg_types": ["REQUEST", "NAK"]},
    {"ts": 5.5, **UNTOLD, "msg_types": ["INFORM", "ACK"]},
]


def log(rows: Sequence[Row], path: Path) -> Path:
    """A dhcp.log as Zeek writes it."""
    cells = ([",".join(row[name]) if name == "msg_types" else row[name] for name in FIELDS] for row in rows)
    lines = ("\t".join("-" if cell is None else str(cell) for cell in row) + "\n" for row in cells)
    path.write_text(zeek_header(FIELDS, "dhcp") + "".join(lines))
    return path


def json_log(mark: Row, path: Path) -> Path:
    kept = ({name: value for name, value in row.items() if value is not None} for row in RECORDS)
    path.write_text("".join(json.dumps({**mark, **row}) + "\n" for row in kept))
    return path


@pytest.mark.parametrize("form", ["tsv", "json", "corelight"])
def test_leases_and_releases_are_read(form: str, tmp_path: Path) -> None:
    path = tmp_path / "dhcp.log"
    if form == "tsv":
        log(RECORDS, path)
    else:
        json_log({"_path": "dhcp"} if form == "corelight" else {}, path)
    with opened(Request([str(path)])) as session:
        rows = session.table("lease").read_all().to_pylist()
        assert session.account.records == len(RECORDS)
        assert session.account.skips == []
    names = ("time_us", "action", "ip", "mac", "hostname", "lease_s")
    assert [tuple(row[name] for name in names) for row in rows] == [
        (1_500_000, "lease", OLD, PC, "pc17", 60.0),
        (2_500_000, "release", OLD, PC, None, None),
    ]


@pytest.mark.parametrize("bad", ["lease_time\tx", "ts\tx", "assigned_addr\tdc1", "mac\t-"])
def test_what_is_wrong_in_a_log_is_counted(bad: str, tmp_path: Path) -> None:
    name, value = bad.split("\t")
    good = {**RECORDS[0], "host_name": None}
    log([good, {**good, name: value}], tmp_path / "dhcp.log")
    (tmp_path / "conn.log").write_bytes(zeek_tsv(asked(OLD, 0)))
    with opened(Request([str(tmp_path)])) as session:
        hunt(session)
        account = session.account
        counted = sum(skip.count for skip in account.skips) + sum(
            "leases not used: 1 " in each for each in account.limits
        )
        assert counted == 1


# --- learning and hunting


def asked(client: str, day: int, server: str = DC) -> list[Flow]:
    """A client asks a server's mapper at noon, and goes to the port it was told."""
    noon = START_US + day * DAY_US + 12 * HOUR_US
    common = {"src_ip": client, "dest_ip": server, "is_established": True}
    return [
        Flow(**common, flow_id=f"m{client}{day}", start_us=noon, end_us=noon + 9, src_port=50000, dest_port=135),
        Flow(
            **common,
            flow_id=f"e{client}{day}",
            start_us=noon + 5000,
            end_us=noon + 9000,
            src_port=50001,
            dest_port=49664,
        ),
    ]


def granted(mac: str, ip: str, day: int, name: str) -> Row:
    return {
        **RECORDS[0], "ts": float(START_US // 1_000_000 + day * DAY_S + 60), "mac": mac, "assigned_addr": ip, "host_name": name,
        "lease_time": 3.0 * DAY_S,
    }  # fmt: skip


DAYS = 10
"""The PC has the old address for that long; then it gets another, and somebody else the old one."""
HISTORY = [granted(PC, OLD, day, "pc17") for day in range(DAYS)]
MOVED = [granted(PC, NEW, DAYS, "pc17"), granted(OTHER, OLD, DAYS, "pc18")]


def folders(folder: Path) -> tuple[Path, Path]:
    """Days to learn, and the day after the move."""
    before, after = folder / "before", folder / "after"
    before.mkdir()
    after.mkdir()
    many = [each for day in range(DAYS) for client in (OLD, "10.1.0.7") for each in asked(client, day)]
    (before / "conn.log").write_bytes(zeek_tsv(many))
    (after / "conn.log").write_bytes(zeek_tsv([*asked(NEW, DAYS), *asked(OLD, DAYS)]))
    return before, after


def seen(path: Path, workspace: Path) -> tuple[dict[str | None, bool], Any]:
    """Whether each client is one that the baseline knows to use the controller, by address; and the hunt."""
    with opened(Request([str(path)])) as session:
        found = hunt(session, workspace=workspace)
    return {each.src_ip: any(reason.name == "seen" for reason in each.reasons) for each in found}, found


def test_a_host_keeps_its_habits_where_its_address_moves(tmp_path: Path) -> None:
    before, after = folders(tmp_path)
    rpcsight.learn([before], workspace=tmp_path / "without")
    assert seen(after, tmp_path / "without")[0] == {NEW: False, OLD: True}
    log(HISTORY, before / "dhcp.log")
    log(MOVED, after / "dhcp.log")
    rpcsight.learn([before], workspace=tmp_path / "with")
    known, found = seen(after, tmp_path / "with")
    assert known == {NEW: True, OLD: False}
    by_ip = {each.src_ip: each for each in found}
    assert {ip: (each.src_host, each.dest_ip, each.dest_host) for ip, each in by_ip.items()} == {
        NEW: (f"mac:{PC}", DC, None),
        OLD: (f"mac:{OTHER}", DC, None),
    }
    assert by_ip[NEW].summary.startswith(f"{NEW} (pc17) used RPC on {DC} once")
    assert {(row["src_ip"], row["dest_ip"]) for each in found for row in each.evidence} == {(NEW, DC), (OLD, DC)}
    assert [(pair.src_ip, pair.src_host) for pair in by_ip[OLD].pairs] == [(OLD, f"mac:{OTHER}")]
    with Workspace(tmp_path / "with", is_reading=True) as workspace:
        pairs = workspace.rows("select src_ip, days from known_pair order by src_ip")
        places = workspace.rows("select ip, site, subnet from known_host order by ip")
    assert pairs == [{"src_ip": "10.1.0.7", "days": DAYS}, {"src_ip": f"mac:{PC}", "days": DAYS}]
    assert [tuple(row.values()) for row in places] == [
        (DC, "10.0", "0"),
        ("10.1.0.7", "10.1", "0"),
        (f"mac:{PC}", "10.1", "0"),
    ]


def agents(flows: Sequence[Flow], names: dict[str, str], path: Path) -> None:
    """What Elastic Defend on these computers tells of the connections that they open."""
    lines = (
        {
            "@timestamp": f"{datetime.fromtimestamp(flow.start_us / 1e6, UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
            "event": {"action": "connection_attempted", "category": ["network"], "type": ["start"], "id": flow.flow_id},
            "host": {"name": names[flow.src_ip]},
            "process": {"pid": 4711, "name": "mmc.exe"},
            "network": {"direction": "egress", "transport": "tcp"},
            "source": {"ip": flow.src_ip, "port": flow.src_port},
            "destination": {"ip": flow.dest_ip, "port": flow.dest_port},
        }
        for flow in flows
    )
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_a_host_that_logs_itself_keeps_its_habits_too(tmp_path: Path) -> None:
    """No leases: the computers' own logs say which one has an address."""
    many = [each for day in range(DAYS) for each in asked(OLD, day)]
    agents(many, {OLD: "PC17"}, tmp_path / "before.json")
    agents([*asked(NEW, DAYS), *asked(OLD, DAYS)], {NEW: "PC17", OLD: "PC18"}, tmp_path / "after.json")
    rpcsight.learn([tmp_path / "before.json"], workspace=tmp_path / "w")
    known, found = seen(tmp_path / "after.json", tmp_path / "w")
    assert known == {NEW: True, OLD: False}
    assert {each.src_ip: each.src_host for each in found} == {NEW: "host:pc17", OLD: "host:pc18"}
    assert next(each.summary for each in found if each.src_ip == NEW).startswith(f"{NEW} (pc17) used RPC on {DC} once")
    with Workspace(tmp_path / "w", is_reading=True) as workspace:
        assert workspace.rows("select src_ip, days from known_pair") == [{"src_ip": "host:pc17", "days": DAYS}]


def test_what_collects_the_logs_of_many_is_no_host(tmp_path: Path) -> None:
    clients = [f"10.1.0.{number}" for number in range(50, 55)]
    flows = [each for client in clients for each in asked(client, 0)]
    agents(flows, dict.fromkeys(clients, "collector"), tmp_path / "logs.json")
    with opened(Request([str(tmp_path / "logs.json")])) as session:
        found = hunt(session)
    assert {pair.src_ip: pair.src_host for each in found for pair in each.pairs} == dict.fromkeys(clients)


def test_leases_learned_before_the_flows_are_as_good(tmp_path: Path) -> None:
    before, _ = folders(tmp_path)
    leases = log(HISTORY, before / "dhcp.log")
    rpcsight.learn([before], workspace=tmp_path / "together")
    rpcsight.learn([leases], workspace=tmp_path / "one")
    rpcsight.learn([before / "conn.log"], workspace=tmp_path / "one")
    states: list[Any] = []
    for name in ("together", "one"):
        with Workspace(tmp_path / name, is_reading=True) as workspace:
            tables = (*LEARNED, *BASELINE)
            states.append({each: workspace.rows(f"select * from {each} order by all") for each in tables})
            asked_for = [known_host(workspace, each) for each in (f"mac:{PC}", OLD, "PC17")]
            assert [each and (each["ip"], len(each["uses"])) for each in asked_for] == [(f"mac:{PC}", 1)] * 3
            assert known_host(workspace, NEW) is None
    assert states[0] == states[1]
    assert len(states[0]["lease_event"]) == DAYS


def test_leases_learned_earlier_hold_until_they_end(tmp_path: Path) -> None:
    before, after = folders(tmp_path)
    log(HISTORY, before / "dhcp.log")
    rpcsight.learn([before], workspace=tmp_path / "w")
    (after / "conn.log").write_bytes(zeek_tsv([*asked(OLD, DAYS), *asked(OLD, DAYS + 5)]))
    found = seen(after, tmp_path / "w")[1]
    assert {(each.day, each.src_ip): each.src_host for each in found} == {
        ("2026-03-12", OLD): f"mac:{PC}",
        ("2026-03-17", OLD): None,
    }


def test_a_baseline_without_leases_goes_by_addresses(tmp_path: Path) -> None:
    before, after = folders(tmp_path)
    rpcsight.learn([before], workspace=tmp_path / "w")
    plain = [replace(each) for each in seen(after, tmp_path / "w")[1]]
    log(MOVED, after / "dhcp.log")
    found = seen(after, tmp_path / "w")[1]
    assert list(found) == plain
    assert WITHOUT in found.account.warnings


def test_what_is_held_back_is_the_hosts(tmp_path: Path) -> None:
    """A finding about the host that has the old address now holds nothing of the host back that had it before."""
    before, after = folders(tmp_path)
    log(HISTORY, before / "dhcp.log")
    log(MOVED, after / "dhcp.log")
    workspace = tmp_path / "w"
    rpcsight.learn([before], workspace=workspace)
    found = [each for each in seen(after, workspace)[1] if each.src_ip == OLD]
    keep_hunted(workspace, found, [], 0)
    rpcsight.learn([after], workspace=workspace)
    with Workspace(workspace, is_reading=True) as opened_again:
        held = opened_again.rows("select src_ip, dest_ip from held_pair")
        known = opened_again.rows("select src_ip, days from known_pair order by src_ip")
    assert held == [{"src_ip": f"mac:{OTHER}", "dest_ip": DC}]
    assert known == [{"src_ip": "10.1.0.7", "days": DAYS}, {"src_ip": f"mac:{PC}", "days": DAYS + 1}]


def test_a_simulated_sensor_sees_dhcp(tmp_path: Path) -> None:
    """Both forms tell the same leases, of hosts and addresses that there are."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    for form in LEASED:
        simulate(Plan(hosts=50, days=1, calls="none", leases=True), tmp_path / form, form)
        with opened(Request([str(tmp_path / form)])) as session:
            rows = session.table("lease").read_all().to_pylist()
        found[form] = [tuple(row[name] for name in names(FACTS["lease"])[:6]) for row in rows]
    assert found["zeek"] == found["parquet"]
    with (tmp_path / "zeek" / "_truth" / "hosts.csv").open() as file:
        there = {(row["ip"], row["mac"], row["host"].partition(".")[0]) for row in csv.DictReader(file)}
    assert found["zeek"]
    assert {row[2:5] for row in found["zeek"]} <= there
    with pytest.raises(UsageError, match="ecs has no leases"):
        simulate(Plan(hosts=50, days=1, leases=True), tmp_path / "ecs", "ecs")
