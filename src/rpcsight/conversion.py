"""Anything that is read, as Parquet of our own: a folder a table, a folder a day in it, sorted by time; what clusters read.

Rows come sorted from the engine, so one file is open at a time; the engine sorts on disk what does not fit into memory. Everything is
written beside the folder and put in its place when it is whole.
"""

import itertools
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import rpcsight
from rpcsight.account import Account
from rpcsight.errors import InputError
from rpcsight.pipeline import Progress, Request, opened
from rpcsight.placing import MARK, absolute, check, in_place
from rpcsight.schema import FACTS, FLOW, Column
from rpcsight.schema.arrow import ARROW_TYPES

__all__ = ["convert"]

TABLES: dict[str, tuple[Column, ...]] = {"flow": FLOW, **FACTS}
PART = re.compile(r"part-\d+\.parquet")
ROWS_AT_ONCE = 250_000
MOST_ROWS = 20_000_000
"""Of one file."""
DAY_US = 86_400_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def convert(request: Request, folder: Path, *, is_replacing: bool = False, progress: Progress | None = None) -> Account:
    """Write everything that the paths hold as Parquet: `flow` (on any port), and those tables of `schema.FACTS` that have rows.

    Args:
        request: what to read.
        folder: where to; made if it is not there.
        is_replacing: whether what an earlier conversion wrote there may be replaced.
        progress: is told what is being read and written.

    Raises:
        InputError: nothing usable was read, or the folder can't be written.
        SchemaError: records lack a field that is needed.
        UsageError: the folder holds something else, or inputs.
    """
    folder = absolute(folder)
    check(folder, "convert", _is_ours, is_replacing=is_replacing)
    with in_place(folder) as partial:
        with opened(replace(request, output=folder), progress, is_whole=True) as session:
            account = session.account
            for name, columns in TABLES.items():
                rows = _written(partial / name, columns, _gathered(session.table(name)), account.candidates, progress)
                account.written |= {name: rows} if rows else {}
        if not account.written:
            raise InputError("inputs", "hold nothing to write", "the account of `rpcsight hunt` says what is in them")
        made = {"rpcsight": rpcsight.__version__, "tables": account.written}
        (partial / MARK).write_text(json.dumps(made, indent=2) + "\n", encoding="utf-8")
    return account


def _is_ours(path: Path, parts: tuple[str, ...]) -> bool:
    """Whether `convert` makes such a thing."""
    match parts:
        case (name,):
            return path.is_file() if name == MARK else name in TABLES and path.is_dir()
        case (_, day):
            return day.startswith("day=") and path.is_dir()
        case (_, _, file):
            return PART.fullmatch(file) is not None and path.is_file()
        case _:
            return False


def _gathered(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """The same rows in larger pieces: those are Parquet's row groups."""
    held: list[pa.RecordBatch] = []
    for batch in batches:
        held.append(batch)
        if sum(each.num_rows for each in held) >= ROWS_AT_ONCE:
            yield pa.Table.from_batches(held)
            held = []
    if held:
        yield pa.Table.from_batches(held)


def _written(
    folder: Path, columns: tuple[Column, ...], pieces: Iterable[pa.Table], total: int, progress: Progress | None
) -> int:
    """Write a table, and say how many rows it has.

    Args:
        folder: the table's.
        columns: its columns; the first that is a time says the day.
        pieces: its rows by that time.
        total: about how many there are.
        progress: is told.
    """
    fields = [(column.name, ARROW_TYPES[column.kind]) for column in columns]
    schema = pa.schema(fields, metadata={"rpcsight": rpcsight.__version__})
    time = next(column.name for column in columns if column.name in {"start_time", "time_us"})
    files = _Files(folder, schema)
    written = 0
    try:
        for piece in pieces:
            rows = piece.cast(schema)
            days = rows[time].cast(pa.int64()).to_numpy() // DAY_US
            starts = [0, *(np.flatnonzero(np.diff(days)) + 1).tolist(), len(days)]
            for start, end in itertools.pairwise(starts):
                if end > start:
                    files.write(int(days[start]), rows.slice(start, end - start))
            written += rows.num_rows
            if progress:
                progress(f"writing {folder.name}", written, max(total, written))
    finally:
        files.close()
    return written


class _Files:
    """The files of a table, a day after the other.

    Args:
        folder: where they go.
        schema: of each.
    """

    def __init__(self, folder: Path, schema: pa.Schema) -> None:
        self._folder = folder
        self._schema = schema
        self._writer: pq.ParquetWriter | None = None
        self._day = -1
        self._part = 0
        self._rows = 0

    def write(self, day: int, rows: pa.Table) -> None:
        """Write rows of a day (counted from 1970); days come in order."""
        writer = self._writer
        if writer is None or day != self._day or self._rows >= MOST_ROWS:
            writer = self._open(day)
        writer.write_table(rows)
        self._rows += rows.num_rows

    def close(self) -> None:
        """End the file that is open."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _open(self, day: int) -> pq.ParquetWriter:
        self.close()
        self._part = self._part + 1 if day == self._day else 0
        self._day, self._rows = day, 0
        folder = self._folder / f"day={EPOCH + timedelta(days=day):%Y-%m-%d}"
        folder.mkdir(parents=True, exist_ok=True)
        self._writer = pq.ParquetWriter(folder / f"part-{self._part}.parquet", self._schema, compression="zstd")
        return self._writer
