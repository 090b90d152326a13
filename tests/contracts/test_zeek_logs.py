"""Zeek's logs of calls, shares and files: every layout gives the same rows, alone and among connections; nobody asked, nobody reads."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rpcsight.errors import InputError
from rpcsight.hunting import NO_BASELINE, hunt
from rpcsight.pipeline import Request, opened
from tests.contracts.reading import by_lines, skips
from tests.contracts.samples import FLOWS, zeek_header, zeek_json, zeek_tsv

UUID = "12345678-1234-abcd-ef00-0123456789ab"
CALLER = {"id.orig_h": "10.0.0.1", "id.orig_p": 50002, "id.resp_h": "10.0.0.10"}
TCP, SMB = CALLER | {"id.resp_p": 49664}, CALLER | {"id.resp_p": 445}
AT = 1_772_445_600.5
CALLS: list[dict[str, Any]] = [
    {"ts": AT, "uid": "C02", **TCP, "rtt": 0.25, "named_pipe": "49664", "endpoint": "drsuapi", "operation": "DRSBind"},
    {"ts": AT, "uid": "C02", **TCP, "rtt": 0.25, "named_pipe": "49664", "endpoint": f"unknown-{UUID}", "operation": "unknown-30"},
    {"ts": AT, "uid": "S01", **SMB, "rtt": 0.25, "named_pipe": "\\pipe\\lsass", "endpoint": "samr", "operation": "SamrConnect5"},
    {"ts": AT, "uid": "S02", **SMB, "rtt": 0.25, "named_pipe": None, "endpoint": "unknown-7", "operation": "unknown-x"},
]  # fmt: skip
SHARES: list[dict[str, Any]] = [
    {"ts": AT, "uid": "S01", **SMB, "path": "\\\\DC1\\IPC$", "service": None, "native_file_system": None, "share_type": "PIPE"},
]  # fmt: skip
FILES: list[dict[str, Any]] = [
    {"ts": AT, "uid": "S01", **SMB, "fuid": None, "action": f"SMB::{action}", "path": "\\\\DC1\\ADMIN$", "name": name, "size": 22}
    for action, name in (("FILE_WRITE", "temp\\a.exe"), ("FILE_OPEN", "b"), ("FILE_CLOSE", "b"), ("PIPE_OPEN", "\\pipe\\svcctl"))
]  # fmt: skip
LOGS = {"dce_rpc": CALLS, "smb_mapping": SHARES, "smb_files": FILES}
WAYS = ("tcp", "tcp", "smb", "smb")
NAMES = (
    # pipe, interface, interface_name, opnum, operation: those that the log lacks are the catalogue's
    (None, "e3514235-4b06-11d1-ab04-00c04fc2dcd2", "drsuapi", 0, "DRSBind"),
    (None, UUID, "winspool", 30, "RpcAddForm"),
    ("lsass", "12345778-1234-abcd-ef00-0123456789ac", "samr", 64, "SamrConnect5"),
    (None, None, "unknown-7", None, "unknown-x"),
)
EVENTS = [
    # action, share, name, size
    ("open", "\\\\DC1\\ADMIN$", "b", None),
    ("pipe", "\\\\DC1\\ADMIN$", "svcctl", None),
    ("share", "\\\\DC1\\IPC$", None, None),
    ("write", "\\\\DC1\\ADMIN$", "temp\\a.exe", 22),
]


def cell(value: object) -> str:
    text = f"{value:.6f}" if isinstance(value, float) else str(value)
    return "-" if value is None else text.replace("\\", "\\\\")


def tsv(name: str) -> bytes:
    fields = list(LOGS[name][0])
    written = ["\t".join(cell(record[field]) for field in fields) + "\n" for record in LOGS[name]]
    return (zeek_header(fields, name) + "".join(written)).encode()


def lines(name: str, mark: str = "", *, is_dotted: bool = True) -> bytes:
    made: list[dict[str, Any]] = []
    for record in LOGS[name]:
        named = {key if is_dotted else key.replace("id.", "id_"): value for key, value in record.items()}
        made.append(({mark: name} if mark else {}) | {key: value for key, value in named.items() if value is not None})
    return by_lines(made)


LAYOUTS: dict[str, Callable[[str], bytes]] = {
    "tsv": tsv,
    "json": lines,
    "corelight": lambda name: lines(name, "_path"),
    "underscored": lambda name: lines(name, "@stream", is_dotted=False),
}


def rows(path: Path) -> tuple[list[Any], list[Any], Any]:
    """Calls (whole), SMB events, and the account."""
    with opened(Request([str(path)]), asked=("rpc_call", "smb_event")) as session:
        calls = session.run("rpc-calls").to_pylist()
        events = session.run("smb-events").to_pylist()
        return calls, events, session.account


def expected_calls() -> set[tuple[Any, ...]]:
    return {
        (record["uid"], 1_772_445_600_500_000, "10.0.0.1", 50002, "10.0.0.10", record["id.resp_p"], way, *names, True, False)
        for record, way, names in zip(CALLS, WAYS, NAMES, strict=True)
    }  # fmt: skip


def seen_calls(calls: list[Any]) -> set[tuple[Any, ...]]:
    assert all(call["flow_time"] is None and call["call_time"].microsecond == 500_000 for call in calls)
    columns = ("src_ip", "src_port", "dest_ip", "dest_port", "transport_protocol", "pipe", "interface", "interface_name", "opnum",
        "operation", "is_answered", "is_callback")  # fmt: skip
    return {(call["flow_id"], 1_772_445_600_500_000, *(call[name] for name in columns)) for call in calls}


def seen_events(events: list[Any]) -> list[tuple[Any, ...]]:
    return sorted((event["action"], event["share"], event["name"], event["written_bytes"]) for event in events)


@pytest.mark.parametrize("packing", ["", ".gz"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_log_alone(layout: str, packing: str, tmp_path: Path) -> None:
    for name in LOGS:
        content = LAYOUTS[layout](name)
        (tmp_path / f"{name}.log{packing}").write_bytes(gzip.compress(content) if packing else content)
    calls, events, account = rows(tmp_path)
    assert (seen_calls(calls), seen_events(events)) == (expected_calls(), EVENTS)
    assert (account.files, account.records, account.skips, account.warnings) == (3, 9, [], [])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_all_in_one_file_with_connections(layout: str, tmp_path: Path) -> None:
    """Also where each log begins only after many records of conn.log."""
    mark = {"corelight": {"_path": "conn"}, "underscored": {"@stream": "conn"}}.get(layout, {})
    many = list(FLOWS) * 100
    conn = zeek_tsv(many) if layout == "tsv" else zeek_json(many, is_dotted=layout != "underscored", **mark)
    path = tmp_path / "all.log"
    path.write_bytes(conn + b"".join(map(LAYOUTS[layout], LOGS)))
    assert path.stat().st_size > 1 << 17
    calls, events, account = rows(path)
    assert (seen_calls(calls), seen_events(events), account.skips) == (expected_calls(), EVENTS, [])
    with opened(Request([str(path)])) as session:
        found = {
            (row["flow_id"], row["basis"], row["interface"], row["calls"])
            for row in session.run("rpc-activity").to_pylist()
        }
    assert ("C02", "decoded", UUID, 2) in found


@pytest.mark.parametrize("layout", LAYOUTS)
def test_nobody_asks_nobody_reads(layout: str, tmp_path: Path) -> None:
    (tmp_path / "dce_rpc.log").write_bytes(LAYOUTS[layout]("dce_rpc"))
    with (
        pytest.raises(InputError, match=r"holds rpc_call \(not needed here\)"),
        opened(Request([str(tmp_path)]), asked=()),
    ):
        pass
    (tmp_path / "conn.log").write_bytes(zeek_tsv(FLOWS))
    with opened(Request([str(tmp_path)]), asked=()) as session:
        assert skips(session.account) == [("dce_rpc.log", "holds no flows: rpc_call (not needed here)", 1)]


def test_a_part_of_a_file_that_nobody_asks_for_is_told(tmp_path: Path) -> None:
    """Tab-separated logs put together in one file."""
    (tmp_path / "all.log").write_bytes(zeek_tsv(FLOWS) + tsv("dce_rpc"))
    with opened(Request([str(tmp_path)]), asked=()) as session:
        assert skips(session.account) == [("all.log", "holds no flows: rpc_call (not needed here)", 1)]


@pytest.mark.parametrize("first", ["conn", "dce_rpc"])
def test_a_cut_file_gives_what_comes_before(first: str, tmp_path: Path) -> None:
    """Also where it is looked through for other logs."""
    conn = zeek_json(list(FLOWS) * 200, _path="conn")
    parts = [lines("dce_rpc", "_path"), conn]
    whole = b"".join(parts if first == "dce_rpc" else [*parts[::-1], conn])
    path = tmp_path / "all.log.gz"
    path.write_bytes(gzip.compress(whole)[:-3000])
    calls, _, account = rows(path)
    assert seen_calls(calls) == expected_calls()
    assert account.records > len(FLOWS)
    assert [what for _, what, _ in skips(account)] == ["lines that can't be read"]


def test_calls_alone_are_no_activity(tmp_path: Path) -> None:
    """An empty result says what it lacks."""
    (tmp_path / "dce_rpc.log").write_bytes(tsv("dce_rpc"))
    with opened(Request([str(tmp_path)])) as session:
        assert list(hunt(session)) == []
        assert session.account.warnings[0] == NO_BASELINE
        assert [warning.partition(",")[0] for warning in session.account.warnings[1:]] == [
            "rpc-activity needs flow records",
            "rpc-attempts needs flow records",
        ]


@pytest.mark.parametrize("time", ["1e30", "-5", "99999999999999", "null", '"yesterday"'])
def test_broken_records_are_counted(time: str, tmp_path: Path) -> None:
    good = lines("dce_rpc", "_path")
    bad = json.dumps({"_path": "dce_rpc", **CALLS[0]}).replace(f'"ts": {AT}', f'"ts": {time}').encode()
    path = tmp_path / "dce_rpc.log"
    path.write_bytes(good + bad + b"\n{broken\n")
    calls, _, account = rows(path)
    assert seen_calls(calls) == expected_calls()
    assert skips(account) == [("dce_rpc.log", "rpc_call: time missing, or before 1970 or after 2099", 2)]


@pytest.mark.parametrize("name", LOGS)
def test_missing_fields(name: str, tmp_path: Path) -> None:
    """Optional ones leave columns empty; needed ones are named, with what was there instead."""
    path = tmp_path / f"{name}.log"
    few = ("ts", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p")
    path.write_bytes(zeek_header(few, name).encode() + b"1772445600.5\t10.0.0.1\t50002\t10.0.0.10\t445\n")
    calls, events, account = rows(path)
    assert (len(calls) + len(events), account.records, account.skips) == (1, 1, [])
    path.write_bytes(zeek_header(few[:-1], name).encode() + b"1772445600.5\t10.0.0.1\t50002\t10.0.0.10\n")
    with pytest.raises(Exception, match=f"{name}.log without id.resp_p\n  hint: its fields: ts, id.orig_h"):
        rows(path)
