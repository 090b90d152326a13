"""Feeds: their rows in DuckDB's tables and in Parquet files; what they lose; inputs that end in the middle."""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rpcsight.engines import Loss, ReadCount
from rpcsight.engines import feed as module
from rpcsight.engines.feed import fed, written
from rpcsight.errors import InputError

COLUMNS = {"number": "BIGINT", "is_odd": "BOOLEAN", "text": "VARCHAR"}


@dataclass
class Numbers:
    """Counts; ends in an error where it is told to."""

    count: int = 5
    is_broken: bool = False
    tables: dict[str, dict[str, str]] = field(default_factory=lambda: {"numbers": COLUMNS, "other": {"a": "BIGINT"}})

    def rows(
        self,
        path: str,
        compression: str,
        source: str,
        facts: Collection[str],
        losses: Counter[str],
        notes: Counter[str],
    ) -> Iterator[tuple[str, pa.RecordBatch]]:
        if not facts:
            notes["nothing asked for"] += 1
        for number in range(self.count):
            columns = [pa.array([number]), pa.array([number % 2 == 1]), pa.array([f"{path}{compression}"])]
            yield "numbers", pa.RecordBatch.from_arrays(columns, names=list(COLUMNS))
        losses["odd things"] += 3
        losses["no such things"] += 0
        notes["sampled"] += 2
        if self.is_broken:
            raise InputError(source, "ends in the middle")


MADE = {"once": "select number from numbers", "doubled": "select number * 2 as number from once"}


@pytest.fixture(params=[(1, 100), (50_000, 2), (50_000, 100)])
def pieces(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, batches = request.param
    monkeypatch.setattr(module, "ROWS_AT_ONCE", rows)
    monkeypatch.setattr(module, "BATCHES_AT_ONCE", batches)


def test_tables_are_there_while_they_are_needed(pieces: None) -> None:
    with duckdb.connect() as database:
        with fed(database, Numbers(), MADE, "p", "gz", "s") as told:
            assert database.execute("select * from doubled order by 1").fetchall() == [(0,), (2,), (4,), (6,), (8,)]
            assert database.execute("select * from numbers where number = 3").fetchall() == [(3, True, "pgz")]
            assert told.account(ReadCount(5)).losses == [Loss("s", "odd things", 3)]
            assert told.account(ReadCount(5)).notes == ["s: sampled (2)"]
        assert database.execute("select count(*) from duckdb_tables").fetchall() == [(0,)]


def test_a_feed_is_told_what_is_asked_for(tmp_path: Path) -> None:
    with duckdb.connect() as database, fed(database, Numbers(), MADE, "p", "", "s", facts=()) as told:
        assert told.notes["nothing asked for"] == 1
    assert written(Numbers(), tmp_path, "p", "", "s", facts=())[1].notes["nothing asked for"] == 1
    assert written(Numbers(), tmp_path, "p", "", "s")[1].notes["nothing asked for"] == 0


def test_files(pieces: None, tmp_path: Path) -> None:
    files, told = written(Numbers(), tmp_path, "p", "", "s")
    assert pq.read_table(files["numbers"]).to_pylist()[3] == {"number": 3, "is_odd": True, "text": "p"}
    assert pq.read_table(files["other"]).num_rows == 0
    assert told.account(ReadCount(5)).losses == [Loss("s", "odd things", 3)]


def test_what_came_before_a_break_holds(pieces: None, tmp_path: Path) -> None:
    broken = Numbers(is_broken=True)
    with duckdb.connect() as database, fed(database, broken, MADE, "p", "", "s") as told:
        assert database.execute("select count(*) from doubled").fetchall() == [(5,)]
        assert told.account(ReadCount(5)).losses == [Loss("s", "ends in the middle", 1), Loss("s", "odd things", 3)]
    files, told = written(broken, tmp_path, "p", "", "s")
    assert pq.read_table(files["numbers"]).num_rows == 5
    assert told.account(ReadCount(5)).losses[0] == Loss("s", "ends in the middle", 1)


def test_a_break_before_any_record_is_an_error() -> None:
    empty = Numbers(0, is_broken=True)
    with (
        duckdb.connect() as database,
        fed(database, empty, MADE, "p", "", "s") as told,
        pytest.raises(InputError, match="ends in the middle"),
    ):
        told.account(ReadCount(0))
