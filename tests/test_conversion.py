"""convert: every flow and every fact goes into Parquet by day, and comes back with the same results; nothing is ever lost on the way."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings

import rpcsight
from rpcsight import conversion
from rpcsight.account import Account
from rpcsight.errors import InputError, RpcsightError, UsageError
from rpcsight.pipeline import Request, opened
from rpcsight.schema import FACTS, FLOW, RPC_CALL
from tests import system
from tests.contracts.samples import BASE_US, FLOWS, FORMS, Form, flow, zeek_json, zeek_tsv
from tests.contracts.test_zeek_logs import LOGS, tsv
from tests.oracles.flow import Flow
from tests.properties.strategies import flow_lists
from tests.recording import NFDUMP, PARQUET, arrow_schema

ANALYTICS = ("CAR-2014-05-001", "rpc-activity", "rpc-attempts", "rpc-calls", "rpc-mappings", "smb-events")
FORM = {form.name: form for form in FORMS}
DAY_US = 86_400_000_000
LATE_US = 1_772_495_999_999_999  # 2026-03-02 23:59:59.999999 UTC


def results(*paths: Path) -> dict[str, pa.Table]:
    with opened(Request(list(map(str, paths)))) as session:
        return {name: session.run(name) for name in ANALYTICS}


def assert_round_trip(original: Path, folder: Path) -> Account:
    """Read the original and what it is converted to: every row of every analytic is the same."""
    account = rpcsight.convert(original, folder)
    before, after = results(original), results(folder)
    for name in ANALYTICS:
        assert after[name].to_pylist() == before[name].to_pylist(), name
        assert after[name].schema == before[name].schema
    return account


def flows_in(folder: Path) -> list[dict[str, Any]]:
    return pq.read_table(folder / "flow", partitioning=None).to_pylist()


def names_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


# --- there and back


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_every_format_comes_back(form: Form, tmp_path: Path) -> None:
    if form.needs:
        system.require(form.needs)
    if form.mapping:
        pytest.skip("its columns have names of their own: --map is for the first reading only")
    path = tmp_path / form.file
    path.write_bytes(form.write(FLOWS))
    account = assert_round_trip(path, tmp_path / "lake")
    assert account.records == form.records


@pytest.mark.parametrize("name", ["zeek", "zeek/OTRF+Security-Datasets/apt29_day2_combined_zeek.log"])
def test_public_zeek_logs_come_back(name: str, tmp_path: Path) -> None:
    account = assert_round_trip(system.shared_data(name), tmp_path / "lake")
    assert set(account.written) == {"flow", "rpc_call", "smb_event"}


@pytest.mark.parametrize("recording", [NFDUMP, PARQUET], ids=["halves", "flows"])
def test_our_recording_comes_back(recording: Path, tmp_path: Path) -> None:
    assert_round_trip(recording, tmp_path / "lake")


def test_captures_come_back_with_what_packets_show(tmp_path: Path) -> None:
    """Two of one attack, taken at both ends: what both hold still counts once."""
    folder = tmp_path / "captures"
    folder.mkdir()
    for end in ("WORKSTATION5", "WORKSTATION6"):
        name = f"empire_psexec_dcerpc_tcp_svcctl_{end}_2020-09-20121608.cap"
        (folder / name).symlink_to(system.shared_data("pcap", "OTRF+Security-Datasets", name))
    account = assert_round_trip(folder, tmp_path / "lake")
    assert set(account.written) == {"flow", "rpc_bind", "rpc_call", "rpc_mapping"}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(flow_lists())
def test_random_flows_come_back(tmp_path_factory: pytest.TempPathFactory, flows: list[Flow]) -> None:
    folder = tmp_path_factory.mktemp("random")
    path = folder / "flows.json"
    path.write_bytes(zeek_json([*flows, *FLOWS]))
    assert_round_trip(path, folder / "lake")


# --- what is written


def test_every_flow_is_kept_on_any_port(tmp_path: Path) -> None:
    path = tmp_path / "conn.log"
    path.write_bytes(zeek_tsv(FLOWS))
    account = rpcsight.convert(path, tmp_path / "lake")
    rows = flows_in(tmp_path / "lake")
    assert (account.records, account.written, len(rows)) == (len(FLOWS), {"flow": len(FLOWS)}, len(FLOWS))
    assert {row["flow_id"] for row in rows} == {each.flow_id for each in FLOWS}
    assert {row["source"] for row in rows} == {str(path)}


def test_every_half_is_paired(tmp_path: Path) -> None:
    """Also between two well-known ports, which no analytic looks at."""
    flows = [
        flow(1, 0, 500, ("10.0.0.1", 123), ("10.0.0.2", 123)),
        flow(2, 0, 500, ("10.0.0.1", 500), ("10.0.0.2", 22)),
    ]
    path = tmp_path / "flows.json"
    path.write_bytes(FORM["nfdump-ndjson"].write(flows))
    rpcsight.convert(path, tmp_path / "lake")
    rows = flows_in(tmp_path / "lake")
    assert sorted((row["src_port"], row["dest_port"], row["is_established"]) for row in rows) == [
        (123, 123, True),
        (500, 22, True),
    ]


def test_layout(tmp_path: Path) -> None:
    """Three days with an empty one between them, to the microsecond; columns as the schema has them; sorted; zstd."""
    flows = [
        replace(FLOWS[number % len(FLOWS)], flow_id=str(number), start_us=start_us, end_us=start_us)
        for number, start_us in enumerate((LATE_US, LATE_US + 1, BASE_US, BASE_US + 3 * DAY_US, BASE_US - 1))
    ]
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "conn.log").write_bytes(zeek_tsv(flows))
    for name in LOGS:
        (tmp_path / "logs" / f"{name}.log").write_bytes(tsv(name))
    lake = tmp_path / "lake"
    account = rpcsight.convert(tmp_path / "logs", lake)
    assert names_in(lake) == [
        "_rpcsight.json",
        *(f"flow/day=2026-03-0{day}/part-0.parquet" for day in (2, 3, 5)),
        "rpc_call/day=2026-03-02/part-0.parquet",
        "smb_event/day=2026-03-02/part-0.parquet",
    ]
    assert json.loads((lake / "_rpcsight.json").read_text())["tables"] == {"flow": 5, "rpc_call": 4, "smb_event": 4}
    assert account.written == {"flow": 5, "rpc_call": 4, "smb_event": 4}
    for path in lake.rglob("*.parquet"):
        file = pq.ParquetFile(path)
        columns = FLOW if "flow" in path.parts else FACTS[path.parts[-3]]
        assert file.schema_arrow.remove_metadata() == arrow_schema(columns)
        assert file.metadata.row_group(0).column(0).compression == "ZSTD"
        times = file.read()["start_time" if "flow" in path.parts else "time_us"]
        assert times.to_pylist() == sorted(times.to_pylist())
    by_day = {row["flow_id"]: row["start_time"].date() for row in flows_in(lake)}
    assert by_day == {
        "0": date(2026, 3, 2),
        "1": date(2026, 3, 3),
        "2": date(2026, 3, 2),
        "3": date(2026, 3, 5),
        "4": date(2026, 3, 2),
    }


def test_duckdb_and_pyarrow_see_the_days(tmp_path: Path) -> None:
    flows = [replace(FLOWS[0], flow_id=str(day), start_us=BASE_US + day * DAY_US, end_us=None) for day in range(3)]
    (tmp_path / "conn.log").write_bytes(zeek_tsv(flows))
    rpcsight.convert(tmp_path / "conn.log", tmp_path / "lake")
    sql = f"select day, flow_id from read_parquet('{tmp_path}/lake/flow/*/*.parquet', hive_partitioning = true) order by 1"
    found = duckdb.execute(sql).fetchall()
    assert found == [(date(2026, 3, 2) + timedelta(days=day), str(day)) for day in range(3)]
    table = ds.dataset(tmp_path / "lake" / "flow", partitioning="hive").to_table(filter=pc.field("day") == "2026-03-03")
    assert table["flow_id"].to_pylist() == ["1"]
    some = results(tmp_path / "lake" / "flow" / "day=2026-03-03", tmp_path / "lake" / "flow" / "day=2026-03-04")
    assert some["rpc-activity"].num_rows == 0


def test_large_days_have_several_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversion, "MOST_ROWS", 4)
    monkeypatch.setattr(conversion, "ROWS_AT_ONCE", 1)
    monkeypatch.setattr("rpcsight.engines.duckdb.ROWS_AT_ONCE", 2)
    path = tmp_path / "conn.log"
    many = [replace(FLOWS[1], flow_id=f"{number:05}", start_us=BASE_US + number) for number in range(5000)]
    path.write_bytes(zeek_tsv(many))
    rpcsight.convert(path, tmp_path / "lake")
    files = sorted((tmp_path / "lake" / "flow" / "day=2026-03-02").iterdir(), key=lambda file: int(file.stem[5:]))
    rows = [row for file in files for row in pq.read_table(file, partitioning=None)["flow_id"].to_pylist()]
    assert (len(files) > 1, rows) == (True, [each.flow_id for each in many])


def test_bounds(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "conn.log").write_bytes(zeek_tsv(FLOWS))
    (tmp_path / "logs" / "dce_rpc.log").write_bytes(tsv("dce_rpc"))
    account = rpcsight.convert(
        tmp_path / "logs", tmp_path / "lake", since="2026-03-02T10:00:10", until="2026-03-02T10:00:20"
    )
    assert account.written == {"flow": 2}
    assert [row["flow_id"] for row in flows_in(tmp_path / "lake")] == ["C03", "C04"]


def test_what_is_no_flow_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "conn.log"
    broken = "1772445600.5\tX\t10.0.0.1\t-\t10.0.0.2\t80\n-\tY\t10.0.0.1\t5\t10.0.0.2\t80\nbad\n"
    fields = ("ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p")
    path.write_bytes(zeek_tsv(FLOWS, fields).replace(b"#close", broken.encode() + b"#close"))
    account = rpcsight.convert(path, tmp_path / "lake")
    assert account.written == {"flow": len(FLOWS)}
    assert sorted((skip.what, skip.count) for skip in account.skips) == [
        ("lines that can't be read", 1),
        ("src_port missing or not a port", 1),
        ("start_time missing or not a time", 1),
    ]


@pytest.mark.parametrize("time_us", [None, -1, 2**62, -(2**63)])
def test_facts_of_no_time_are_counted(time_us: int | None, tmp_path: Path) -> None:
    """A file that somebody else made of our columns may hold anything."""
    path = tmp_path / "calls.parquet"
    rows = [{"time_us": time_us, "flow_us": time_us, "opnum": 1}, {"time_us": BASE_US, "flow_us": BASE_US, "opnum": 2}]
    pq.write_table(pa.Table.from_pylist(rows, arrow_schema(RPC_CALL)), path)
    account = rpcsight.convert(path, tmp_path / "lake")
    assert account.written == {"rpc_call": 1}
    assert [(skip.what, skip.count) for skip in account.skips] == [
        ("rpc_call: time missing, or before 1970 or after 2099", 1)
    ]


def test_progress_is_told(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    account = conversion.convert(Request([str(PARQUET)]), tmp_path / "lake", progress=lambda *each: told.append(each))
    assert told[-1] == ("writing flow", account.written["flow"], account.written["flow"])


# --- nothing is lost


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def refused(*paths: Path, folder: Path, **options: Any) -> RpcsightError:
    with pytest.raises(RpcsightError) as error:
        rpcsight.convert(paths, folder, **options)
    return error.value


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    lake.mkdir()
    rpcsight.convert(PARQUET, lake)
    assert left(tmp_path) == ["lake"]
    assert left(lake) == ["_rpcsight.json", "flow"]


def test_what_is_there_is_replaced_only_when_asked(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    path = tmp_path / "conn.log"
    path.write_bytes(zeek_tsv(FLOWS[:3]))
    rpcsight.convert(PARQUET, lake)
    error = refused(path, folder=lake)
    assert (type(error), error.where, error.what) == (UsageError, "--output", f"{str(lake)!r} is not empty")
    rpcsight.convert(path, lake, replace=True)
    assert [row["flow_id"] for row in flows_in(lake)] == ["C01", "C02", "C03"]
    assert left(tmp_path) == ["conn.log", "lake"]


@pytest.mark.parametrize(
    "name",
    ["notes.txt", "flow/notes.txt", "flow/day=2026-11-21/notes.parquet", "other/part-0.parquet", "flow/day=1/x/y"],
)
def test_what_convert_did_not_make_is_never_replaced(name: str, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    rpcsight.convert(PARQUET, lake)
    (lake / name).parent.mkdir(parents=True, exist_ok=True)
    (lake / name).write_text("mine")
    before = names_in(lake)
    error = refused(PARQUET, folder=lake, replace=True)
    assert (type(error), error.where) == (UsageError, "--replace")
    assert "was not made by convert, and would be lost" in error.what
    assert (names_in(lake), (lake / name).read_text()) == (before, "mine")


def test_a_folder_of_somebody_else_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "lake" / "flow" / "day=2026-11-21" / "part-0.parquet"
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    assert refused(PARQUET, folder=tmp_path / "lake", replace=True).where == "--replace"
    assert path.read_text() == "mine"


@pytest.mark.parametrize("options", [{}, {"replace": True}], ids=["new", "replace"])
def test_files_links_and_missing_folders_are_refused(options: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    for name in ("file", "link", "no/such"):
        assert refused(PARQUET, folder=tmp_path / name, **options).where == "--output"
    assert left(tmp_path) == ["file", "link", "real"]


@pytest.mark.parametrize("name", ["a\0b", "x" * 300, "", "/"])
def test_impossible_names_are_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").write_text("mine")
    monkeypatch.chdir(tmp_path)
    assert isinstance(refused(PARQUET, folder=Path(name)), UsageError)
    assert left(tmp_path) == ["mine"]


def test_inputs_are_never_written_over(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    rpcsight.convert(PARQUET, lake)
    error = refused(lake, folder=lake, replace=True)
    assert (error.where, error.what) == ("--output", f"{lake} is one of the inputs, and would be lost")
    assert names_in(lake) == names_in(lake)


@pytest.mark.parametrize("place", ["read", "written", "in place"])
def test_what_fails_leaves_all_as_it_was(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = tmp_path / "lake"
    rpcsight.convert(PARQUET, lake)
    before = {name: (lake / name).read_bytes() for name in names_in(lake)}
    path = tmp_path / "conn.log"
    path.write_bytes(zeek_tsv(FLOWS) if place != "read" else b"nothing")
    if place == "written":

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(pq.ParquetWriter, "write_table", full)
    if place == "in place":
        rename = Path.rename

        def stuck(self: Path, target: Path) -> Path:
            if self.name.endswith(".part"):
                raise OSError(16, "Device or resource busy")
            return rename(self, target)

        monkeypatch.setattr(Path, "rename", stuck)
    error = refused(path, folder=lake, replace=True)
    assert isinstance(error, InputError)
    assert {name: (lake / name).read_bytes() for name in names_in(lake)} == before
    assert left(tmp_path) == ["conn.log", "lake"]


def test_nothing_to_write_is_an_error(tmp_path: Path) -> None:
    error = refused(PARQUET, folder=tmp_path / "lake", since=datetime(2030, 1, 1))
    assert (type(error), error.what) == (InputError, "hold nothing to write")
    assert left(tmp_path) == []


def test_it_can_be_called_twice(tmp_path: Path) -> None:
    """The function keeps its name when the module that does the work is loaded."""
    counts: Sequence[int] = [rpcsight.convert(PARQUET, tmp_path / name).files for name in ("a", "b")]
    assert list(counts) == [1, 1]


# --- the command


def command(*arguments: object) -> tuple[int, str, str]:
    program = [sys.executable, "-m", "rpcsight", "convert", *map(str, arguments)]
    ran = subprocess.run(program, capture_output=True, text=True, check=False)
    return ran.returncode, ran.stdout, ran.stderr


def test_the_command_says_what_it_read_and_wrote(tmp_path: Path) -> None:
    (tmp_path / "conn.log").write_bytes(zeek_tsv(FLOWS))
    code, out, err = command(tmp_path / "conn.log", "-o", tmp_path / "lake")
    assert (code, out, err.splitlines()) == (
        0,
        "",
        ["read 1 file (zeek 1): 16 records", "wrote flow (16)", "clock resolution of the observers: 1 ms (1)"],
    )
    assert command(tmp_path / "conn.log", "-o", tmp_path / "lake", "-q", "--replace") == (0, "", "")


def test_the_command_refuses_as_others_do(tmp_path: Path) -> None:
    (tmp_path / "lake" / "mine").mkdir(parents=True)
    assert command(PARQUET, "-o", tmp_path / "lake") == (
        2,
        "",
        f"error: --output: {str(tmp_path / 'lake')!r} is not empty\n  hint: name another, or add --replace if convert made it\n",
    )
    assert command(PARQUET)[0] == 2
    assert command(tmp_path / "gone", "-o", tmp_path / "new")[0] == 3
    assert left(tmp_path) == ["lake"]
