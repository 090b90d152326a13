"""Learning: what is learned is what the columns say, however it is split, ordered, repeated, merged and forgotten."""

import gzip
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rpcsight
from rpcsight.baseline.assets import Asset
from rpcsight.baseline.exchange import export, merge
from rpcsight.baseline.inventory import keep
from rpcsight.baseline.roles import ROLES
from rpcsight.baseline.workspace import Workspace
from rpcsight.errors import InputError, SettingsError, UsageError
from rpcsight.schema import RPC_CALL
from rpcsight.schema.baseline import BASELINE, LEARNED
from rpcsight.settings import BaselineSettings, Settings
from tests.contracts.samples import FLOWS, zeek_tsv
from tests.oracles import learned as oracle
from tests.oracles.flow import Flow
from tests.oracles.learned import DAY_US, in_order
from tests.properties.records import call_lists
from tests.properties.strategies import flow_lists
from tests.recording import PARQUET, arrow_schema, written

EXAMPLES = 4
SHIFTS_US = (0, 0, DAY_US, DAY_US, 2 * DAY_US, 3 * DAY_US + 7_200_000_000, 5 * DAY_US, 9 * DAY_US)
BASE_US = 1_772_442_000_000_000
EARLY = datetime(2026, 1, 1, tzinfo=UTC)
OPERATIONS = (
    ("367abb81-9844-35f1-ad32-98f038001003", 12),
    ("e3514235-4b06-11d1-ab04-00c04fc2dcd2", 3),
    ("12345778-1234-abcd-ef00-0123456789ab", 44),
)
ROLE = ("role_confidence", "role_evidence")
Row = dict[str, Any]
State = dict[str, list[Row]]


@dataclass(frozen=True)
class Part:
    """What one file holds."""

    flows: tuple[Flow, ...] = ()
    calls: tuple[Row, ...] = ()

    def write(self, path: Path) -> Path:
        if self.flows:
            return written(self.flows, path)
        pq.write_table(pa.Table.from_pylist(list(self.calls), arrow_schema(RPC_CALL)), path)
        return path


@st.composite
def parts(draw: st.DrawFn) -> list[Part]:
    """Files of flows and calls over some days, two at least."""
    flows = [shifted(flow, draw(st.sampled_from(SHIFTS_US))) for flow in draw(flow_lists().filter(bool))]
    calls = [
        row | {name: row[name] + by_us for name in ("time_us", "flow_us")} | {"flow_id": f"C{number}"} | sizes
        for number, row in enumerate(draw(call_lists(OPERATIONS)))
        for by_us in [draw(st.sampled_from(SHIFTS_US))]
        for sizes in [draw(st.sampled_from(({}, {"request_bytes": 40}, {"request_bytes": 4, "response_bytes": 900})))]
    ]
    flow_cuts = sorted(draw(st.lists(st.integers(0, len(flows)), max_size=3)))
    call_cuts = sorted(draw(st.lists(st.integers(0, len(calls)), max_size=2)))
    made = [Part(flows=tuple(some)) for some in cut(flows, flow_cuts)]
    made += [Part(calls=tuple(some)) for some in cut(calls, call_cuts)]
    return draw(st.permutations(made))


def cut(items: list[Any], places: Sequence[int]) -> list[list[Any]]:
    found = [items[start:end] for start, end in zip((0, *places), (*places, len(items)), strict=True)]
    return [each for each in found if each]


def shifted(flow: Flow, by_us: int) -> Flow:
    end_us = None if flow.end_us is None else flow.end_us + by_us
    return replace(flow, start_us=flow.start_us + by_us, end_us=end_us)


def write(made: Sequence[Part], folder: Path) -> list[Path]:
    return [part.write(folder / f"part-{number}.parquet") for number, part in enumerate(made)]


def learn(paths: Sequence[Path], workspace: Path, **options: Any) -> Any:
    return rpcsight.learn(paths, workspace=workspace, **options)


def state(path: Path, names: Sequence[str] = (*LEARNED, *BASELINE)) -> State:
    with Workspace(path, is_reading=True) as workspace:
        return {name: in_order(workspace.rows(f"select * from {name}")) for name in names}


