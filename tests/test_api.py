"""The Python interface: rpcsight.run, hunt and read, and what importing it loads."""

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

import rpcsight
from rpcsight.errors import SettingsError, UsageError
from rpcsight.findings import Finding
from rpcsight.schema import RPC_ACTIVITY, names
from tests.recording import PARQUET

IMPORTS = "import json, sys; import rpcsight; print(json.dumps(sorted(sys.modules)))"
HEAVY = {"duckdb", "pyarrow", "pyspark", "sqlglot", "rich", "typer", "pydantic"}


def test_what_is_public() -> None:
    assert rpcsight.__all__ == [
        "Finding",
        "RpcsightError",
        "__version__",
        "convert",
        "doctor",
        "hunt",
        "learn",
        "read",
        "run",
    ]
    assert [name for name in rpcsight.__all__ if getattr(rpcsight, name, None) is None] == []
    assert rpcsight.Finding is Finding
    with pytest.raises(AttributeError, match="has no attribute 'train'"):
        rpcsight.train  # noqa: B018 # pyright: ignore


def test_importing_it_loads_nothing_heavy() -> None:
    shown = subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, text=True, check=True)
    assert {name.partition(".")[0] for name in json.loads(shown.stdout)} & HEAVY == set()


@pytest.mark.parametrize("paths", [PARQUET, str(PARQUET), [PARQUET], (str(PARQUET), PARQUET)], ids=repr)
def test_paths_are_one_or_several(paths: rpcsight.Paths) -> None:
    assert rpcsight.run("rpc-activity", paths).equals(rpcsight.run("rpc-activity", PARQUET))


def test_run_takes_what_the_command_takes(tmp_path: Path) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text("[rule]\nwindow_s = 0.5\n")
    counts = [
        rpcsight.run("car-2014-05-001", PARQUET).num_rows,
        rpcsight.run("CAR-2014-05-001", PARQUET, settings=settings).num_rows,
        rpcsight.run("CAR-2014-05-001", PARQUET, settings=settings, window_s=2.0).num_rows,
        rpcsight.run("CAR-2014-05-001", PARQUET, dynamic_ports=(49152, 49152)).num_rows,
        rpcsight.run("CAR-2014-05-001", PARQUET, since=datetime(2026, 11, 21, 23, 58, tzinfo=UTC)).num_rows,
        rpcsight.run("CAR-2014-05-001", PARQUET, until=datetime(2026, 11, 21, 23, 58)).num_rows,
    ]
    assert counts == [551, 349, 551, 0, 128, 423]


def test_hunt_is_a_sequence_of_findings_with_an_account() -> None:
    found = rpcsight.hunt(PARQUET)
    assert (len(found), found[0], found[-1], found[:2]) == (
        len(found.findings),
        found.findings[0],
        found.findings[-1],
        found.findings[:2],
    )
    assert [type(each) for each in found] == [Finding] * len(found)
    assert (found.account.files, found.account.records, dict(found.account.readers)) == (1, 662, {"parquet": 1})


def test_read_gives_the_candidates() -> None:
    flows = rpcsight.read(PARQUET)
    assert flows.num_rows == rpcsight.hunt(PARQUET).account.candidates == 483
    assert [name for name in flows.column_names if name not in {*names(RPC_ACTIVITY), "start_us", "end_us"}] == [
        *("transport_protocol", "is_established", "is_oriented"),
    ]


def test_wrong_names_are_errors() -> None:
    with pytest.raises(SettingsError, match=r"settings \[rule.windows_s\]"):
        rpcsight.run("rpc-activity", PARQUET, windows_s=2.0)
    with pytest.raises(UsageError, match="there is none called 'rpc'"):
        rpcsight.run("rpc", PARQUET)
    with pytest.raises(UsageError, match="'abacus' is no engine"):
        rpcsight.hunt(PARQUET, engine="abacus")
    with pytest.raises(UsageError, match="there is nothing to read"):
        rpcsight.hunt([])


def test_bounds_may_be_text() -> None:
    everything = rpcsight.run("rpc-activity", PARQUET)
    first = everything.column("start_time")[0].as_py()
    later = rpcsight.run("rpc-activity", PARQUET, since=(first + timedelta(microseconds=1)).isoformat())
    assert later.num_rows < everything.num_rows
    assert rpcsight.run("rpc-activity", PARQUET, since=first, until="2099-01-01").num_rows == everything.num_rows


@pytest.mark.parametrize("given", ["yesterday", 5])
def test_bound_that_is_no_time_is_told(given: Any) -> None:
    with pytest.raises(rpcsight.RpcsightError, match=r"since: .* is no time"):
        rpcsight.hunt(PARQUET, since=given)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: rpcsight.run(cast("Any", None), PARQUET), "analytic: None is no text"),
        (lambda: rpcsight.run(cast("Any", 5), PARQUET), "analytic: 5 is no text"),
        (lambda: rpcsight.run("rpc-activity", cast("Any", None)), "paths: None is neither"),
        (lambda: rpcsight.hunt(cast("Any", 5)), "paths: 5 is neither"),
        (lambda: rpcsight.hunt(cast("Any", b"x")), "paths: b'x' is neither"),
        (lambda: rpcsight.hunt(cast("Any", [PARQUET, None])), "paths: None is no text"),
        (lambda: rpcsight.read(PARQUET, mapping=cast("Any", 5)), "mapping: 5 is neither"),
        (lambda: rpcsight.read(PARQUET, mapping=cast("Any", [5])), "mapping: 5 is no text"),
        (lambda: rpcsight.read(PARQUET, mapping={"when": "ts"}), "--map: 'when=ts' does not name a flow column"),
        (lambda: rpcsight.read(PARQUET, settings=cast("Any", 5)), "settings: 5 is no text"),
        (lambda: rpcsight.hunt(PARQUET, engine=cast("Any", None)), "--engine: None is no engine"),
    ],
)
def test_values_of_other_kinds_are_told(call: Callable[[], object], said: str) -> None:
    with pytest.raises(UsageError) as wrong:
        call()
    assert str(wrong.value).startswith(said)
    assert wrong.value.hint


@pytest.mark.parametrize(
    "mapping",
    [{"start_time": "When:epoch_ms", "src_ip": "Who"}, ["start_time=When:epoch_ms", "src_ip=Who"]],
    ids=["dict", "texts"],
)
def test_a_mapping_is_a_dict_or_texts(tmp_path: Path, mapping: rpcsight.Columns) -> None:
    path = tmp_path / "flows.csv"
    path.write_text("When,Who,src_port,dest_ip,dest_port\n1500,10.0.0.1,50000,10.0.0.2,135\n")
    (row,) = rpcsight.read(path, mapping=mapping).to_pylist()
    assert (row["start_us"], row["src_ip"]) == (1_500_000, "10.0.0.1")
    only = "start_time=When"
    path.write_text("When,src_ip,src_port,dest_ip,dest_port\n1500,10.0.0.1,50000,10.0.0.2,135\n")
    assert rpcsight.read(path, mapping=only).num_rows == 1
