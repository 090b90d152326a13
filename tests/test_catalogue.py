"""The public captures: counts equal the ground truth of their catalogue, and where robust differs, a rule says why."""

import ast
import csv
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from rpcsight.account import Account
from rpcsight.errors import InputError
from rpcsight.pipeline import Request, opened
from tests import system
from tests.contracts.reading import Results, read

CATALOGUE = system.SHARED_DATA / "catalogue.csv"
# File: rows of rpc-activity that differ in number from the distinct strict endpoints, and the rule that makes the
# difference (its test is in test_robust_rules.py). Files that are not here have as many rows as strict endpoints.
SENSORS = "several sensors recorded 41 endpoint flows of 25 connections, all under one name: records of one connection are one row"
OLDER = "the last packets of a connection that began before this log, to a server and port known by a mapper: a known endpoint"
WHOLE_SECONDS = "both start in the same second: equal times are in"
DIFFERENCES = {
    "apt29_day2_combined_zeek.log": (25, SENSORS),
    "apt29_day2_UTICA-D_conn.log": (4, OLDER),
    "NEWYORK.nfdump.csv": (25, WHOLE_SECONDS),
    "covenant_dcsync_dcerpc_drsuapi_DsGetNCChanges_2020-08-05020926.nfdump.csv": (1, WHOLE_SECONDS),
    "covenant_sharpwmi_create_dcerpc_wmi_2020-08-06035621.nfdump.csv": (1, WHOLE_SECONDS),
    "empire_psexec_dcerpc_tcp_svcctl_WORKSTATION6_2020-09-20121608.nfdump.csv": (1, WHOLE_SECONDS),
    "schtask_create_2020-12-1907003032.nfdump.csv": (1, WHOLE_SECONDS),
}
STATED = {  # file: (basis, is_strict) of its rows, where they are not all ("mapper", True)
    "apt29_day2_combined_zeek.log": {("decoded", True): 17, ("mapper", True): 8},
    "apt29_day2_UTICA-D_conn.log": {("mapper", True): 3, ("known_endpoint", False): 1},
    "NEWYORK.nfdump.csv": {("mapper", True): 2, ("mapper", False): 23},
}


def catalogue(*folders: str) -> list[Any]:
    """The catalogue's rows of these folders; one that skips where there is no catalogue."""
    if not CATALOGUE.exists():
        return [pytest.param(None, id="no public captures")]
    with CATALOGUE.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["pack_path"].startswith(folders)]
    return [pytest.param(row, id=Path(row["pack_path"]).name) for row in rows]


def is_flows(row: dict[str, str] | None) -> bool:
    return row is None or row["rule_pairs"] != ""


RECORDS = catalogue("zeek/", "netflow-derived/nfpcapd/")
FLOWS = [each for each in RECORDS if is_flows(each.values[0])]
CALLS = [each for each in RECORDS if each.values[0] is None or "dce_rpc" in each.values[0]["format"]]
SHARES = [each for each in RECORDS if each.values[0] is None or "smb_mapping" in each.values[0]["format"]]
OTHERS = [
    each
    for each in RECORDS
    if each.values[0] is None or (not is_flows(each.values[0]) and each not in CALLS and each not in SHARES)
]
MASKED = "mapi__expected_dce_rpc.log"
"""Zeek's own expected output, its times written as XXXXXXXXXX: its 12 calls are counted as without a time."""


def results(row: dict[str, str] | None) -> tuple[Results, Account]:
    path = system.shared_data(row["pack_path"] if row else "catalogue.csv")
    if path.suffix == ".nfcapd":
        system.require("nfdump")
    return read(path)


@pytest.mark.parametrize("row", FLOWS)
def test_counts_equal_the_catalogue(row: dict[str, str]) -> None:
    (strict, robust), account = results(row)
    endpoints = {(pair["endpoint_id"], pair["endpoint_time"], pair["endpoint_src_port"]) for pair in strict}
    assert (len(strict), len(endpoints)) == (int(row["rule_pairs"]), int(row["rule_endpoints"]))
    name = Path(row["pack_path"]).name
    rows, _ = DIFFERENCES.get(name, (len(endpoints), ""))
    found: dict[tuple[object, object], int] = {}
    for each in robust:
        kind = each["basis"], each["is_strict"]
        found[kind] = found.get(kind, 0) + 1
    ordinary = {("mapper", bool(endpoints)): rows} if rows else {}
    assert (len(robust), found) == (rows, STATED.get(name, ordinary))
    if records := re.match(r"(\d+) conn records", row["notes"]):
        others = len(calls_and_events(row)) if row["pack_path"].endswith("combined_zeek.log") else 0
        assert account.records - sum(skip.count for skip in account.skips) - others == int(records[1])


def calls_and_events(row: dict[str, str]) -> list[dict[str, Any]]:
    """The rows of rpc-calls and of smb-events."""
    with opened(Request([str(system.shared_data(row["pack_path"]))])) as session:
        return session.run("rpc-calls").to_pylist() + session.run("smb-events").to_pylist()


