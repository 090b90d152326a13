"""DuckDB, in this process: the default engine. With engines/store, all that imports duckdb."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from rpcsight.engines import (
    EXAMPLES_KEPT,
    TABLES,
    TEXT_FORMS,
    Feed,
    LayoutChange,
    ReadCount,
    Scan,
    Statements,
    Unreadable,
)
from rpcsight.engines._closed import close_in, limit_memory
from rpcsight.engines._files import REJECTS_KEPT, files, passes, path_column, relation, taken
from rpcsight.engines.feed import fed
from rpcsight.engines.pump import Pump, is_tame
from rpcsight.engines.store import attach
from rpcsight.engines.text import identifier, literal, used
from rpcsight.errors import EngineError, InputError, RpcsightError
from rpcsight.schema import HOST_CLOCK

__all__ = ["DuckDB"]

LOWER_BOUND = (
    "more broken lines than are kept: their number is a lower bound, and a change of columns among them is not seen"
)
INTERRUPTED = "Query interrupted"
"""What DuckDB makes of Ctrl-C (a plain RuntimeError)."""
ROWS_AT_ONCE = 50_000
CLOSED = ("set preserve_insertion_order = false", "set enable_profiling = 'no_output'")
REJECTED_LINES = """
    select file_path, line, csv_line, bool_or(error_type = 'UNQUOTED VALUE'), first(error_type), first(column_name),
      first(error_message)
    from reject_errors join reject_scans using (scan_id, file_id)
    group by all
    order by file_path, line
