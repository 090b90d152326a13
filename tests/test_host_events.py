"""The public logs of Windows events: what is read, and what the rule finds in it, equal the ground truth of their catalogue."""

import gzip
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from rpcsight.analytics import step
from rpcsight.engines import Statements, open_engine
from rpcsight.intake.plan import plan
from rpcsight.pipeline import LOGGED, Request, opened
from rpcsight.schema import FACTS
from tests import system
from tests.contracts.reading import read
from tests.oracles.flow import Flow, Parameters
from tests.oracles.strict import strict_pairs
from tests.test_catalogue import catalogue

SPLIT = (
    "Sysmon of 2019 writes the computer as the source of what came in: turned round by who called, both computers' records of the "
    "two connections match, where the catalogue counts those of the caller"
)
DIFFERENCES = {"empire_enable_rdp_2019-05-18203650.json.gz": (4, 6, SPLIT)}
"""File: endpoints and pairs that the rule finds in Sysmon 3, where they are not the catalogue's, and why."""
LOGS = {"sysmon": "Sysmon", "security": "Security", "services": "System"}
COUNTED = ("Sysmon1", "Sysmon3", "4688", "5156", "5145", "4624", "4697", "4698", "7045")
JSON, EVTX = catalogue("host-json/"), catalogue("evtx/")


def tables(path: Path, sql: dict[str, str]) -> dict[str, list[dict[str, Any]]]:
    """What SQL over the events of a file gives, for tables of facts."""
    logged = {name: step(name) for name in LOGGED}
    statements = Statements(
        step("reading"), step("half"), step("paired"), logged=logged, events=sql, facts=tuple(FACTS)
    )
    with TemporaryDirectory() as scratch:
        engine = open_engine("duckdb", scratch=scratch)
        try:
            for planned in plan([str(path)], {}, Path(scratch), None).scans:
                engine.read(planned.scan, statements, Request([]).parameters())
            return {name: engine.rows(f"select * from {name}", {}).to_pylist() for name in sql}
        finally:
            engine.close()


def counts(path: Path) -> dict[tuple[str, int], int]:
    """How many events of each number each log has, of those that are read."""
    sql = "select log as host, event_id as pid, count(*) as parent_pid from logged group by log, event_id"
    rows = tables(path, {"process": sql})["process"]
    return {(row["host"], row["pid"]): row["parent_pid"] for row in rows}


def lines(path: Path) -> Iterator[tuple[str, str, bytes]]:
    """Channel, number and text of each event of a file of JSON lines."""
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        for line in file:
            record = json.loads(line) if line.strip() else {}
            channel, number = (
                record.get(new, record.get(old)) for new, old in (("Channel", "log_name"), ("EventID", "event_id"))
            )
            yield str(channel).lower(), str(number), line


def ruled(path: Path) -> tuple[int, int]:
    """Endpoints and pairs of the strict rule, asked of each computer's records alone."""
    with opened(Request([str(path)])) as session:
        rows = session.candidates().to_pylist()
    flows = [
        Flow(
            row["flow_id"], row["start_us"], row["end_us"], row["src_ip"], row["src_port"], row["dest_ip"], row["dest_port"],
            observer=row["observer"],
        )
        for row in rows
    ]  # fmt: skip
    pairs = [
        pair
        for observer in {flow.observer for flow in flows}
        for pair in strict_pairs([flow for flow in flows if flow.observer == observer], Parameters())
    ]
    ends = {(end.src_ip, end.src_port, end.dest_ip, end.dest_port, end.start_us) for _, end in pairs}
    return len(ends), len(pairs)


def activities(path: Path) -> list[dict[str, Any]]:
    with opened(Request([str(path)])) as session:
        return session.run("rpc-activity").to_pylist()


def numbers(text: str, pattern: str) -> dict[str, int]:
    return {name: int(count) for name, count in re.findall(pattern, text)}


@pytest.mark.parametrize("row", JSON)
def test_events_of_json_equal_the_catalogue(row: dict[str, str]) -> None:
    path = system.shared_data(row["pack_path"] if row else "catalogue.csv")
    wanted = numbers(row["host_events"], r"(\w+)=(\d+)")
    found = {
        ("Sysmon" if log == "sysmon" else "") + str(number): count
        for (log, number), count in counts(path).items()
        if log
    }
    with opened(Request([str(path)])) as session:
        account = session.account
    assert {name: found.get(name, 0) for name in COUNTED} == {name: wanted[name] for name in COUNTED}
    assert (account.records, account.skips) == (wanted["n"], [])