def contents(path: Path) -> list[tuple[str, int]]:
    with Workspace(path, is_reading=True) as workspace:
        return sorted((row["content"], row["bytes"]) for row in workspace.rows("from learned_input"))


def tables_of(made: Sequence[Part]) -> State:
    flows = [flow for part in made for flow in part.flows]
    return oracle.learned(flows, [call for part in made for call in part.calls])


def expected(tables: State, seen: State, held: dict[tuple[str, str], int] | None = None) -> State:
    """What the oracle says, with the roles that were seen."""
    roles = {row["ip"]: row["role"] for row in seen["known_host"]}
    return {**tables, **oracle.known(tables, held or {}, roles)}


def plain(found: State) -> State:
    """Without what `steps/role.sql` alone decides."""
    hosts = [{name: value for name, value in row.items() if name not in ROLE} for row in found["known_host"]]
    rounded = {"known_host": hosts, "known_deed": found["known_deed"]}
    return found | {
        table: in_order(
            [
                {
                    name: round(value, oracle.DIGITS) if isinstance(value, float) else value
                    for name, value in row.items()
                }
                for row in rows
            ]
        )
        for table, rows in rounded.items()
    }


# --- what is learned


@settings(max_examples=EXAMPLES)
@given(parts(), st.data())
def test_any_split_in_any_order_any_number_of_times_is_what_the_columns_say(
    made: list[Part], data: st.DataObject
) -> None:
    with TemporaryDirectory() as folder:
        paths = write(made, Path(folder))
        workspace = Path(folder, "w")
        places = data.draw(st.lists(st.integers(0, len(paths)), max_size=2))
        for some in cut(paths, sorted(places)):
            learn(some, workspace)
        if data.draw(st.booleans()):
            again = data.draw(st.lists(st.sampled_from(paths), min_size=1))
            assert learn(again, workspace).files == 0
        found = state(workspace)
        assert plain(found) == expected(tables_of(made), found)
        assert len(contents(workspace)) == len(paths)


@settings(max_examples=EXAMPLES)
@given(parts(), st.data())
def test_merging_is_learning_all(made: list[Part], data: st.DataObject) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        paths = write(made, folder)
        middle = data.draw(st.integers(0, len(paths)))
        halves = [each for each in (paths[:middle], paths[middle:]) if each]
        for number, some in enumerate(halves):
            learn(some, folder / f"w{number}")
        learn(paths, folder / "all")
        for number in range(len(halves)):
            with Workspace(folder / f"w{number}", is_reading=True) as workspace:
                export(workspace, folder / f"x{number}")
        order = data.draw(st.permutations(range(len(halves))))
        with Workspace(folder / "merged") as merged:
            for number in order:
                merge(merged, folder / f"{data.draw(st.sampled_from('wx'))}{number}", Settings())
        assert state(folder / "merged") == state(folder / "all")
        assert contents(folder / "merged") == contents(folder / "all")


@settings(max_examples=EXAMPLES)
@given(parts(), st.data())
def test_the_oldest_days_are_forgotten_whatever_the_order(made: list[Part], data: st.DataObject) -> None:
    keep = data.draw(st.integers(2, 4))
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "s.toml").write_text(f"[baseline]\nkeep_days = {keep}\n")
        for path in write(made, folder):
            learn([path], folder / "w", settings=folder / "s.toml")
        found = state(folder / "w")
        assert plain(found) == expected(oracle.remembered(tables_of(made), keep), found)


@settings(max_examples=EXAMPLES)
@given(parts(), st.data())
def test_forgetting_is_as_if_those_days_had_not_been(made: list[Part], data: st.DataObject) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        learn(write(made, folder), folder / "w")
        days = sorted({row["day"] for rows in state(folder / "w", tuple(LEARNED)).values() for row in rows} | {20_000})
        before = data.draw(st.sampled_from(days))
        with Workspace(folder / "w") as workspace:
            workspace.forget(before, BaselineSettings())
        found = state(folder / "w")
        kept = {name: [row for row in rows if row["day"] >= before] for name, rows in tables_of(made).items()}
        assert plain(found) == expected(kept, found)
        learn(write(made, folder), folder / "w")
        assert state(folder / "w") == found