"""


class DuckDB:
    """An in-memory database that spills to `scratch` and fetches nothing."""

    name = "duckdb"
    dialect = "duckdb"

    def __init__(self, scratch: str) -> None:
        self._database = duckdb.connect(config={"temp_directory": scratch})
        limit_memory(self._database)
        close_in(self._database, *CLOSED)
        columns = [f"{column.name} {column.kind}" for column in TABLES["record"] if column.name != "set_aside"]
        self._database.execute(f"create table reading ({', '.join(columns)}, problem VARCHAR)")
        for name, table in TABLES.items():
            if name == "record":
                continue
            columns = [f"{column.name} {column.kind}" for column in table]
            self._database.execute(f"create table {name} ({', '.join(columns)})")
        clocks = [f"{column.name} {column.kind}" for column in HOST_CLOCK]
        self._database.execute(f"create table host_clock ({', '.join(clocks)})")

    def read(self, scan: Scan, statements: Statements, parameters: Mapping[str, int]) -> ReadCount:
        """See `Engine.read`. Everything of the scan that can be read is kept, or (on an error) nothing.

        Text that DuckDB gives up on is read once more through `Pump`, which mends what it stumbles over.
        """
        try:
            return self._read(scan, statements, parameters, is_careful=False)
        except InputError:
            if scan.form not in TEXT_FORMS:
                raise
        return self._read(scan, statements, parameters, is_careful=True)

    def _read(
        self, scan: Scan, statements: Statements, parameters: Mapping[str, int], *, is_careful: bool
    ) -> ReadCount:
        total = ReadCount()
        self._database.execute("begin")
        try:
            for count in self._parts(scan, statements, parameters, is_careful=is_careful):
                total.records += count.records
                total.unreadable += count.unreadable
                total.examples = (total.examples + count.examples)[:EXAMPLES_KEPT]
                total.losses += count.losses
                total.notes += count.notes
            self._database.execute("commit")
        except BaseException:
            self._database.execute("rollback")
            raise
        return total

    def pair(self, statements: Statements, parameters: Mapping[str, int]) -> None:
        """See `Engine.pair`."""
        sql = f"insert into reading with record as ({statements.paired}) {statements.reading}"
        with _told_as(EngineError, "pairing of one-way records"):
            if not self._database.execute("select 1 from half limit 1").fetchall():
                return
            self._database.execute(sql, used(sql, parameters))
            self._database.execute("delete from half")

    def rows(self, sql: str, parameters: Mapping[str, int]) -> pa.Table:
        """See `Engine.rows`."""
        with _told_as(EngineError, "query"):
            return self._database.sql(sql, params=used(sql, parameters)).to_arrow_table()

    def batches(self, sql: str, parameters: Mapping[str, int]) -> pa.RecordBatchReader:
        """See `Engine.batches`."""
        with _told_as(EngineError, "query"):
            reader = self._database.sql(sql, params=used(sql, parameters)).to_arrow_reader(ROWS_AT_ONCE)
        return pa.RecordBatchReader.from_batches(reader.schema, _told_late(reader))

    def keep(self, name: str, sql: str, parameters: Mapping[str, int]) -> None:
        """See `Engine.keep`."""
        with _told_as(EngineError, name):
            self._database.execute(f"create or replace temp table {identifier(name)} as {sql}", used(sql, parameters))

    def give(self, name: str, rows: pa.Table) -> None:
        """See `Engine.give`."""
        self._database.from_arrow(rows).create(name)

    def attach(self, path: str, relations: Sequence[str]) -> None:
        """See `Engine.attach`."""
        attach(self._database, Path(path))
        for name in relations:  # copied: whoever writes to the file would have to wait for the end of the hunt
            self._database.execute(f"create table {identifier(name)} as from workspace.{identifier(name)}")
        self._database.execute("detach workspace")

    def close(self) -> None:
        """See `Engine.close`."""
        self._database.close()

    def _parts(
        self, scan: Scan, statements: Statements, parameters: Mapping[str, int], *, is_careful: bool
    ) -> Iterator[ReadCount]:
        if scan.feed:
            for path in scan.paths:
                yield self._fed(scan, scan.feed, path, statements, parameters)
            return
        for number, each in enumerate(passes(scan, statements)):
            counts = list(self._pass(each, statements, parameters, is_careful=is_careful))
            yield from counts if number == 0 else ()

    def _pass(
        self, scan: Scan, statements: Statements, parameters: Mapping[str, int], *, is_careful: bool
    ) -> Iterator[ReadCount]:
        """Read the files once."""
        longest = scan.longest_line
        is_text = scan.form in TEXT_FORMS
        pumped = [
            path for path in scan.paths if is_text and (is_careful or scan.compression or not is_tame(path, longest))
        ]
        direct = tuple(path for path in scan.paths if path not in pumped) if pumped else scan.paths
        if direct:
            many = len(direct) > 1 and not scan.source
            source = identifier(path_column(scan)) if many else literal(scan.source or next(iter(direct)))
            yield self._append(scan, direct, source, statements, parameters, is_careful=is_careful)
        for path in pumped:
            yield self._pumped(scan, path, statements, parameters, is_careful=is_careful)

    def _pumped(
        self, scan: Scan, path: str, statements: Statements, parameters: Mapping[str, int], *, is_careful: bool
    ) -> ReadCount:
        source = scan.source or path
        quote = scan.quote if is_careful else ""
        pump = Pump(path, scan.compression, source, scan.skip_lines, quote, scan.longest_line)
        try:
            tamed = replace(scan, skip_lines=0, source=source)
            count = self._append(tamed, pump.paths, literal(source), statements, parameters, is_careful=is_careful)
        finally:
            pump.close()
        if pump.broken and not count.records:
            raise pump.broken
        count.examples = [Unreadable(source, None, each.what) for each in count.examples]
        if pump.broken:
            count.unreadable += 1
            count.examples.insert(0, Unreadable(source, None, pump.broken.what))
        return count

    def _fed(
        self, scan: Scan, feed: Feed, path: str, statements: Statements, parameters: Mapping[str, int]
    ) -> ReadCount:
        source = scan.source or path
        total = ReadCount()
        made = {name: statements.made[name] for name in scan.made}
        feeding = fed(self._database, feed, made, path, scan.compression, source, scan.observer, statements.facts)
        with _told_as(EngineError, source), feeding as told:
            for part in scan.parts(statements.facts):
                count = self._append(part, (path,), literal(source), statements, parameters, is_careful=False)
                total.records += count.records
            return told.account(total)

    def _append(
        self,
        scan: Scan,
        paths: tuple[str, ...],
        source: str,
        statements: Statements,
        parameters: Mapping[str, int],
        *,
        is_careful: bool,
    ) -> ReadCount:
        first, *rest = taken(scan, relation(scan, paths), source, statements)
        with _told_as(InputError, scan.source or scan.paths[0]):
            self._database.execute(first, used(first, parameters))
            count = ReadCount(records=self._records(scan, paths))
            for sql in rest:
                self._database.execute(sql, used(sql, parameters))
        if scan.form == "csv":
            self._note_rejects(scan, count, is_careful=is_careful)
        return count

    def _records(self, scan: Scan, paths: tuple[str, ...]) -> int:
        """How many records the statement just run has read."""
        if scan.form == "feed":
            return self._database.execute(f"select count(*) from {identifier(scan.relation)}").fetchall()[0][0]
        if scan.form == "parquet":
            sql = f"select num_rows from parquet_file_metadata({files(paths)})"
            return sum(rows for (rows,) in self._database.execute(sql).fetchall())
        return _scanned(json.loads(self._database.get_profiling_information()))

    def _note_rejects(self, scan: Scan, count: ReadCount, *, is_careful: bool) -> None:
        for path, line, raw, is_open, kind, column, message in self._database.execute(REJECTED_LINES).fetchall():
            if not is_careful and (raw.endswith("\r") or (is_open and "\n" in raw.rstrip("\n"))):
                raise InputError(path, "a quotation mark is never closed, or there are several kinds of line ends")
            text = raw.strip("\r\n")  # blank lines before it come with it
            if scan.header_mark and text.startswith(scan.header_mark):
                if scan.header and text[:7].lower() == "#fields" and text != scan.header:
                    raise LayoutChange
                continue
            if scan.trailer and re.fullmatch(scan.trailer, text):
                continue
            count.unreadable += 1
            if len(count.examples) < EXAMPLES_KEPT:
                what = _reject_words(kind, column, message, text)
                count.examples.append(Unreadable(scan.source or path, line, what))
        (complaints,) = self._database.execute("select count(*) from reject_errors").fetchall()[0]
        if complaints >= REJECTS_KEPT:
            count.examples.insert(0, Unreadable(scan.source or scan.paths[0], None, LOWER_BOUND))
        self._database.execute("drop table reject_errors; drop table reject_scans")


def _scanned(node: Mapping[str, Any]) -> int:
    """Rows that left the scans of files in a profile."""
    function = node.get("extra_info", {}).get("Function", "") if isinstance(node.get("extra_info"), dict) else ""
    own = (
        int(node.get("intermediate_rows", 0))
        if str(function).startswith(("READ_CSV", "READ_JSON", "READ_NDJSON"))
        else 0
    )
    return own + sum(_scanned(child) for child in node.get("children", node.get("operator", [])))


def _reject_words(kind: str, column: str | None, message: str, text: str) -> str:
    first = message.splitlines()[0] if message else kind.lower()
    place = f"{column}: " if kind == "CAST" and column else ""
    return f"{_plain(place + first, 200)}; the line begins '{_plain(text, 80)}'"


def _plain(text: str, most: int) -> str:
    """Its beginning, without control characters."""
    return text[:most].encode("unicode_escape").decode("ascii")


def _told_late(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    """The batches; what goes wrong on the way, which Arrow tells as an error of a file, is the engine's."""
    try:
        yield from reader
    except OSError as cause:
        raise EngineError("query", str(cause).partition("\n")[0]) from cause


@contextmanager
def _told_as(kind: type[RpcsightError], where: str) -> Iterator[None]:
    """Turn DuckDB's errors into ours, keeping its first line."""
    try:
        yield
    except duckdb.Error as cause:
        lines = [line for line in str(cause).splitlines() if line.strip()]
        raise kind(where, lines[0] if lines else type(cause).__name__) from cause
    except RuntimeError as cause:
        if str(cause) == INTERRUPTED:
            raise KeyboardInterrupt from cause
        raise