@pytest.mark.parametrize("row", EVTX)
def test_events_of_logs_equal_the_catalogue(row: dict[str, str]) -> None:
    path = system.shared_data(row["pack_path"] if row else "catalogue.csv")
    found = counts(path)
    wanted = numbers(row["host_events"], r"(\w+:\d+)=(\d+)")
    read_ids = {"Sysmon": (1, 3, 17, 18), "Security": (4624, 4688, 4697, 4698, 5145, 5156), "System": (7045,)}
    assert {f"{LOGS[log]}:{number}": count for (log, number), count in found.items()} == {
        name: count for name, count in wanted.items() if int(name.partition(":")[2]) in read_ids[name.partition(":")[0]]
    }
    assert ruled(path) == (int(row["rule_endpoints"]), int(row["rule_pairs"]))


@pytest.mark.parametrize("row", JSON)
@pytest.mark.parametrize("log", ["sysmon", "security"])
def test_the_rule_equals_the_catalogue(row: dict[str, str], log: str, tmp_path: Path) -> None:
    """On each log alone. Security's times are those of the events, in whole seconds where NXLog wrote them."""
    path = system.shared_data(row["pack_path"] if row else "catalogue.csv")
    number = "3" if log == "sysmon" else "5156"
    records = [line for channel, each, line in lines(path) if log in channel and each == number]
    alone = tmp_path / "events.json"
    alone.write_bytes(b"".join(records))
    found = ruled(alone) if records else (0, 0)
    if log == "sysmon":
        wanted = numbers(row["rule_on_sysmon3_utctime"], r"(\w+)=(\d+)")
        endpoints, pairs, _ = DIFFERENCES.get(path.name, (wanted["ep"], wanted["pairs"], ""))
        assert found == (endpoints, pairs)
    else:
        wanted = numbers(row["rule_on_5156"], r"(@?\w+) ep=(\d+)")
        assert found[0] == wanted["@timestamp" if "winlogbeat" in row["format"] else "EventTime"]


@pytest.mark.parametrize("row", JSON)
def test_a_connection_of_several_logs_is_one_activity(row: dict[str, str], tmp_path: Path) -> None:
    """Sysmon's and Security's records of it, of both computers; what Sysmon alone shows is found with Security's beside it."""
    path = system.shared_data(row["pack_path"] if row else "catalogue.csv")
    alone = tmp_path / "events.json"
    alone.write_bytes(b"".join(line for channel, number, line in lines(path) if "sysmon" in channel and number == "3"))
    all_logs, sysmon = activities(path), activities(alone) if alone.stat().st_size else []
    ends = ("src_ip", "src_port", "dest_ip", "dest_port")
    found, less = (Counter(tuple(each[name] for name in ends) for each in rows) for rows in (all_logs, sysmon))
    assert set(found.values()) <= {1}
    assert less.keys() <= found.keys()


def test_old_records_are_turned_to_who_called() -> None:
    """Both ends of two connections; the clock of one computer's Sysmon is 11 days slow for connections."""
    path = system.shared_data("host-json", "OTRF+Security-Datasets", "empire_enable_rdp_2019-05-18203650.json.gz")
    sql = step("event_host_flow")
    rows = tables(path, {"host_flow": sql})["host_flow"]
    seen = [row for row in rows if {row["src_port"], row["dest_port"]} == {53120, 49667} and row["process_guid"]]
    ends = [(row["src_ip"], row["src_port"], row["dest_ip"], row["dest_port"]) for row in seen]
    assert ends == [("172.18.39.106", 53120, "172.18.39.5", 49667)] * 2
    assert {(row["host"], row["is_outbound"], row["image_path"]) for row in seen} == {
        ("hr001.shire.com", True, r"C:\Windows\System32\lsass.exe"),
        ("hfdc01.shire.com", False, r"C:\Windows\System32\lsass.exe"),
    }
    assert max(row["time_us"] for row in seen) - min(row["time_us"] for row in seen) < 1_000_000


def test_logs_beside_each_other(tmp_path: Path) -> None:
    """A packed event log is read like a plain one, and logs of several computers go together."""
    logs = [each.values[0] for each in EVTX]
    if logs[0] is None:
        system.shared_data("catalogue.csv")
    paths = [system.shared_data(row["pack_path"]) for row in logs]
    for number, path in enumerate(paths):
        (tmp_path / f"{number}.evtx.gz").write_bytes(gzip.compress(path.read_bytes()))
    (strict, robust), account = read(tmp_path)
    apart = [read(path)[0] for path in paths]
    assert (len(strict), len(robust)) == (sum(len(each[0]) for each in apart), sum(len(each[1]) for each in apart))
    assert (account.files, account.skips) == (len(paths), [])
