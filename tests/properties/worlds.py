"""Small worlds to score: hosts with habits that were learned, then a few days of activities, attempts and detections."""

import random
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from rpcsight.analytics import step
from rpcsight.baseline.workspace import Workspace
from rpcsight.engines.duckdb import DuckDB
from rpcsight.findings.score import PARTS
from rpcsight.hunting import SCORED, made_of_many
from rpcsight.pipeline import Request
from rpcsight.schema import BASELINE, DETECTION, RPC_ACTIVITY, Column
from rpcsight.schema.arrow import ARROW_TYPES
from rpcsight.schema.baseline import LEARNED
from rpcsight.schema.triage import TRIAGE
from rpcsight.settings import BaselineSettings

Row = dict[str, Any]
Tables = dict[str, list[Row]]
EPOCH = datetime(1970, 1, 1)
DAY_US = 86_400_000_000
HOUR_US = 3_600_000_000
ONLY = 2
"""Connections to SMB, in what is learned of pairs that did nothing else."""
SMB = 445
FIRST_DAY = 20_498
"""Of the input: a Saturday (2026-02-14)."""
ADDRESSES = (
    *("10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.1.6", "10.0.1.7", "10.1.0.8"),
    *("10.1.0.9", "2001:db8::1", "2001:db8:0:1::2", "2001:db8::3"),
)
ATTEMPT = tuple(
    column
    for column in RPC_ACTIVITY
    if column.name in {"src_ip", "dest_ip", "start_time", "src_port", "dest_port", "flow_id", "observer", "source"}
)
CALLS = pa.schema(
    [
        *((name, pa.string()) for name in ("src_ip", "dest_ip", "service", "operation")),
        ("first_us", pa.int64()),
    ]
)
"""What is read of technique_call."""
MOMENTS_US = (
    *(0, HOUR_US, HOUR_US + 1, 3 * HOUR_US, 6 * HOUR_US, 6 * HOUR_US + 1),
    *(8 * HOUR_US, 9 * HOUR_US, 12 * HOUR_US, 12 * HOUR_US + 1, 18 * HOUR_US, DAY_US - 1, DAY_US - HOUR_US),
)
"""Of the day: at and around the edges of stories, of an hour and of eight."""
NATURES = ("usual", "usual", "usual", "coarse", "late", "bare", "unnamed", "spoken")
OPERATIONS = (
    ("svcctl", "RCreateServiceW"),
    ("svcctl", "RStartServiceW"),
    ("drsuapi", "DRSGetNCChanges"),
    ("IWbemServices", "ExecMethod"),
    ("program.exe", None),
    (None, None),
)
ROLES = ("server", "management server", "administration host", "scanner", "workstation", "unknown")
"""That an asset file may give hosts."""
TECHNIQUES = (("T1543.003", 0.9, 1.0), ("T1003.006", 0.9, 1.0), ("T1047", 0.5, 0.7), ("T1046", 0.2, 0.3))


@dataclass(frozen=True)
class World:
    """What is learned, which pairs are held back from which day on, and the input."""

    learned: Tables
    held: list[tuple[str, str, int]]
    rpc_activity: list[Row]
    rpc_attempt: list[Row]
    detection: list[Row]
    roles: Mapping[str, str] = field(default_factory=dict[str, str])
    technique_call: list[Row] = field(default_factory=list[Row])
    smb_connection: list[Row] = field(default_factory=list[Row])


def row(columns: Iterable[Column], **cells: object) -> Row:
    """A row of a table; what is not named is empty."""
    return {column.name: cells.get(column.name) for column in columns}


def when(us: int) -> datetime:
    return EPOCH + timedelta(microseconds=us)


def activity(src_ip: str, dest_ip: str, us: int, port: int = 49_152, nature: str = "usual") -> Row:
    """An activity of one of NATURES."""
    cells: Row = {
        "basis": "mapper",
        "mapper_count": 1,
        "is_strict": True,
        "gap_s": 0.1,
        "mapper_time": when(us - 100_000),
    }
    match nature:
        case "coarse":
            cells |= {"is_strict": False, "gap_s": 0.5}
        case "late":
            cells |= {"gap_s": 0.6}
        case "bare":
            cells |= {
                "basis": "known_endpoint",
                "is_strict": False,
                "gap_s": None,
                "mapper_time": None,
                "mapper_count": 0,
            }
        case "unnamed":
            cells |= {"named_by": "unnamed"}
        case "spoken":
            cells |= {"basis": "decoded", "calls": 3}
        case _:
            pass
    fixed = {"src_port": 50_000, "is_robust": True, "observer": "sensor", "source": "a"}
    given = {"src_ip": src_ip, "dest_ip": dest_ip, "start_time": when(us), "dest_port": port, "flow_id": str(us)}
    return row(RPC_ACTIVITY, **fixed, **given, **cells)


