"""`findings records`: what a finding rests on, as it stands in the files that were hunted."""

import getpass
import gzip
import json
import os
import re
import shlex
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpcsight.cli import app
from rpcsight.cli.outcome import outcome
from rpcsight.errors import InputError
from rpcsight.triage import keep, records
from rpcsight.triage.records import Found, Wanted, search, wanted
from tests.contracts import windows
from tests.oracles.flow import Flow
from tests.recording import NFDUMP, PARQUET
from tests.triaged import DAY, finding, workspace_at

BASE_US = 1_772_442_000_000_000
RECORDING = Path(__file__).parent / "data" / "recording" / "rpc.pcap.zst"
SIDES = {"src_ip": "10.0.1.1", "src_port": "50123", "dest_ip": "10.0.1.2", "dest_port": "49701"}
MADE_UP = "10.0.1.1:50123>10.0.1.2:49701@1771236000000000"
SYSMON = """<Events>
<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event"><System><EventID>3</EventID></System>
  <EventData><Data Name="SourceIp">10.0.1.1</Data><Data Name="SourcePort">{port}</Data>
  <Data Name="DestinationIp">10.0.1.2</Data><Data Name="DestinationPort">49701</Data></EventData>
</Event>
"""


def of(flow_id: str | None, source: object, **more: object) -> dict[str, Any]:
    return {"flow_id": flow_id, "mapper_id": None, "source": str(source), **more}


def found(source: Path, *flow_ids: str) -> list[Found]:
    (sought,) = wanted({"evidence": [of(each, source) for each in flow_ids]}).values()
    return list(search(str(source), sought))


def told(ran: list[Found]) -> list[tuple[int | None, str]]:
    return [(each.line, each.record) for each in ran]


def test_what_is_wanted_is_named_once_and_by_file() -> None:
    rows = [
        of("C1", "a.log", mapper_id="C0"),
        of("C1", "a.log"),
        of(MADE_UP, "b.csv"),
        of(None, "b.csv"),
        of("C2", None),
    ]
    assert wanted({"evidence": rows, "detections": [of("C1", "c.log")]}) == {
        "a.log": [Wanted("C0", {}), Wanted("C1", {})],
        "b.csv": [Wanted(MADE_UP, SIDES)],
        "None": [Wanted("C2", {})],
        "c.log": [Wanted("C1", {})],
    }
    assert wanted({"evidence": [{"flow_id": "C1", "source": None}], "detections": None}) == {}


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_lines_of_zeek_with_the_uid_and_no_other(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"conn.log{ending}"
    lines = ["#fields\tts\tuid", "1.0\tCab1\tx", "2.0\tCab12\tx", "3.0\txCab1\tx", "4.0\tCab1\ty"]
    text = ("\r\n".join(lines) + "\r\n").encode()
    path.write_bytes(gzip.compress(text) if ending else text)
    assert told(found(path, "Cab1")) == [(2, lines[1]), (5, lines[4])]


def test_without_an_id_all_of_both_sides_must_be_in_the_line(tmp_path: Path) -> None:
    path = tmp_path / "flows.csv"
    right, reverse = "10.0.1.1,50123,10.0.1.2,49701,6", "10.0.1.2:49701 -> 10.0.1.1:50123"
    wrong = [
        "10.0.1.10,50123,10.0.1.2,49701",
        "10.0.1.1,50123,10.0.1.2,135",
        "110.0.1.1,50123,10.0.1.2,49701",
        "10.0.1.1,1.50123,10.0.1.2,49701",
    ]
    path.write_text("\n".join([right, *wrong, reverse]))
    assert told(found(path, MADE_UP)) == [(1, right), (6, reverse)]


def test_a_file_that_was_packed_since_is_found_and_one_that_is_gone_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "conn.log.gz").write_bytes(gzip.compress(b"1.0\tCab1\n"))
    (ran,) = found(tmp_path / "conn.log", "Cab1")
    assert (ran.source, ran.line) == (str(tmp_path / "conn.log.gz"), 1)
    monkeypatch.chdir(tmp_path)
    for gone, why in (
        (tmp_path / "dns.log", "moved or removed since the hunt"),
        (Path("dns.log"), "from another folder"),
    ):
        with pytest.raises(InputError, match=why):
            found(gone, "Cab1")


