"""Brings the rows of a feed to engines: into DuckDB's tables, or into Parquet files."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from rpcsight.engines import Feed, Loss, ReadCount
from rpcsight.engines.text import identifier, literal
from rpcsight.errors import InputError
from rpcsight.schema import FACTS

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = ["ARROW_TYPES", "Told", "fed", "written"]

ROWS_AT_ONCE = 50_000
BATCHES_AT_ONCE = 100
ARROW_TYPES = {"BIGINT": pa.int64(), "BOOLEAN": pa.bool_(), "VARCHAR": pa.string(), "INTEGER": pa.int32()}


class Told:
    """What a feed said of its input, beside rows.

    Args:
        source: what the input is called.
    """

    def __init__(self, source: str) -> None:
        self.losses: Counter[str] = Counter()
        self.notes: Counter[str] = Counter()
        self.broken: InputError | None = None
        self._source = source

    def account(self, count: ReadCount) -> ReadCount:
        """The count with the losses in it.

        Raises:
            InputError: the input is cut or broken, and gave no record.
        """
        if self.broken:
            if not count.records:
                raise self.broken
            count.losses.append(Loss(self.broken.where, self.broken.what, 1))
        count.losses += [Loss(self._source, what, lost) for what, lost in sorted(self.losses.items()) if lost]
        count.notes += [f"{self._source}: {note} ({times:,})" for note, times in sorted(self.notes.items())]
        return count


@contextmanager
def fed(
    database: "DuckDBPyConnection",
    feed: Feed,
    made: Mapping[str, str],
    path: str,
    compression: str,
    source: str,
    observer: str = "",
    facts: Collection[str] = tuple(FACTS),
) -> Iterator[Told]:
    """The feed's tables in DuckDB, and the relations made of them, for as long as the context lasts; facts stay.

    Args:
        database: where they stand.
        feed: gives the rows.
        made: the relations made of them, in order.
        path, compression, source: as for `Feed.rows`.
        observer: what recorded the file.
        facts: as for `Feed.rows`.
    """
    told = Told(source)
    added = {"observer": literal(observer), "source": literal(source)}
    shown = {name: ", ".join(_facts(name, columns, added)) for name, columns in feed.tables.items() if name in FACTS}
    passing = {name: columns for name, columns in feed.tables.items() if name not in FACTS}
    for name, columns in passing.items():
        kinds = ", ".join(f"{identifier(column)} {kind}" for column, kind in columns.items())
        database.execute(f"create temp table {identifier(name)} ({kinds})")
    try:
        for name, rows in _gathered(feed.rows(path, compression, source, facts, told.losses, told.notes)):
            relation = database.from_arrow(rows)
            (relation.project(shown[name]) if name in FACTS else relation).insert_into(name)
    except InputError as broken:
        told.broken = broken
    for name, sql in made.items():
        database.execute(f"create temp table {identifier(name)} as {sql}")
    yield told
    for name in (*made, *passing):
        database.execute(f"drop table {identifier(name)}")


def written(
    feed: Feed, folder: Path, path: str, compression: str, source: str, facts: Collection[str] = tuple(FACTS)
) -> tuple[dict[str, Path], Told]:
    """The feed's tables as Parquet files.

    Args:
        feed: gives the rows.
        folder: where the files go; each call needs one of its own.
        path, compression, source, facts: as for `Feed.rows`.

    Returns:
        Tables and their files, and what the feed said beside.
    """
    import pyarrow.parquet as pq

    told = Told(source)
    files = {name: folder / f"{name}.parquet" for name in feed.tables}
    with ExitStack() as open_files:
        writers = {
            name: open_files.enter_context(pq.ParquetWriter(files[name], _schema(columns)))
            for name, columns in feed.tables.items()
        }
        try:
            for name, rows in _gathered(feed.rows(path, compression, source, facts, told.losses, told.notes)):
                writers[name].write_table(rows)
        except InputError as broken:
            told.broken = broken
    return files, told


def _facts(name: str, given: Collection[str], added: Mapping[str, str]) -> Iterator[str]:
    """SQL for the columns of a table of facts: those given, those added; the others are empty."""
    for column in FACTS[name]:
        value = identifier(column.name) if column.name in given else f"cast(null as {column.kind})"
        yield f"{added.get(column.name, value)} as {identifier(column.name)}"


def _schema(columns: Mapping[str, str]) -> pa.Schema:
    return pa.schema([(name, ARROW_TYPES[kind]) for name, kind in columns.items()])


def _gathered(feed: Iterator[tuple[str, pa.RecordBatch]]) -> Iterator[tuple[str, pa.Table]]:
    """The same rows in fewer and larger pieces; also those that come before an error."""
    held: dict[str, list[pa.RecordBatch]] = {}
    broken: InputError | None = None
    try:
        for name, batch in feed:
            batches = held.setdefault(name, [])
            batches.append(batch)
            if sum(each.num_rows for each in batches) >= ROWS_AT_ONCE or len(batches) >= BATCHES_AT_ONCE:
                yield name, pa.Table.from_batches(held.pop(name))
    except InputError as error:
        broken = error
    yield from ((name, pa.Table.from_batches(batches)) for name, batches in held.items())
    if broken:
        raise broken
