"""Engines: what DuckDB keeps of a file and what it counts; packing, threads and memory change nothing; pieces of SQL text."""

import gzip
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from rpcsight.analytics import step
from rpcsight.engines import TABLES, Engine, LayoutChange, ReadCount, Scan, Statements, Unreadable, duckdb, open_engine
from rpcsight.engines._closed import memory_mib
from rpcsight.engines._files import passes
from rpcsight.engines.text import identifier, literal, mapped, used
from rpcsight.errors import EngineError, InputError, UsageError
from rpcsight.pipeline import Request, opened
from rpcsight.schema import names
from tests.contracts.samples import BASE_US, zeek_tsv, zst
from tests.oracles.flow import Flow
from tests.recording import PARQUET

PARAMETERS = Request([]).parameters()
STATEMENTS = Statements(step("reading"), step("half"), step("paired"))
FORESEEN = replace(STATEMENTS, interest=step("reading").rpartition("\nwhere ")[2])
HEADER = "#fields\tts\tsrc\tsport\tdst\tdport"
LINES = (
    "1\t10.0.0.1\t50000\t10.0.0.2\t135",
    "1.5\t10.0.0.1\t50001\t10.0.0.2\t49664",
    "2\t10.0.0.1\t50002\t10.0.0.2\t443",
)
KEPT = [(1_000_000, 50000, 135), (1_500_000, 50001, 49664)]
ANALYTICS = ("CAR-2014-05-001", "rpc-activity", "rpc-attempts")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    opened_engine = open_engine("duckdb", scratch=str(tmp_path))
    yield opened_engine
    opened_engine.close()


def scan(path: Path, *lines: str, **changes: Any) -> Scan:
    """A scan of a file of these lines, tab-separated under a header as Zeek has it."""
    path.write_text("".join(f"{line}\n" for line in lines))
    whole = Scan(
        reader="zeek",
        form="csv",
        paths=(str(path),),
        observer="sensor",
        columns={"ts": "DOUBLE", "src": "VARCHAR", "sport": "INTEGER", "dst": "VARCHAR", "dport": "INTEGER"},
        fields={"start_us": "cast(ts * 1e6 as bigint)", "src_ip": "src", "src_port": "sport", "dest_ip": "dst", "dest_port": "dport"},
        delimiter="\t",
        header_mark="#",
        header=HEADER,
    )  # fmt: skip
    return replace(whole, **changes)


def kept(engine: Engine) -> list[tuple[Any, ...]]:
    rows = engine.rows("select start_us, src_port, dest_port from reading order by all", {})
    return [tuple(row.values()) for row in rows.to_pylist()]


def results(path: Path) -> list[pa.Table]:
    with opened(Request([str(path)])) as session:
        return [session.run(name).drop_columns("source") for name in ANALYTICS]


def test_an_unknown_engine_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'abacus' is no engine"):
        open_engine("abacus", scratch=str(tmp_path))


# --- reading


def test_candidates_are_kept_and_all_records_counted(engine: Engine, tmp_path: Path) -> None:
    counted = engine.read(scan(tmp_path / "conn.log", HEADER, *LINES), STATEMENTS, PARAMETERS)
    assert (counted, kept(engine)) == (ReadCount(records=3), KEPT)


def test_lines_that_can_not_be_read_are_counted_and_the_first_shown(engine: Engine, tmp_path: Path) -> None:
    bad = ["1\ttoo\tfew", "x\t10.0.0.1\t1\t10.0.0.2\t135", "1\t10.0.0.1\t1\t10.0.0.2\t135\tmore", "\x1b[2J"]
    path = tmp_path / "conn.log"
    counted = engine.read(scan(path, HEADER, LINES[0], *bad, LINES[1], "#close\tnow"), STATEMENTS, PARAMETERS)
    assert (counted.records, counted.unreadable, kept(engine)) == (2, 4, KEPT)
    assert [(each.source, each.line) for each in counted.examples] == [(str(path), 3), (str(path), 4), (str(path), 5)]
    assert counted.examples[1].what.startswith("ts: ")
    assert counted.examples[1].what.endswith("the line begins 'x\\t10.0.0.1\\t1\\t10.0.0.2\\t135'")


