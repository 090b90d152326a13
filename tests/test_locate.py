"""Where unusable lines are: number, what is wrong, how they begin."""

import gzip
import re
from pathlib import Path

import pytest

from rpcsight.engines import Unreadable
from rpcsight.intake.locate import FAR_TIME, NO_RECORD, NO_TIME, UNREADABLE, locate
from rpcsight.pipeline import Request
from rpcsight.readers import all_readers, pick
from rpcsight.readers._inputs import Input, look
from tests.contracts.reading import by_lines, read
from tests.contracts.samples import FLOWS, FORMS, zeek_json, zeek_record

FORM = {form.name: form for form in FORMS}
NO_PORT = "dest_port missing or not a port"
PARAMETERS = Request(paths=[]).parameters()


def located(path: Path) -> dict[str, list[Unreadable]]:
    """What is found for what the account counts."""
    item = look(Input(path, str(path), "o"))
    wanted = {skip.what: skip.count for skip in read(path)[1].skips}
    return locate(pick(item, all_readers()).scan(item, {}), str(path), PARAMETERS, wanted)


def record(**changes: object) -> bytes:
    return by_lines([zeek_record(FLOWS[0]) | {name.replace("__", "."): value for name, value in changes.items()}])


BAD = [
    (record()[:40], NO_RECORD, "no JSON (Unterminated string starting at: line 1 column 36 (char 35))"),
    (b'{"ts":1,"x":"\xff"}\n', NO_RECORD, "not UTF-8"),
    (b"[1, 2]\n", NO_RECORD, "no JSON object"),
    (b'{"a": 1}\n', NO_RECORD, "none of a flow's fields"),
    (b"[" * 30_000 + b"]" * 30_000 + b"\n", NO_RECORD, ""),
    (record(id__resp_p=70_000), NO_PORT, "dest_port is '70000'"),
    (record(id__resp_p=None), NO_PORT, "dest_port missing"),
    (record(id__orig_p="x"), "src_port missing or not a port", "src_port is 'x'"),
    (record(ts="yesterday"), NO_TIME, "start_time is 'yesterday'"),
    (record(ts=253370764800.0), FAR_TIME, "start_time is '253370764800.0'"),
    (record(id__orig_h="x" * 60), "src_ip missing or not an address", f"src_ip is '{'x' * 60}'"),
]


@pytest.mark.parametrize(("line", "problem", "what"), BAD, ids=[f"{number}" for number in range(len(BAD))])
@pytest.mark.parametrize("is_packed", [False, True], ids=["plain", "gz"])
def test_json(line: bytes, problem: str, what: str, is_packed: bool, tmp_path: Path) -> None:
    good = zeek_json(FLOWS)
    content = good + b"\n" + line.rstrip(b"\n") + b"\n" + record(id__resp_p=443, ts=None) + good
    path = tmp_path / "conn.json"
    path.write_bytes(gzip.compress(content) if is_packed else content)
    ((found, lines),) = located(path).items()
    assert (found, [each.line for each in lines]) == (problem, [18])
    assert lines[0].what.startswith(what)
    assert "; the line begins '" in lines[0].what


def test_first_three_of_each_problem(tmp_path: Path) -> None:
    path = tmp_path / "conn.json"
    path.write_bytes(zeek_json(FLOWS) + b"broken\n" * 5 + record(id__resp_p=-1) * 2)
    assert {problem: [each.line for each in lines] for problem, lines in located(path).items()} == {
        NO_RECORD: [17, 18, 19],
        NO_PORT: [22, 23],
    }


def test_other_logs_are_no_problem(tmp_path: Path) -> None:
    path = tmp_path / "all.json"
    path.write_bytes(zeek_json(FLOWS, _path="conn") + by_lines([{"_path": "dns", "ts": 1}]))
    assert located(path) == {}


def test_nfdump(tmp_path: Path) -> None:
    path = tmp_path / "flows.json"
    lines = FORM["nfdump-ndjson"].write(FLOWS).splitlines(keepends=True)
    icmp = lines[0].replace(b'"proto":6', b'"proto":1').replace(b'"dst_port":50001,', b"")
    path.write_bytes(b"".join((*lines[:3], icmp, lines[4][:60] + b"\n", *lines[4:])))
    assert {problem: [each.line for each in found] for problem, found in located(path).items()} == {NO_RECORD: [5]}