def test_a_record_of_several_lines_is_shown_as_a_whole() -> None:
    flows = json.loads(gzip.decompress(NFDUMP.read_bytes()))
    each = next(flow for flow in flows if flow.get("dst_port") == 135 and flow["tcp_flags"].endswith("SF"))
    ran = found(NFDUMP, f"{each['src4_addr']}:{each['src_port']}>{each['dst4_addr']}:135@1")
    lines = gzip.decompress(NFDUMP.read_bytes()).decode().splitlines()
    assert each in [json.loads(one.record.rstrip(",")) for one in ran]
    assert [lines[(one.line or 0) - 1] for one in ran] == ["{"] * len(ran)
    assert {json.loads(one.record.rstrip(","))["dst_port"] for one in ran} == {135, each["src_port"]}


def test_an_event_of_several_lines_is_shown_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "sysmon.xml"
    events = [SYSMON.format(port=port).split("\n", 1)[1] for port in (50122, 50123, 50124)]
    path.write_text("<Events>\n" + "".join(events))
    assert told(found(path, MADE_UP)) == [(6, events[1].rstrip())]


@pytest.mark.parametrize("flow_id", ["C00030", "10.77.0.21:55774>10.77.0.11:135@1795305378570000"])
def test_rows_of_parquet(flow_id: str) -> None:
    (ran,) = found(PARQUET, flow_id)
    row = json.loads(ran.record)
    assert (ran.line, ran.flow_id, row["flow_id"], row["src_port"], row["out_bytes"]) == (
        None,
        flow_id,
        "C00030",
        55774,
        584,
    )


def test_parquet_that_is_not_ours_is_told(tmp_path: Path) -> None:
    pq.write_table(pa.table({"uid": ["Cab1"]}), tmp_path / "other.parquet")
    with pytest.raises(InputError, match="no column flow_id"):
        found(tmp_path / "other.parquet", "Cab1")


