"""The workspace's file: whole or not there, one writer at a time, and never somebody else's file."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

import rpcsight
from rpcsight.baseline.summary import host, overview
from rpcsight.baseline.workspace import SHAPE, Workspace
from rpcsight.engines import open_engine
from rpcsight.engines.store import Store, tables
from rpcsight.errors import EngineError, InputError, RpcsightError, UsageError
from rpcsight.pipeline import Request, opened
from rpcsight.schema.baseline import BASELINE
from tests.recording import PARQUET

HOLD = """
import sys
from pathlib import Path
from rpcsight.baseline.workspace import Workspace
with Workspace(Path(sys.argv[1]), is_reading=sys.argv[2] == "reading"):
    print("open", flush=True)
    sys.stdin.read()
"""
CORRUPTIONS: dict[str, Callable[[bytes], bytes]] = {
    "text": lambda _: b"not a database\n" * 1000,
    "half": lambda content: content[: len(content) // 2],
    "header only": lambda content: content[:4096],
    "zeros within": lambda content: content[:12288] + b"\0" * 400_000 + content[412_288:],
    "noise within": lambda content: content[:12288] + bytes(range(256)) * 1200 + content[319_488:],
}


@pytest.fixture
def learned(tmp_path: Path) -> Path:
    """A workspace that has learned our recording."""
    path = tmp_path / "w"
    rpcsight.learn(PARQUET, workspace=path)
    return path


def test_a_new_workspace_is_there_as_a_whole_and_alone(tmp_path: Path) -> None:
    with Workspace(tmp_path / "corp.rpcsight") as workspace:
        assert overview(workspace, 2) == {
            "workspace": str(tmp_path / "corp.rpcsight"),
            "bytes": workspace.store.size(),
            "inputs": {"files": 0, "bytes": 0},
            **{"first_day": None, "last_day": None, "days": 0, "is_mature": False},
            **{"pairs": 0, "known_pairs": 0, "known_days": 2, "hosts": 0, "roles": {}},
            **{"newest_servers": [], "busiest_pairs": [], "held_back": [], "held_back_pairs": 0},
        }
    assert [path.name for path in tmp_path.iterdir()] == ["corp.rpcsight"]


@pytest.mark.parametrize("name", ["other", "workspace", "temp", "system", "memory", 'it\'s "so".db'])
def test_any_name_will_do(name: str, tmp_path: Path) -> None:
    assert rpcsight.learn(PARQUET, workspace=tmp_path / name).files == 1
    with Workspace(tmp_path / name, is_reading=True) as workspace:
        assert workspace.contents()
    with opened(Request([str(PARQUET)])) as session:
        session.attach(str(tmp_path / name), tuple(BASELINE))
        assert session.held("baseline_span")[0]["days"] == 1


def test_an_empty_file_becomes_one(tmp_path: Path) -> None:
    (tmp_path / "w").touch()
    assert rpcsight.learn(PARQUET, workspace=tmp_path / "w").files == 1


def test_where_none_can_be(tmp_path: Path) -> None:
    cases = {
        "there is no '.*nowhere'": lambda: Workspace(tmp_path / "nowhere", is_reading=True),
        "there is no folder '.*gone'": lambda: Workspace(tmp_path / "gone" / "w"),
        "is a folder": lambda: Workspace(tmp_path),
    }
    for words, make in cases.items():
        with pytest.raises(UsageError, match=words):
            make()
    assert list(tmp_path.iterdir()) == []


def test_a_database_of_others_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "theirs.db"
    with duckdb.connect(str(path)) as theirs:
        theirs.execute("create table mine as select 1 as one")
    for is_reading in (True, False):
        with pytest.raises(InputError, match="is no workspace of rpcsight"):
            Workspace(path, is_reading=is_reading)
    with duckdb.connect(str(path), read_only=True) as theirs:
        assert theirs.execute("select table_name from duckdb_tables()").fetchall() == [("mine",)]


def test_another_version_is_refused(learned: Path) -> None:
    with duckdb.connect(str(learned)) as theirs:
        theirs.execute(f"update workspace set shape = {SHAPE + 1}")
    with pytest.raises(
        UsageError, match=f"made by another version of rpcsight .shape {SHAPE + 1}, this one has {SHAPE}"
    ):
        Workspace(learned, is_reading=True)


@pytest.mark.parametrize("corruption", CORRUPTIONS, ids=str)
def test_a_damaged_file_is_an_error_in_a_sentence(corruption: str, learned: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged"
    damaged.write_bytes(CORRUPTIONS[corruption](learned.read_bytes()))
    code = "import sys, rpcsight; rpcsight.learn(sys.argv[1], workspace=sys.argv[2])"
    other = tmp_path / "f.csv"
    other.write_text("start_time,src_ip,src_port,dest_ip,dest_port\n2026-01-01T00:00:00Z,10.0.0.1,50000,10.0.0.2,135\n")
    ran = subprocess.run(
        [sys.executable, "-c", code, str(other), str(damaged)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 1, ran.stderr
    assert "\nrpcsight.errors." in ran.stderr, ran.stderr


@pytest.mark.parametrize(("holder", "comer"), [("writing", "writing"), ("writing", "reading"), ("reading", "writing")])
def test_two_at_once(holder: str, comer: str, learned: Path, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(learned), holder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holding:
        assert holding.stdout is not None
        assert holding.stdout.readline() == "open\n"
        with pytest.raises(InputError) as refused:
            Workspace(learned, is_reading=comer == "reading")
        said = f"{learned}: another process has this workspace open\n  hint: wait until it is done, or stop it"
        assert str(refused.value) == said
        if holder == "writing":
            engine = open_engine("duckdb", scratch=str(tmp_path), master=None)
            with pytest.raises(InputError) as not_attached:
                engine.attach(str(learned), ("known_pair",))
            engine.close()
            assert str(not_attached.value) == said
        holding.communicate()
    Workspace(learned).close()


def test_several_may_read(learned: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(learned), "reading"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holding:
        assert holding.stdout is not None
        assert holding.stdout.readline() == "open\n"
        with Workspace(learned, is_reading=True) as workspace:
            assert workspace.contents()
        holding.communicate()


def emptied(store: Store, then: Callable[[], object]) -> None:
    with store.transaction():
        store.run("delete from pair_day")
        then()


def stop() -> None:
    raise ZeroDivisionError


def test_what_fails_within_a_transaction_leaves_nothing(learned: Path) -> None:
    store = Store(learned)
    with pytest.raises(EngineError, match="no_such"):
        emptied(store, lambda: store.run("select no_such from pair_day"))
    with pytest.raises(ZeroDivisionError):
        emptied(store, stop)
    assert store.rows("select count(*) as rows from pair_day").to_pylist()[0]["rows"] > 0
    store.close()


def test_tables_for_engines_that_cannot_open_it(learned: Path) -> None:
    with Workspace(learned, is_reading=True) as workspace:
        wanted = [(name, workspace.rows(f"select * from {name}")) for name in ("known_pair", "known_hour")]
    assert [(name, rows.to_pylist()) for name, rows in tables(learned, ("known_pair", "known_hour"))] == wanted
    with pytest.raises(RpcsightError, match="no_such"):
        list(tables(learned, ("no_such",)))


def test_a_host_in_numbers(learned: Path) -> None:
    with Workspace(learned, is_reading=True) as workspace:
        found = host(workspace, "10.77.0.10")
        assert host(workspace, "10.0.0.0") is None
        known = workspace.rows("from known_pair where dest_ip = '10.77.0.10'")
    assert found is not None
    assert (found["ip"], found["clients"], found["first_day"]) == ("10.77.0.10", len(known), "2026-11-21")
    assert sorted(each["ip"] for each in found["used_by"]) == sorted(each["src_ip"] for each in known)
    assert {each["port"] for each in found["endpoints"]} <= set(range(49152, 65536))
    assert isinstance(found["servers_a_day"], float)