@pytest.mark.parametrize("row", CALLS)
def test_calls_equal_the_catalogue(row: dict[str, str] | None) -> None:
    """Calls by transport (over TCP to the mapper or elsewhere, in a pipe), and by interface and operation as Zeek names them."""
    path = system.shared_data(row["pack_path"] if row else "catalogue.csv")
    assert row is not None
    with opened(Request([str(path)]), asked=("rpc_call",)) as session:
        calls = session.run("rpc-calls").to_pylist()
    if path.name == MASKED:
        skipped = [(skip.what, skip.count) for skip in session.account.skips]
        assert (calls, skipped) == ([], [("rpc_call: time missing, or before 1970 or after 2099", 12)])
        return
    ways = Counter(
        "pipe" if call["transport_protocol"] == "smb" else "135" if call["dest_port"] == 135 else "dyn"
        for call in calls
    )
    said = re.match(r"dce_rpc.log: (\d+) calls; by transport ({[^}]*})", row["notes"])
    assert said is not None
    assert (len(calls), session.account.records, dict(ways)) == (int(said[1]), int(said[1]), ast.literal_eval(said[2]))
    named = Counter(
        f"{call['interface_name']}:{call['operation'] or 'unknown-' + str(call['opnum'])}" for call in calls
    )
    listed = dict(re.findall(r"(\S+:\S+)x(\d+)", row["interfaces_opnums"]))
    assert {name: named[name] for name in listed} == {name: int(count) for name, count in listed.items()}
    pipes = {call["pipe"] for call in calls if call["transport_protocol"] == "smb"}
    assert pipes <= {"lsass", "ntsvcs", "atsvc", "samr", "lsarpc", "netlogon"}


@pytest.mark.parametrize("row", SHARES)
def test_shares_are_as_many_as_records(row: dict[str, str] | None) -> None:
    path = system.shared_data(row["pack_path"] if row else "catalogue.csv")
    with opened(Request([str(path)]), asked=("smb_event",)) as session:
        actions = {event["action"] for event in session.run("smb-events").to_pylist()}
        count = session.run("smb-events").num_rows
    records = sum(not line.startswith("#") for line in path.read_text().splitlines())
    assert (actions, count, session.account.records, session.account.skips) == ({"share"}, records, records, [])


@pytest.mark.parametrize("row", OTHERS)
def test_logs_without_flows_say_so(row: dict[str, str]) -> None:
    """Every record is skipped and counted, or, where the first bytes already tell, the log as a whole is refused."""
    said = ""
    try:
        (strict, robust), account = results(row)
    except InputError as error:
        said = error.what
    else:
        skipped = sum(skip.count for skip in account.skips)
        assert (strict, robust, skipped) == ([], [], account.records)
    assert not said or said.startswith("holds no flows: Zeek ")


def test_the_combined_log_differs_by_counted_records() -> None:
    path = system.shared_data("zeek", "OTRF+Security-Datasets", "apt29_day2_combined_zeek.log")
    (strict, robust), account = read(path)
    connections = {
        (pair["src_ip"], pair["endpoint_src_port"], pair["dest_ip"], pair["endpoint_dest_port"]) for pair in strict
    }
    rows = {(each["src_ip"], each["src_port"], each["dest_ip"], each["dest_port"]) for each in robust}
    assert (len(connections), rows, account.left_out) == (25, connections, {"repeated": 26})


def test_zeek_logs_of_calls_decode_activities() -> None:
    """17 of the 25 connections have calls in the log; calls that two sensors logged count once."""
    path = system.shared_data("zeek", "OTRF+Security-Datasets", "apt29_day2_combined_zeek.log")
    with opened(Request([str(path)])) as session:
        rows = session.run("rpc-activity").to_pylist()
        calls = session.run("rpc-calls").to_pylist()
    expected: dict[tuple[Any, ...], int | None] = {}
    for row in rows:
        ends = tuple(row[name] for name in ("src_ip", "src_port", "dest_ip", "dest_port"))
        own = Counter(
            call["flow_id"]
            for call in calls
            if tuple(call[name] for name in ("src_ip", "src_port", "dest_ip", "dest_port")) == ends
        )
        expected[ends] = max(own.values(), default=None)
    found = {tuple(row[name] for name in ("src_ip", "src_port", "dest_ip", "dest_port")): row["calls"] for row in rows}
    assert found == expected
    assert Counter(row["basis"] for row in rows) == {"decoded": 17, "mapper": 8}
    assert {row["interface"] for row in rows} == {None}


def test_the_last_packets_of_a_connection_in_another_log_are_no_row() -> None:
    """Alone, UTICA-D's log has four rows; with the log that holds the beginning of one of these, it has three."""
    logs = [
        system.shared_data("zeek", "OTRF+Security-Datasets", f"apt29_day2_{host}_conn.log")
        for host in ("UTICA-D", "NEWYORK")
    ]
    with opened(Request([str(log) for log in logs])) as session:
        rows = session.run("rpc-activity").to_pylist()
    beginnings = [each["flow_id"] for each in rows if (each["src_ip"], each["src_port"]) == ("10.0.1.5", 49686)]
    assert (len(rows), beginnings) == (25, ["CWhNSW1AEUwcp5xk13"])