def test_packets_have_no_lines_and_the_command_that_is_told_shows_them(tmp_path: Path) -> None:
    flow = next(
        each
        for each in json.loads(gzip.decompress(NFDUMP.read_bytes()))
        if each.get("dst_port") == 135 and each["proto"] == 6
    )
    flow_id = f"{flow['src4_addr']}:{flow['src_port']}>{flow['dst4_addr']}:135@1"
    with pytest.raises(InputError, match="holds packets") as error:
        found(RECORDING, flow_id)
    if not shutil.which("tshark"):
        pytest.skip("needs tshark")
    plain = tmp_path / "rpc.pcap"
    plain.write_bytes(subprocess.run(["zstd", "-dc", RECORDING], check=True, capture_output=True).stdout)
    ran = subprocess.run(
        [*shlex.split(error.value.hint.replace(str(RECORDING), str(plain))), "-T", "fields", "-e", "tcp.port"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert {frozenset(line.split(",")) for line in ran.stdout.splitlines()} == {
        frozenset(("135", str(flow["src_port"])))
    }


def test_of_an_endless_line_the_part_around_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "one.json"
    path.write_text("[" + '{"uid": "x"},' * 5000 + '{"uid": "Cab1"},' + '{"uid": "x"},' * 5000 + "]")
    (ran,) = found(path, "Cab1")
    assert (ran.line, ran.is_whole, len(ran.record)) == (1, False, 2 * records.AROUND)
    assert '{"uid": "Cab1"}' in ran.record


def test_of_many_flows_in_one_line_each_is_shown_by_its_own_part(tmp_path: Path) -> None:
    path = tmp_path / "PT1H.json"
    flows = [f"1772668800{number},10.0.1.1,10.0.1.{number % 7},{50000 + number},49701,6,O,E" for number in range(1000)]
    path.write_text(json.dumps({"records": flows}))
    ids = [f"10.0.1.1:{50000 + number}>10.0.1.{number % 7}:49701@1" for number in (1, 500, 999)]
    ran = found(path, *ids)
    assert [each.flow_id for each in ran] == ids
    for each, number in zip(ran, (1, 500, 999), strict=True):
        assert flows[number] in each.record


@pytest.mark.parametrize(
    "line", ["50123 " * 70_000, "50123 10.0.1.1 10.0.1.2 " * 20_000], ids=["ports alone", "all but one"]
)
def test_a_line_that_somebody_filled_takes_no_long_time(tmp_path: Path, line: str) -> None:
    path = tmp_path / "hostile.log"
    path.write_text(f"{line}\n{line}")
    begin = time.process_time()
    assert found(path, MADE_UP) == []
    assert time.process_time() - begin < 10


def test_a_packed_file_of_long_records_that_is_broken_takes_no_long_time(tmp_path: Path) -> None:
    path = tmp_path / "events.xml.gz"
    packed = gzip.compress(b"<Event x>\n" + b"".join(b"%d a line\n" % number for number in range(200_000)), 6)
    path.write_bytes(packed[:-30_000] + bytes(reversed(packed[-30_000:])))
    begin = time.process_time()
    with pytest.raises(InputError, match=r"events\.xml\.gz"):
        found(path, "Cab1")
    assert time.process_time() - begin < 20


@pytest.mark.parametrize("text", ["2001:DB8:0:0:0:0:0:A", "2001:0db8:0000:0000:0000:0000:0000:000a", "2001:db8::0a"])
def test_addresses_of_ipv6_are_found_however_they_are_written(tmp_path: Path, text: str) -> None:
    path = tmp_path / "flows.csv"
    wrong = text[:-1] + "B"
    path.write_text(f"{wrong},50123,2001:db8::2,49701\n{text},50123,2001:DB8::2,49701\n")
    assert [each.line for each in found(path, "2001:db8::a:50123>2001:db8::2:49701@1")] == [2]


def test_a_line_with_an_event_in_it_is_a_line(tmp_path: Path) -> None:
    path = tmp_path / "syslog.log"
    path.write_text("<134>1 <Event x\n<134>2 uid Cab1\n<134>3\n")
    assert told(found(path, "Cab1")) == [(2, "<134>2 uid Cab1")]


def test_a_line_break_in_an_id_ends(tmp_path: Path) -> None:
    path = tmp_path / "any.json"
    path.write_text("a\nb\nc\n")
    assert len(found(path, "\n")) <= 3


def test_what_came_through_a_pipe_is_not_there(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for source in ("-", str(tmp_path / "pipe")):
        with pytest.raises(InputError, match="was read as it came, and is not kept"):
            list(search(source, [Wanted("Cab1", {})]))


@pytest.mark.parametrize("kind", [pa.int64(), pa.string()])
def test_parquet_with_other_types(tmp_path: Path, kind: pa.DataType) -> None:
    path = tmp_path / "other.parquet"
    row = {"flow_id": 7, "src_ip": "10.0.1.1", "src_port": 50123, "dest_ip": "10.0.1.2", "dest_port": 49701}
    columns = {
        name: pa.array([value]) if isinstance(value, str) else pa.array([value]).cast(kind)
        for name, value in row.items()
    }
    pq.write_table(pa.table(columns), path)
    assert [len(found(path, flow_id)) for flow_id in ("7", "8", MADE_UP)] == [1, 0, 1]


def test_parquet_that_is_cut_or_holds_what_can_not_be_is_told(tmp_path: Path) -> None:
    path = tmp_path / "cut.parquet"
    path.write_bytes(PARQUET.read_bytes()[:4000])
    with pytest.raises(InputError, match="can't be searched"):
        found(path, "C00030")
    sides = {"src_ip": ["10.0.1.1"], "src_port": [1], "dest_ip": ["10.0.1.2"], "dest_port": [2]}
    late = pa.array([2**62], pa.timestamp("us"))
    pq.write_table(pa.table({"flow_id": ["C1"], **sides, "at": late}), path)
    with pytest.raises(InputError, match="can't be searched"):
        found(path, "C1")


@pytest.mark.parametrize(
    ("name", "written"), [("saved.xml", windows.saved), ("printed.xml", windows.printed), ("nxlog.json", windows.nxlog)]
)
def test_events_of_windows_are_found_by_number_and_computer(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str, written: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    flows = [
        Flow(
            f"C{number}{port}",
            BASE_US + number * 1_000_000,
            None,
            "10.0.1.1",
            50000 + number,
            f"10.0.1.{2 + number % 5}",
            port,
        )
        for number in range(40)
        for port in (135, 49701)
    ]
    Path(name).write_bytes(written(flows))
    with workspace_at(tmp_path):
        pass
    assert called(capfd, "hunt", name, "--quiet", "--budget", "all", "--format", "jsonl")[0] == 0
    every = [json.loads(line) for line in called(capfd, "findings", "export")[1].splitlines()]
    assert every
    for each in every:
        code, out, err = called(capfd, "findings", "records", each["finding_id"], "--format", "jsonl")
        assert (code, re.fullmatch(r"found (\d+) of \1 that evidence names\n", err) is not None) == (0, True), err
        for line in out.splitlines():
            row = json.loads(line)
            assert row["flow_id"].rpartition(" ")[2] in row["record"]


def test_at_most_so_many_of_one_id(tmp_path: Path) -> None:
    path = tmp_path / "dce_rpc.log"
    path.write_text("1.0\tCab1\n" * 50 + "2.0\tCab2\n")
    assert [(each.flow_id, each.line) for each in found(path, "Cab1", "Cab2")] == [
        *(("Cab1", line) for line in range(1, records.MOST_RECORDS + 1)),
        ("Cab2", 51),
    ]


def test_what_is_no_text_is_told(tmp_path: Path) -> None:
    path = tmp_path / "security.evtx"
    path.write_bytes(b"ElfFile\0\0\0Cab1")
    with pytest.raises(InputError, match="is no text"):
        found(path, "Cab1")


@given(st.data())
def test_lines_are_those_that_a_plain_search_gives(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    names = ["C1", "C2", "C12", MADE_UP]
    word = st.sampled_from(["C1", "C2", "C12", "C1C2", "10.0.1.1", "50123", "10.0.1.2", "49701", "10.0.1.1.2", "é", ""])
    lines = data.draw(st.lists(st.lists(word, max_size=6).map("\t".join), min_size=1, max_size=30))
    path = tmp_path_factory.mktemp("lines") / "any.log"
    path.write_text("\n".join(["#", *lines]), encoding="utf-8")
    expected = [
        (number, name)
        for number, line in enumerate(lines, 2)
        for name in names
        if {name} <= set(line.split("\t")) or (name == MADE_UP and set(SIDES.values()) <= set(line.split("\t")))
    ]
    assert sorted((each.line or 0, each.flow_id) for each in found(path, *names)) == sorted(expected)


@pytest.fixture
def corp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with a finding whose evidence stands in a log beside it, in which somebody wrote a control sequence."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(getpass, "getuser", lambda: "ann")
    Path("conn.log").write_text("#fields\tuid\tnote\n1.0\tCab1\ta\x1b[2Jb\n")
    evidence = [of("Cab1", "conn.log"), of("Cab9", "conn.log"), of("Cab1", "gone.log")]
    with workspace_at(tmp_path) as workspace:
        keep(
            workspace,
            [finding("aaaa1", evidence=evidence), finding("bbbb2", "10.0.9.9", evidence=[of("Cab9", "gone.log")])],
            [DAY],
        )
    return tmp_path


def called(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = outcome(lambda: app([*arguments, "-w", "corp.db"], prog_name="rpcsight", standalone_mode=False))
    out, err = capfd.readouterr()
    return code, out, err


def test_command_for_people(corp: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = called(capfd, "findings", "records", "aaaa")
    assert (code, out) == (0, "conn.log, line 2, flow Cab1\n  1.0  Cab1  a\\x1b[2Jb\n\n")
    assert err.splitlines() == [
        "not searched to the end: gone.log: is not there",
        "  hint: the hunt named it from another folder: go there first",
        "found 1 of 2 that evidence names; not found: Cab9",
    ]


def test_command_for_programs(corp: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = called(capfd, "findings", "records", "aaaa", "--format", "jsonl", "--quiet")
    assert (code, err.splitlines()[0]) == (0, "not searched to the end: gone.log: is not there")
    assert json.loads(out) == {
        "finding_id": "aaaa100000000000",
        "source": "conn.log",
        "line": 2,
        "flow_id": "Cab1",
        "record": "1.0\tCab1\ta\x1b[2Jb",
        "is_whole": True,
    }


def test_command_that_finds_nothing_fails(corp: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = called(capfd, "findings", "records", "bbbb")
    assert (code, out) == (3, "")
    assert err.startswith("error: gone.log: is not there\n")
    (corp / "gone.log").write_text("nothing of it\n")
    assert called(capfd, "findings", "records", "bbbb")[2].startswith(
        "error: bbbb200000000000: its evidence names 1, and no record of these was found"
    )
    assert called(capfd, "findings", "records", "bbbb", "--format", "csv")[0] == 2


def test_all_that_a_hunt_names_is_found(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert called(capfd, "demo")[0] == 0
    every = [json.loads(line) for line in called(capfd, "findings", "export")[1].splitlines()]
    assert len(every) == 3
    for each in every:
        code, _, err = called(capfd, "findings", "records", each["finding_id"])
        rows = [*each["evidence"], *each["detections"]]
        count = len({name for row in rows for name in (row.get("mapper_id"), row["flow_id"]) if name})
        assert (code, err) == (0, f"found {count} of {count} that evidence names\n")