def attempt(src_ip: str, dest_ip: str, us: int, port: int = 49_152) -> Row:
    """A connection after the mapper's that was not answered; or, to port 445, one to SMB."""
    given = {"src_ip": src_ip, "dest_ip": dest_ip, "start_time": when(us), "dest_port": port, "flow_id": str(us)}
    return row(ATTEMPT, src_port=50_000, observer="sensor", source="a", **given)


def detection(
    src_ip: str, dest_ip: str | None, us: int, done: tuple[str | None, str | None], told: tuple[str, float, float]
) -> Row:
    """Something done, of OPERATIONS, and what analytics say of it, of TECHNIQUES."""
    cells = {"technique": told[0], "weight": told[1], "confidence": told[2], "service": done[0], "operation": done[1]}
    times = {"start_time": when(us), "end_time": when(us)}
    return row(DETECTION, analytic="made", src_ip=src_ip, dest_ip=dest_ip, events=1, **times, **cells)


def pair_day(src_ip: str, dest_ip: str, day: int, hour: int, *, failed: bool = False, smb: int = 0) -> Row:
    """What is learned of a client and a server that met on a day."""
    us = day * DAY_US + hour * HOUR_US
    is_rpc = smb != ONLY
    cells = {
        "mappers": int(is_rpc),
        "endpoints": int(is_rpc and not failed),
        "failed": int(is_rpc and failed),
        "smb": smb,
        "hours": 1 << hour,
    }
    given = {"src_ip": src_ip, "dest_ip": dest_ip, "day": day, "first_us": us, "last_us": us, "busy_us": 1_000_000}
    return row(LEARNED["pair_day"], **given, **cells)


def _deed_day(src_ip: str, dest_ip: str, day: int, hour: int, done: tuple[str | None, str | None]) -> Row:
    us = day * DAY_US + hour * HOUR_US
    cells = {"service": done[0] or "", "operation": done[1] or "", "user_name": "", "calls": 2, "bytes": 100}
    given = {"src_ip": src_ip, "dest_ip": dest_ip, "day": day, "first_us": us, "last_us": us, "hours": 1 << hour}
    return row(LEARNED["deed_day"], **given, **cells)


def learned(seed: int, hosts: Sequence[str], days: int, servers: int) -> Tables:
    """Days of a network: everyone uses the servers, some use others, on some days."""
    dice = random.Random(seed)
    rows: dict[tuple[object, ...], Row] = {}
    deeds: dict[tuple[object, ...], Row] = {}
    for day in range(FIRST_DAY - days, FIRST_DAY):
        met = [(src, dest) for src in hosts for dest in hosts[:servers] if src != dest and dice.random() < 0.8]
        met += [(hosts[-1], dest) for dest in hosts[servers:-1] if dice.random() < 0.5]
        met += [dice.sample(hosts, 2) for _ in range(dice.choice((0, 0, 1, 2)))]
        for src_ip, dest_ip in met:
            hour = dice.choice((0, 8, 8, 9, 9, 18, 23))
            rows[src_ip, dest_ip, day] = pair_day(
                src_ip, dest_ip, day, hour, failed=dice.random() < 0.05, smb=dice.choice((0, 0, 1, ONLY))
            )
            if dice.random() < 0.3:
                done = dice.choice(OPERATIONS[:4])
                deeds[src_ip, dest_ip, day, done] = _deed_day(src_ip, dest_ip, day, hour, done)
    ports = [
        row(LEARNED["endpoint_day"], dest_ip=host, dest_port=49_152, service="", day=day, records=1)
        for host in hosts
        for day in sorted({each["day"] for each in rows.values() if each["dest_ip"] == host})
    ]
    return {"pair_day": list(rows.values()), "deed_day": list(deeds.values()), "endpoint_day": ports, "lease_event": []}


@st.composite
def worlds(draw: st.DrawFn, befores: Sequence[int] = (0, 2, 5, 10, 16, 16)) -> World:
    """Five to twelve hosts, no baseline or up to sixteen days of one, one to five days of input."""
    hosts = ADDRESSES[: draw(st.integers(5, len(ADDRESSES)))]
    before = draw(st.sampled_from(befores))
    known = learned(draw(st.integers(0, 2**32)), hosts, before, draw(st.integers(0, 2)))
    days = draw(st.integers(1, 5))
    host = st.sampled_from(hosts)
    few = st.sampled_from(hosts[: draw(st.integers(2, len(hosts)))])
    pair = st.tuples(few, host).filter(lambda each: each[0] != each[1])
    met = draw(st.lists(pair, min_size=1, max_size=10))
    met = st.one_of(st.sampled_from(met), pair)
    time = st.builds(
        lambda day, us: (FIRST_DAY + day) * DAY_US + us, st.integers(0, days - 1), st.sampled_from(MOMENTS_US)
    )
    port = st.sampled_from((49_152, 49_152, 49_152, 49_153, 50_000))
    active = draw(st.lists(st.tuples(met, time, port, st.sampled_from(NATURES)), min_size=1, max_size=30))
    if draw(st.booleans()):
        start_us = draw(time)
        client = draw(few)
        spread = [dest for dest in hosts if dest != client]
        active += [
            ((client, dest), start_us + number * 60_000_000, 49_152, "usual") for number, dest in enumerate(spread)
        ]
    tried = draw(st.lists(st.tuples(met, time), max_size=4))
    shared = draw(st.lists(st.tuples(met, time), max_size=8))
    done = draw(st.lists(st.tuples(met, time, st.sampled_from(OPERATIONS), st.sampled_from(TECHNIQUES)), max_size=6))
    held = draw(st.lists(st.tuples(met, st.integers(FIRST_DAY - 5, FIRST_DAY)), max_size=2)) if before else []
    sweeps, calls = draw(_sweeps(few, hosts, time))
    return World(
        known,
        [(*each, day) for each, day in held],
        [activity(*each, us, port, nature) for each, us, port, nature in active],
        [attempt(*each, us) for each, us in tried],
        [detection(*each, us, deed, told) for each, us, deed, told in done] + sweeps,
        draw(st.dictionaries(host, st.sampled_from(ROLES), max_size=3)),
        calls,
        [attempt(*each, us, SMB) for each, us in shared],
    )