def test_columns_that_change_on_the_way_keep_nothing(engine: Engine, tmp_path: Path) -> None:
    changed = scan(tmp_path / "conn.log", HEADER, *LINES, "#fields\tts\tdst\tdport\tsrc\tsport", *LINES)
    with pytest.raises(LayoutChange):
        engine.read(changed, STATEMENTS, PARAMETERS)
    assert kept(engine) == []
    again = engine.read(scan(tmp_path / "conn.log", HEADER, LINES[0], HEADER, LINES[1]), STATEMENTS, PARAMETERS)
    assert (again, kept(engine)) == (ReadCount(records=2), KEPT)


def test_a_file_that_is_gone_is_an_input_error(engine: Engine, tmp_path: Path) -> None:
    gone = replace(scan(tmp_path / "conn.log"), paths=(str(tmp_path / "gone.log"),))
    with pytest.raises(InputError, match=r"gone\.log: "):
        engine.read(gone, STATEMENTS, PARAMETERS)
    assert kept(engine) == []


def test_packed_files_are_read_through_pipes(engine: Engine, tmp_path: Path) -> None:
    packed = scan(tmp_path / "conn.log", HEADER, *LINES, "bad", compression="gz")
    Path(packed.paths[0]).write_bytes(gzip.compress(Path(packed.paths[0]).read_bytes()))
    counted = engine.read(packed, STATEMENTS, PARAMETERS)
    assert (counted.records, counted.unreadable, kept(engine)) == (3, 1, KEPT)
    assert counted.examples[0] == Unreadable(packed.paths[0], None, counted.examples[0].what)


def test_packing_changes_no_rows(tmp_path: Path) -> None:
    flows = [
        Flow(f"C{number}", BASE_US + number * 500_000, None, f"10.0.0.{number // 4 % 9}", 50000 + number % 9999, "10.1.0.1", port)
        for number, port in enumerate([135, 49664, 443, 49670] * 4000)
    ]  # fmt: skip
    text = zeek_tsv(flows)
    forms = {"conn.log": text, "conn.log.gz": gzip.compress(text, 1), "conn.log.zst": zst(text)}
    forms["members/conn.log.gz"] = gzip.compress(text[:1_000_000], 1) + gzip.compress(text[1_000_000:], 1)
    (tmp_path / "members").mkdir()
    for name, content in forms.items():
        (tmp_path / name).write_bytes(content)
    plain, *packed = (results(tmp_path / name) for name in forms)
    assert len(text) > 1 << 20
    assert packed == [plain] * 3
    assert [rows.num_rows > 1000 for rows in plain] == [True, True, False]


@pytest.mark.parametrize(
    ("most", "mib"),
    [("18.8 GiB", 6016), ("1.5 TiB", 491520), ("3.5 GiB", 1144), ("512.0 MiB", 1144), ("0 bytes", 1144)],
)
def test_a_quarter_of_the_memory_is_taken(most: str, mib: int) -> None:
    assert memory_mib(most) == mib