@settings(max_examples=EXAMPLES)
@given(parts(), st.data())
def test_what_a_finding_is_about_is_not_learned_until_somebody_dismisses_it(
    made: list[Part], data: st.DataObject
) -> None:
    tables = tables_of(made)
    pairs = sorted({(row["src_ip"], row["dest_ip"]) for name in ("pair_day", "deed_day") for row in tables[name]})
    pairs += sorted({(src_ip, "") for src_ip, _ in pairs})
    days = sorted({row["day"] for row in tables["pair_day"]} | {19_000})
    with TemporaryDirectory() as name:
        folder = Path(name)
        paths = write(made, folder)
        learn(paths[:1], folder / "w")
        about = data.draw(
            st.lists(st.tuples(st.sampled_from(pairs or [("a", "b")]), st.sampled_from(days)), max_size=4)
        )
        statuses = [data.draw(st.sampled_from(("open", "malicious", "duplicate", "benign", "allowed"))) for _ in about]
        found_in(folder / "w", [(*pair, day, status) for (pair, day), status in zip(about, statuses, strict=True)])
        learn(paths, folder / "w") if len(paths) > 1 else settled(folder / "w")
        held: dict[tuple[str, str], int] = {}
        for (pair, day), status in zip(about, statuses, strict=True):
            if status not in {"benign", "allowed"}:
                held[pair] = min(day, held.get(pair, day))
        found = state(folder / "w")
        assert plain(found) == expected(tables, found, held)
        with Workspace(folder / "w") as workspace:
            workspace.store.run("update finding set status = 'benign'")
        settled(folder / "w")
        found = state(folder / "w")
        assert plain(found) == expected(tables, found)


def found_in(path: Path, findings: Sequence[tuple[str, str, int, str]]) -> None:
    """Let there be findings about clients, servers and days, with what somebody says to them."""
    with Workspace(path) as workspace:
        for number, (src_ip, dest_ip, day, status) in enumerate(findings):
            given = {"id": f"F{number}", "src": src_ip, "dest": dest_ip, "day": day}
            workspace.store.run(
                "insert into finding by name select $id as finding_id, $status as status",
                {"id": f"F{number}", "status": status},
            )
            workspace.store.run(
                "insert into finding_pair by name select $id as finding_id, $src as src_ip, $dest as dest_ip, $day as day",
                given,
            )


def settled(path: Path) -> None:
    with Workspace(path) as workspace, workspace.store.transaction():
        workspace.settle(BaselineSettings())


@settings(max_examples=EXAMPLES)
@given(parts(), st.data())
def test_what_an_asset_file_says_holds_in_whatever_is_made_of_it(made: list[Part], data: st.DataObject) -> None:
    tables = tables_of(made)
    ips = sorted(
        {row[end] for name in ("pair_day", "deed_day") for row in tables[name] for end in ("src_ip", "dest_ip")}
    )
    roles = st.sampled_from(("", *ROLES[:-1]))
    rows = {
        ip: {"role": data.draw(roles), "name": f"h{number}", "owner": data.draw(st.sampled_from(("", "ops")))}
        for number, ip in enumerate(ips)
        if data.draw(st.booleans())
    }
    with TemporaryDirectory() as name:
        folder = Path(name)
        learn(write(made, folder), folder / "w")
        before = state(folder / "w")
        with Workspace(folder / "w") as workspace:
            kept = keep(workspace, [Asset(ip, **each) for ip, each in rows.items()])
        assert kept.rows == len(rows)
        habits = {row["ip"]: row["role"] for row in before["known_host"]}
        found = state(folder / "w")
        assert plain(found) == {**tables, **oracle.known(tables, {}, habits, rows)}
        with Workspace(folder / "w") as workspace:
            keep(workspace, [])
        assert state(folder / "w") == before