@st.composite
def _sweeps(
    draw: st.DrawFn, client: st.SearchStrategy[str], hosts: Sequence[str], time: st.SearchStrategy[int]
) -> tuple[list[Row], list[Row]]:
    """Up to two clients that ask several servers one question, and the calls where it is one; one of them many at one server."""
    told: list[Row] = []
    calls: list[Row] = []
    for src_ip, us, done in draw(
        st.lists(st.tuples(client, time, st.sampled_from(OPERATIONS[:3] + OPERATIONS[5:])), max_size=2)
    ):
        asked = [ip for ip in hosts[: draw(st.integers(2, len(hosts)))] if ip != src_ip]
        is_one = draw(st.booleans()) and done[1] is not None
        row_of = detection(src_ip, asked[0] if is_one else None, us, done, TECHNIQUES[0])
        size = draw(st.sampled_from(["12 servers", "many servers", "0 servers", None]))
        told.append({**row_of, "analytic": "enumeration-sweep" if done[1] else "mapper-sweep", "target": size})
        if done[1]:
            given = {"src_ip": src_ip, "service": done[0], "operation": done[1], "first_us": us}
            calls += [{**given, "dest_ip": ip} for ip in asked[: 1 if is_one else None]]
    return told, calls


def table(columns: Iterable[Column], rows: Sequence[Row]) -> pa.Table:
    schema = pa.schema([(column.name, ARROW_TYPES[column.kind]) for column in columns])
    return pa.Table.from_pylist(list(rows), schema)


def settled(world: World) -> Tables:
    """The tables of the baseline that a workspace makes of what is learned."""
    if not world.learned["pair_day"]:
        return {name: [] for name in BASELINE}
    with tempfile.TemporaryDirectory() as folder, Workspace(Path(folder) / "w") as workspace:
        kept = [
            {"finding_id": str(number), "src_ip": src, "dest_ip": dest, "day": day, "is_later": False}
            for number, (src, dest, day) in enumerate(world.held)
        ]
        named = [{"finding_id": each["finding_id"], "status": "open"} for each in kept]
        workspace.store.insert("finding_pair", table(TRIAGE["finding_pair"], kept))
        workspace.store.insert("finding", table(TRIAGE["finding"], [row(TRIAGE["finding"], **each) for each in named]))
        with workspace.store.transaction():
            for name, columns in LEARNED.items():
                workspace.store.insert(name, table(columns, world.learned[name]))
            workspace.settle(BaselineSettings())
        made = {name: workspace.rows(f"select * from {name}") for name in BASELINE}
    for each in made["known_host"]:
        each["role"] = world.roles.get(each["ip"], each["role"])
    return made


def scored(world: World, baseline: Tables) -> Tables:
    """What the steps make of it: `scored` and `host`."""
    with tempfile.TemporaryDirectory() as folder:
        engine = DuckDB(folder)
        try:
            for name, columns in BASELINE.items():
                engine.give(name, table(columns, baseline[name]))
            engine.give(
                "host_place", pa.table({name: pa.array([], pa.string()) for name in ("host", "ip", "hostname")})
            )
            engine.give("rpc_activity", table(RPC_ACTIVITY, world.rpc_activity))
            engine.give("rpc_attempt", table(ATTEMPT, world.rpc_attempt))
            engine.give("smb_connection", table(ATTEMPT, world.smb_connection))
            engine.give("detection", table(DETECTION, world.detection))
            parameters = {**Request([]).parameters(), **{f"with_{part}": 1 for part in PARTS}, "most": 2**31 - 1}
            engine.give("made_of_many", made_of_many())
            engine.give("technique_call", pa.Table.from_pylist(world.technique_call, CALLS))
            for relation, name in SCORED.items():
                engine.keep(relation, step(name), parameters)
            return {name: engine.rows(f"select * from {name}", {}).to_pylist() for name in ("scored", "host")}
        finally:
            engine.close()