@pytest.mark.parametrize("setting", ["threads = 1", "threads = 2", "threads = 7", "memory_limit = '100MB'"])
def test_threads_and_memory_change_no_rows(setting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = results(PARQUET)
    monkeypatch.setattr(duckdb, "CLOSED", (*duckdb.CLOSED, f"set {setting}"))
    assert results(PARQUET) == usual


# --- queries


def test_rows_batches_and_kept_relations(engine: Engine) -> None:
    engine.keep("three", "select * from range(3) as numbers(n)", {})
    engine.keep("three", "select n + $by as n from range(3) as numbers(n)", {"by": 5, "unused": 1})
    assert engine.rows("select n from three order by n", {}).to_pydict() == {"n": [5, 6, 7]}
    assert engine.batches("select n from three order by n", {}).read_all().to_pydict() == {"n": [5, 6, 7]}


def test_what_the_engine_refuses_is_told_in_its_words(engine: Engine) -> None:
    with pytest.raises(EngineError, match="query: Catalog Error: Table with name nowhere does not exist"):
        engine.rows("select * from nowhere", {})
    with pytest.raises(EngineError, match="mine: Parser Error"):
        engine.keep("mine", "select from where", {})


def test_nothing_is_fetched(engine: Engine) -> None:
    sql = "select name, value from duckdb_settings() where name like 'auto%_known_extensions' order by name"
    settings = engine.rows(sql, {}).to_pydict()
    assert settings == {"name": ["autoinstall_known_extensions", "autoload_known_extensions"], "value": ["false"] * 2}


def test_an_interrupted_query_is_an_interrupt() -> None:
    with pytest.raises(KeyboardInterrupt), duckdb._told_as(EngineError, "query"):
        raise RuntimeError(duckdb.INTERRUPTED)
    with pytest.raises(RuntimeError, match="else"), duckdb._told_as(EngineError, "query"):
        raise RuntimeError("else")


# --- text


@pytest.mark.parametrize("name", ['a"b', "a'); drop table reading; --", "", "ü"])
def test_names_and_literals_are_quoted(name: str, engine: Engine) -> None:
    row = engine.rows(f"select {literal(name)} as {identifier('x' + name)}", {}).to_pylist()[0]
    assert row == {f"x{name}": name}


def test_only_parameters_that_a_text_names_are_used() -> None:
    assert used("select $a, $b_c", {"a": 1, "b_c": 2, "d": 3}) == {"a": 1, "b_c": 2}
    assert used("/* a log's, not $d */ select '$d', $a /* it's $d */", {"a": 1, "d": 3}) == {"a": 1}


@pytest.mark.parametrize(("gives", "table"), TABLES.items())
def test_a_scan_is_mapped_to_all_columns(gives: str, table: Any, engine: Engine, tmp_path: Path) -> None:
    text = mapped(scan(tmp_path / "conn.log", gives=gives), "raw", "'here'")
    raw = "select 1.5 as ts, 'a' as src, 1 as sport, 'b' as dst, 2 as dport"
    row = engine.rows(f"with raw as ({raw}) {text}", {}).to_pylist()[0]
    told = {"start_us": 1_500_000, "src_ip": "a", "src_port": 1, "dest_ip": "b", "dest_port": 2}
    told |= {"observer": "sensor", "source": "here", "is_oriented": True}
    assert row == {name: told.get(name) for name in names(table)}


# --- files that hold several tables


def mixed(path: Path) -> Scan:
    """A file of flows, calls and what is neither."""
    path.write_text(
        '{"kind": "flow", "ms": 1, "ends": {"src": "10.0.0.1", "dst": "10.0.0.2"}, "port": 135}\n'
        '{"kind": "call", "ms": 2, "ends": {"src": "10.0.0.1", "dst": "10.0.0.2"}, "no": "12"}\n'
        '{"kind": "dns", "ms": 3}\n'
        '{"kind": "call", "ms": 4, "ends": "odd", "no": "13"}\n'
        "broken\n"
    )
    flows = Scan(
        reader="mixed",
        form="json",
        paths=(str(path),),
        observer="sensor",
        columns={"kind": "VARCHAR", "ms": "BIGINT", "ends": {"src": "VARCHAR", "dst": "VARCHAR"}, "port": "INTEGER", "no": "VARCHAR"},
        fields={"start_us": "ms", "src_ip": "ends.src", "src_port": "50000", "dest_ip": "ends.dst", "dest_port": "port"},
        when="kind = 'flow'",
    )  # fmt: skip
    called = {"time_us": "ms", "src_ip": "ends.src", "opnum": "try_cast(no as integer)"}
    asked = {"time_us": "ms", "version": "no"}
    return replace(
        flows,
        others=(
            replace(flows, gives="rpc_call", when="kind = 'call'", fields=called),
            replace(flows, gives="rpc_bind", when="kind = 'call'", fields=asked),
        ),
    )


@pytest.mark.parametrize("statements", [STATEMENTS, FORESEEN], ids=["apart", "together"])
def test_one_file_gives_several_tables(statements: Statements, engine: Engine, tmp_path: Path) -> None:
    file = mixed(tmp_path / "mixed.json")
    assert [len(each.others) for each in file.passes(("rpc_call", "rpc_bind"))] == [0, 1]
    counted = engine.read(file, statements, PARAMETERS)
    rows = [
        tuple(row.values())
        for sql in (
            "select start_us, src_ip, dest_port, problem from reading order by start_us",
            "select time_us, src_ip, opnum, observer, source from rpc_call order by all",
            "select time_us, version, observer from rpc_bind order by all",
        )
        for row in engine.rows(sql, {}).to_pylist()
    ]
    assert counted == ReadCount(records=5)
    assert rows == [
        (1, "10.0.0.1", 135, None),
        (None, None, None, "dest_port missing or not a port"),
        (2, "10.0.0.1", 12, "sensor", str(tmp_path / "mixed.json")),
        (4, None, 13, "sensor", str(tmp_path / "mixed.json")),
        (2, "12", "sensor"),
        (4, "13", "sensor"),
    ]


def test_json_is_read_once_where_it_is_known_which_flows_are_kept(tmp_path: Path) -> None:
    file = mixed(tmp_path / "mixed.json")
    taken = [
        [(each.gives, [part.gives for part in each.others]) for each in passes(file, statements)]
        for statements in (STATEMENTS, FORESEEN, replace(FORESEEN, facts=()))
    ]
    assert taken == [
        [("record", []), ("rpc_call", ["rpc_bind"])],
        [("record", ["rpc_call", "rpc_bind"])],
        [("record", [])],
    ]


def test_tables_that_nobody_asks_for_are_not_made(engine: Engine, tmp_path: Path) -> None:
    file = mixed(tmp_path / "mixed.json")
    assert engine.read(file, replace(STATEMENTS, facts=()), PARAMETERS) == ReadCount(records=5)
    assert engine.rows("select * from rpc_call union all by name select * from rpc_bind", {}).num_rows == 0


def events(path: Path) -> tuple[Scan, Statements]:
    """A file of events, and what is made of them."""
    file = replace(
        mixed(path),
        gives="event",
        when="",
        fields={"time_us": "ms", "host": "'PC'", "channel": "kind", "process_id": "no", "source_ip": "ends.src"},
        others=(),
    )
    record = """
        select
          null as flow_id, time_us as start_us, time_us as end_us, source_ip as src_ip, 1 as src_port, 'b' as dest_ip, 135 as dest_port,
          'tcp' as transport_protocol, true as is_established, true as is_oriented, host as observer, source, null as set_aside
        from logged
        where channel = 'flow'
    """
    process = "select time_us, host, try_cast(process_id as bigint) as pid, source from logged where channel = 'call'"
    logged = {"told": "select * from event where channel <> 'none'", "logged": "select * from told"}
    given = {"record": record, "process": process, "host_event": "broken"}
    statements = replace(STATEMENTS, logged=logged, events=given, facts=("process",))
    return file, statements


def test_events_become_flows_and_facts(engine: Engine, tmp_path: Path) -> None:
    file, statements = events(tmp_path / "mixed.json")
    assert engine.read(file, statements, PARAMETERS) == ReadCount(records=5)
    assert [row["observer"] for row in engine.rows("select observer from reading", {}).to_pylist()] == ["PC"]
    assert engine.rows("select pid from process order by pid", {}).to_pydict() == {"pid": [12, 13]}
    assert engine.rows("select * from event", {}).num_rows == 0
