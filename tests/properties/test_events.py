"""Connections, processes, tasks and pipes of random Windows events are those that a plain reading, event by event, gives."""

import json
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rpcsight.analytics import compose_steps, step
from rpcsight.engines.duckdb import DuckDB
from rpcsight.engines.text import used
from rpcsight.pipeline import LOGGED, Request
from rpcsight.schema import EVENT
from tests.oracles import events as oracle
from tests.properties.strategies import EPOCH

BASE_US = 1_772_445_600_000_000
KINDS = {column.name: column.kind for column in EVENT}
ADDRESSES = (
    "10.0.0.1",
    "10.0.0.2",
    "::ffff:10.0.0.1",
    "fe80:0:0:0:1:0:0:2",
    "fe80::1:0:0:2",
    "fe80::1%7",
    "2001:db8:0:0:0:0:0:1",
)
PORTS = st.sampled_from((135, 445, 49664, 50001))
HOSTS = st.sampled_from(("a.lab", "b.lab"))
GUIDS = st.sampled_from((None, "-", "{00000000-0000-0000-0000-000000000000}", "{ABCDEF01-0001-0002-0003-000000000004}"))
PIDS = st.sampled_from((None, "-", "4", "0x4", "0xFFFFFFFF", "0x1ec8", "0xg", "x", ""))
TEXTS = st.sampled_from((None, "-", "", "C:\\a.exe", "a &lt;b&gt; &amp; &quot;c&quot;", "<unknown process>"))
NAMES = st.sampled_from((None, "-", "eve"))
CACHE = "HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\Schedule\\TaskCache"
KEYS = (
    "Tree\\a\\Index",
    "Tree\\a\\b c\\Index",
    "Tree\\a\\SD",
    "Tree\\Index",
    "Tasks\\{1}\\Actions",
    "Tasks\\{1}\\Path",
)
TARGETS = st.sampled_from((None, "-", "", "HKLM\\a\\Index", CACHE, *(f"{CACHE}\\{key}" for key in KEYS)))
OFFSETS = st.sampled_from((0, 1_000, 999_000, 2_000_000, 9_000_000, 61_000_000))


@st.composite
def times(draw: st.DrawFn, *, is_sysmon: bool) -> dict[str, Any]:
    at_us = BASE_US + draw(OFFSETS)
    zone_us = draw(st.sampled_from((0, -4 * 3600, 19_800))) * 1_000_000
    made: dict[str, Any] = {"time_us": None, "local_us": None, "utc_us": None, "clock_us": 1_000, "utc_time": None}
    way = draw(st.sampled_from(("utc", "local", "seconds", "none")))
    if way == "utc":
        made["time_us"] = at_us + 5_000
    elif way == "local":
        made["local_us"] = at_us + 5_000 + zone_us
    elif way == "seconds":
        made |= {"time_us": at_us // 1_000_000 * 1_000_000, "clock_us": 1_000_000}
    if is_sysmon and draw(st.booleans()):
        utc_us = at_us - draw(st.sampled_from((0, 0, 62_000_000)))
        made |= {"utc_us": utc_us, "utc_time": str(_iso(utc_us))}
    return made


def _iso(us: int) -> str:
    return (EPOCH + timedelta(microseconds=us)).replace(tzinfo=None).isoformat(" ", "milliseconds")


@st.composite
def event(draw: st.DrawFn) -> dict[str, Any]:
    log, number = draw(
        st.sampled_from(
            (
                *(("sysmon", number) for number in (1, 3, 13, 17)),
                *(("security", number) for number in (4688, 4698, 5156)),
            )
        )
    )
    made: dict[str, Any] = {
        **draw(times(is_sysmon=log == "sysmon")),
        "host": draw(HOSTS),
        "channel": "microsoft-windows-sysmon/operational" if log == "sysmon" else "security",
        "provider": "",
        "event_id": number,
        "process_guid": draw(GUIDS),
        "process_id": draw(PIDS),
        "source": "file",
    }
    here, there = (draw(st.sampled_from(ADDRESSES)) for _ in range(2))
    made |= {"source_port": str(draw(PORTS)), "protocol": draw(st.sampled_from(("tcp", "TCP", "6", "17", "1")))}
    if number == 3:
        made |= {"source_ip": here, "destination_ip": there, "destination_port": str(draw(PORTS))}
        made["initiated"] = draw(st.sampled_from(("true", "false", "True", "False")))
    elif number == 5156:
        made |= {"source_address": here, "dest_address": there, "dest_port": str(draw(PORTS))}
        made["direction"] = draw(st.sampled_from(("%%14592", "%%14593")))
    elif number == 1:
        made |= {"image": draw(TEXTS), "user": draw(NAMES), "logon_id": draw(st.sampled_from((None, "0x3E7")))}
        made |= {
            "parent_process_id": draw(st.sampled_from((None, "-", "77"))),
            "integrity_level": draw(st.sampled_from((None, "-", "High"))),
        }
    elif number in {13, 17}:
        made |= {"image": draw(TEXTS), "target_object": draw(TARGETS), "pipe_name": draw(NAMES)}
    elif number == 4698:
        made |= {
            "task_name": "\\a",
            "task_content": "<Task/>",
            "client_process_id": draw(st.sampled_from((None, "0", "77"))),
        }
    elif number == 4688:
        made |= {
            "new_process_id": draw(PIDS),
            "new_process_name": draw(TEXTS),
            "mandatory_label": draw(st.sampled_from((None, "S-1-16-8448"))),
        }
        for whose in ("target", "subject"):
            made |= {f"{whose}_user_name": draw(NAMES), f"{whose}_domain_name": draw(NAMES)}
            made[f"{whose}_logon_id"] = draw(st.sampled_from((None, "0x0", "0xABC")))
    return made


def _engine(folder: str, events: list[dict[str, Any]]) -> DuckDB:
    """An engine that holds the events."""
    path = Path(folder) / "events.json"
    path.write_text("".join(f"{json.dumps({name: each.get(name) for name in KINDS})}\n" for each in events))
    columns = ", ".join(f"\"{name}\": '{kind}'" for name, kind in KINDS.items())
    engine = DuckDB(folder)
    engine.keep(
        "event", f"select * from read_json('{path}', columns = {{{columns}}}, format = 'newline_delimited')", {}
    )
    return engine


def _rows(found: list[dict[str, Any]], names: list[str]) -> list[str]:
    return sorted(repr([row[name] for name in names]) for row in found)


@given(st.lists(event(), min_size=1, max_size=10))
def test_events_mean_what_the_oracle_says(events: list[dict[str, Any]]) -> None:
    with TemporaryDirectory() as folder:
        engine = _engine(folder, events)
        try:
            for name, wanted in (
                ("record", oracle.records(events)),
                ("process", oracle.processes(events)),
                ("host_event", oracle.host_events(events)),
            ):
                sql = compose_steps(LOGGED, step(f"event_{name}"))
                rows = engine.rows(sql, used(sql, Request([]).parameters())).to_pylist()
                names = sorted(wanted[0]) if wanted else []
                assert len(rows) == len(wanted)
                assert _rows(rows, names) == _rows(wanted, names)
        finally:
            engine.close()