def test_an_attacker_who_was_found_does_not_get_known_by_coming_back(tmp_path: Path) -> None:
    client, server = "10.0.0.7", "10.0.0.8"
    for day in range(4):
        start_us = BASE_US + day * DAY_US
        flows = [
            Flow(f"{day}-a", start_us, start_us + 1, client, 50000, server, 135),
            Flow(f"{day}-b", start_us, start_us + 1, "10.0.0.6", 50000, server, 135),
        ]
        learn([written(flows, tmp_path / f"{day}.parquet")], tmp_path / "w")
        if day == 0:
            found_in(tmp_path / "w", [(client, server, start_us // DAY_US, "open")])
    known = state(tmp_path / "w")["known_pair"]
    assert [(row["src_ip"], row["dest_ip"], row["days"]) for row in known] == [("10.0.0.6", server, 4)]


# --- which files


def test_a_file_is_learned_once_packed_or_not(tmp_path: Path) -> None:
    content = zeek_tsv(FLOWS)
    (tmp_path / "conn.log").write_bytes(content)
    (tmp_path / "conn.log.gz").write_bytes(gzip.compress(content))
    first = learn([tmp_path / "conn.log"], tmp_path / "w")
    assert (first.files, first.known, first.account.files) == (1, 0, 1)
    before = state(tmp_path / "w")
    assert before["pair_day"]
    again = learn([tmp_path / "conn.log.gz", tmp_path / "conn.log"], tmp_path / "w")
    assert (again.files, again.known, again.rows, again.unusable) == (0, 2, {}, "")
    assert state(tmp_path / "w") == before
    assert [size for _, size in contents(tmp_path / "w")] == [len(content)]


def test_a_log_that_has_grown_is_told_of(tmp_path: Path) -> None:
    path = tmp_path / "conn.log"
    content = zeek_tsv(FLOWS)
    cut_at = content.index(b"\n", len(content) // 2) + 1
    path.write_bytes(content[:cut_at])
    assert learn([path], tmp_path / "w").account.warnings == []
    path.write_bytes(content)
    again = learn([path], tmp_path / "w")
    said = f"{path}: begins with what was learned before, which counts twice now; learn logs when they are finished"
    assert (again.files, again.account.warnings) == (1, [said])
    (tmp_path / "else.log").write_bytes(content[:-1] + b" \n")
    assert learn([tmp_path / "else.log"], tmp_path / "w").account.warnings == [said.replace("conn.log", "else.log")]


def test_what_cannot_be_read_does_not_count_as_learned(tmp_path: Path) -> None:
    good, broken = tmp_path / "good.parquet", tmp_path / "broken.parquet"
    written(FLOWS[:2], good)
    whole = written(FLOWS[2:], tmp_path / "whole.parquet").read_bytes()
    broken.write_bytes(whole[: len(whole) // 2] + b"PAR1")
    came = learn([good, broken], tmp_path / "w")
    assert (came.files, [skip.source for skip in came.account.skips]) == (1, [str(broken)])
    again = learn([good, broken], tmp_path / "w")
    assert (again.files, again.known, str(broken) in again.unusable) == (0, 1, True)
    broken.write_bytes(whole)
    assert learn([good, broken], tmp_path / "w").files == 1
    learn([good, tmp_path / "whole.parquet"], tmp_path / "all")
    assert state(tmp_path / "w") == state(tmp_path / "all")


def test_nothing_usable_is_an_error_and_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "x.log").write_bytes(b"what is this\n")
    learn([PARQUET], tmp_path / "w")
    before = state(tmp_path / "w")
    with pytest.raises(InputError, match=r"x\.log"):
        learn([tmp_path / "x.log"], tmp_path / "w")
    assert state(tmp_path / "w") == before


def test_times_are_not_cut(tmp_path: Path) -> None:
    from rpcsight.baseline.learning import learn as learned
    from rpcsight.pipeline import Request

    with (
        Workspace(tmp_path / "w") as workspace,
        pytest.raises(UsageError, match="a file is learned as a whole"),
    ):
        learned(Request([str(PARQUET)], since=EARLY), workspace)


def test_other_ports_are_refused(tmp_path: Path) -> None:
    learn([PARQUET], tmp_path / "w", dynamic_ports=(1025, 5000))
    with pytest.raises(SettingsError, match=r"was learned with other ports .*1025-5000.* than now .*49152-65535"):
        learn([PARQUET], tmp_path / "w")
    learn([PARQUET], tmp_path / "other")
    with Workspace(tmp_path / "other") as workspace, pytest.raises(SettingsError, match=r"than in .*1025-5000"):
        merge(workspace, tmp_path / "w", Settings())


def test_records_that_do_not_say_who_called_are_told_of(tmp_path: Path) -> None:
    flows = [replace(flow, is_oriented=False, src_port=50001, dest_port=50002) for flow in FLOWS[:3]]
    came = learn([written([*flows, FLOWS[0]], tmp_path / "f.parquet")], tmp_path / "w")
    assert "not learned: 3 records on dynamic ports that don't say who called whom" in came.account.limits


# --- merging


def test_a_file_learned_in_both_is_refused(tmp_path: Path) -> None:
    learn([PARQUET], tmp_path / "a")
    written(FLOWS, tmp_path / "f.parquet")
    learn([PARQUET, tmp_path / "f.parquet"], tmp_path / "b")
    before = state(tmp_path / "a")
    with Workspace(tmp_path / "a") as workspace:
        with pytest.raises(InputError, match=r"also learned here, and would count twice: .*recording\.parquet"):
            merge(workspace, tmp_path / "b", Settings())
        with pytest.raises(UsageError, match="is this workspace itself"):
            merge(workspace, tmp_path / "a", Settings())
    assert state(tmp_path / "a") == before


def exported(tmp_path: Path) -> Path:
    learn([PARQUET], tmp_path / "from")
    with Workspace(tmp_path / "from", is_reading=True) as workspace:
        export(workspace, tmp_path / "x")
    return tmp_path / "x"


def test_an_export_is_the_learned_tables_in_order(tmp_path: Path) -> None:
    folder = exported(tmp_path)
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["baseline.json", *sorted(f"{name}.parquet" for name in (*LEARNED, "learned_input"))]
    found = state(tmp_path / "from")
    assert {name: in_order(pq.read_table(folder / f"{name}.parquet").to_pylist()) for name in LEARNED} == {
        name: found[name] for name in LEARNED
    }
    with Workspace(tmp_path / "from", is_reading=True) as workspace, pytest.raises(UsageError, match="not empty"):
        export(workspace, folder)


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no manifest": (lambda x: (x / "baseline.json").unlink(), "is no exported baseline"),
    "a strange manifest": (lambda x: (x / "baseline.json").write_text("[1]"), "is no exported baseline"),
    "a deep manifest": (lambda x: (x / "baseline.json").write_text("[" * 9000), "is no exported baseline"),
    "another version": (lambda x: (x / "baseline.json").write_text('{"shape": 99, "rule": null}'), "another version"),
    "a table is lacking": (lambda x: (x / "pair_day.parquet").unlink(), "can't be read as Parquet"),
    "a table is text": (lambda x: (x / "pair_day.parquet").write_text("no"), "can't be read as Parquet"),
    "other columns": (lambda x: replaced(x, lambda t: t.rename_columns(["a", *t.column_names[1:]])), "other columns"),
    "another type": (
        lambda x: replaced(x, lambda t: t.set_column(2, "day", t["day"].cast(pa.int64()))),
        "other columns",
    ),
    "empty fields": (lambda x: replaced(x, emptied), "has empty fields"),
    "numbers that overflow": (lambda x: replaced(x, overflowing), "out of range|Conversion|Overflow|overflow"),
}


def replaced(folder: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    path = folder / "pair_day.parquet"
    pq.write_table(change(pq.read_table(path)), path)


def emptied(table: pa.Table) -> pa.Table:
    return table.set_column(0, "src_ip", pa.array([None] * table.num_rows, pa.string()))


def overflowing(table: pa.Table) -> pa.Table:
    doubled = pa.concat_tables([table, table])
    return doubled.set_column(3, "mappers", pa.array([2**63 - 1] * doubled.num_rows, pa.int64()))


@pytest.mark.parametrize("damage", DAMAGES, ids=str)
def test_a_damaged_export_is_refused_and_changes_nothing(damage: str, tmp_path: Path) -> None:
    change, words = DAMAGES[damage]
    folder = exported(tmp_path)
    change(folder)
    learn([written(FLOWS, tmp_path / "f.parquet")], tmp_path / "w")
    before = state(tmp_path / "w")
    with Workspace(tmp_path / "w") as workspace, pytest.raises(rpcsight.RpcsightError, match=words):
        merge(workspace, folder, Settings())
    assert state(tmp_path / "w") == before