@pytest.mark.parametrize("is_packed", [False, True], ids=["plain", "gz"])
@pytest.mark.parametrize("name", ["zeek-tsv", "csv-own", "csv-quoted"])
def test_delimited(name: str, is_packed: bool, tmp_path: Path) -> None:
    """Through a pipe the engine loses the numbers of lines."""
    form = FORM[name]
    lines = form.write(FLOWS).splitlines(keepends=True)
    lines[12] = lines[12][:25] + b"\n"
    lines[14] = re.sub(rb"\b(49671|65535)\b", b"70000", lines[14])
    content = b"".join(lines)
    path = tmp_path / form.file
    path.write_bytes(gzip.compress(content) if is_packed else content)
    found = located(path)
    assert {problem: [each.line for each in each_line] for problem, each_line in found.items()} == {
        UNREADABLE: [13, 15]
    }
    assert " instead of " in found[UNREADABLE][0].what
    assert "is '70000', no port" in found[UNREADABLE][1].what


ENDS = ",10.0.0.1,50000,10.0.0.2,"
CELLS = [
    ("iso", f"2.3.2026 10:00{ENDS}135", NO_TIME, "start_time is '2.3.2026 10:00'"),
    ("iso", f"02/03/2026 10:00{ENDS}49664", NO_TIME, "start_time is '02/03/2026 10:00'"),
    ("iso", f"{ENDS}135", NO_TIME, "start_time missing"),
    ("iso", f"2199-03-02T10:00:00Z{ENDS}135", FAR_TIME, "start_time is '2199-03-02T10:00:00Z'"),
    ("iso", f"1772445600000{ENDS}135", NO_TIME, "start_time is '1772445600000'"),
    ("ms", f"yesterday{ENDS}135", NO_TIME, "start_time is 'yesterday'"),
    ("ms", f"nan{ENDS}135", NO_TIME, "start_time is 'nan'"),
    ("ms", f"9999999999999{ENDS}135", FAR_TIME, "start_time is '9999999999999'"),
    ("iso", "2026-03-02T10:00:00Z,,50000,10.0.0.2,135", "src_ip missing or not an address", "src_ip missing"),
    ("iso", "2026-03-02T10:00:00Z,10.0.0.1,,10.0.0.2,135", "src_port missing or not a port", "src_port missing"),
    ("iso", "2026-03-02T10:00:00Z,10.0.0.1,50000,10.0.0.2,", NO_PORT, "dest_port missing"),
]


@pytest.mark.parametrize(("form", "line", "problem", "what"), CELLS, ids=[f"{number}" for number in range(len(CELLS))])
def test_cells(form: str, line: str, problem: str, what: str, tmp_path: Path) -> None:
    """Columns are those that the header names, whatever their order or name; lines to other ports are no problem."""
    time = {"iso": "2026-03-02 10:00:00", "ms": "1772445600000"}[form]
    path = tmp_path / "flows.csv"
    good = f"{time}{ENDS}135\n{time}{ENDS}445\nthen{ENDS}443\n" * 2
    path.write_text(f'"@timestamp",saddr,sport,daddr,dport\n{good}{line}\n{good}')
    assert {
        found: [(each.line, each.what.partition(";")[0]) for each in lines] for found, lines in located(path).items()
    } == {problem: [(8, what)]}
    (skip,) = read(path)[1].skips
    assert skip.examples[0].startswith(f"{path}:8: {what}; the line begins '{line[:20]}")


@pytest.mark.parametrize(
    "time", ["2026-3-2 4:05:06", "2026/3/2", "2026-03-02 10:00:00+01", "2026-03-02T10:00:00.123456789Z"]
)
def test_times_that_engines_read_are_not_located(time: str, tmp_path: Path) -> None:
    path = tmp_path / "flows.csv"
    path.write_text(
        f"start_time,src_ip,src_port,dest_ip,dest_port\n{time}{ENDS}135\nthen{ENDS}135\n2026-03-02{ENDS}135\n"
    )
    assert {found: [each.line for each in lines] for found, lines in located(path).items()} == {NO_TIME: [3]}
