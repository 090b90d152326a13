"""Spark, on this machine or a cluster: the same SQL in its words. With `_spark_scan` and `_spark_session`, all that imports pyspark."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from rpcsight.engines import EXAMPLES_KEPT, TABLES, Feed, LayoutChange, ReadCount, Scan, Statements, Unreadable
from rpcsight.engines._spark_scan import PATH, Staged, raw, staged
from rpcsight.engines._spark_session import cause_of, session
from rpcsight.engines._spark_types import as_duckdb, union
from rpcsight.engines.dialects import parts
from rpcsight.engines.feed import written
from rpcsight.engines.store import tables
from rpcsight.engines.text import identifier, literal, mapped
from rpcsight.errors import EngineError, InputError, RpcsightError
from rpcsight.schema import FACTS, Column

if TYPE_CHECKING:
    from pyspark.sql import Column as SparkColumn
    from pyspark.sql import DataFrame, Row

__all__ = ["Spark"]

KINDS = {"VARCHAR": "string", "BIGINT": "bigint", "DOUBLE": "double", "INTEGER": "int", "BOOLEAN": "boolean"}
COLUMNS = [(column.name, KINDS[column.kind]) for column in TABLES["record"] if column.name != "set_aside"] + [
    ("problem", "string")
]
RAW = "rpcsight_raw"
MOST_SCANS = 4
"""A part that reads more relations than this, all in all, is held where it is named twice."""
BROKEN_GZIP = ("java.io.EOFException", "java.util.zip", "java.io.IOException")


class Spark:
    """A session of Spark. Relations are kept in its workers' memory, and on their disks where that is full.

    Args:
        scratch: a folder for temporary files, on the machine of this process.
        master: Spark's master URL; None for a session that runs already, or else this machine.

    Raises:
        EngineError: Spark can't be started; says what to install.
    """

    name = "spark"
    dialect = "spark"

    def __init__(self, scratch: str, master: str | None) -> None:
        self._scratch = scratch
        self._session, self._is_ours = session(scratch, master)
        self._read: list[DataFrame] = []
        self._halves: list[DataFrame] = []
        self._facts: dict[str, list[DataFrame]] = {name: [] for name in FACTS}
        self._shown: dict[str, DataFrame] = {}
        for name, table in FACTS.items():
            self._show(name, self._none([(column.name, KINDS[column.kind]) for column in table]))
        self._show_reading()

    def read(self, scan: Scan, statements: Statements, parameters: Mapping[str, int]) -> ReadCount:
        """See `Engine.read`. The workers open the files; of a gzip file that is cut, what can be unpacked is, here."""
        if scan.feed:
            return self._fed(scan, scan.feed, statements, parameters)
        counts = [self._pass(each, statements, parameters) for each in scan.passes(statements.facts)]
        return counts[0]

    def _pass(self, scan: Scan, statements: Statements, parameters: Mapping[str, int]) -> ReadCount:
        """Read the files once."""
        with _told_as(InputError, scan.source or scan.paths[0]):
            ready = staged(scan, self._scratch)
            try:
                count = self._append(scan, ready, statements, parameters)
            except _spark_errors() as cause:
                if scan.compression != "gz" or not any(broken in str(cause) for broken in BROKEN_GZIP):
                    raise
                ready = staged(scan, self._scratch, inflate=True)
                count = self._append(scan, ready, statements, parameters)
        for broken in ready.broken:
            if not count.records:
                raise broken
            count.unreadable += 1
            count.examples.insert(0, Unreadable(broken.where, None, broken.what))
        count.examples = count.examples[:EXAMPLES_KEPT]
        return count

    def pair(self, statements: Statements, parameters: Mapping[str, int]) -> None:
        """See `Engine.pair`."""
        if self._halves:
            with _told_as(EngineError, "pairing of one-way records"):
                union(self._halves).createOrReplaceTempView("half")
                self._keep_read(f"with record as ({statements.paired}) {statements.reading}", parameters)
            self._halves.clear()
            self._show_reading()

    def rows(self, sql: str, parameters: Mapping[str, int]) -> pa.Table:
        """See `Engine.rows`."""
        with _told_as(EngineError, "query"), self._query(sql, parameters) as result:
            return as_duckdb(result.toArrow())

    def batches(self, sql: str, parameters: Mapping[str, int]) -> pa.RecordBatchReader:
        """See `Engine.batches`. The driver holds all rows; Spark sorts them no other way."""
        return self.rows(sql, parameters).to_reader()

    def keep(self, name: str, sql: str, parameters: Mapping[str, int]) -> None:
        """See `Engine.keep`."""
        with _told_as(EngineError, name), self._query(sql, parameters) as result:
            self._show(name, self._held(result)[0])

    def give(self, name: str, rows: pa.Table) -> None:
        """See `Engine.give`."""
        self._show(name, self._session.createDataFrame(rows))

    def attach(self, path: str, relations: Sequence[str]) -> None:
        """See `Engine.attach`. The driver reads the file."""
        for name, rows in tables(Path(path), relations):
            self.give(name, rows)

    def close(self) -> None:
        """See `Engine.close`. A session that somebody else started stays."""
        if self._is_ours:
            self._session.stop()

    def _fed(self, scan: Scan, feed: Feed, statements: Statements, parameters: Mapping[str, int]) -> ReadCount:
        """The driver makes the rows, and writes them into files that workers open."""
        total = ReadCount()
        for path in scan.paths:
            source = scan.source or path
            folder = Path(tempfile.mkdtemp(dir=self._scratch, prefix="feed-"))
            files, told = written(feed, folder, path, scan.compression, source, statements.facts)
            with _told_as(InputError, source):
                self._take_facts(files, scan.observer, source)
                for name, file in files.items():
                    self._session.read.parquet(str(file)).createOrReplaceTempView(name)
                for name in scan.made:
                    self.keep(name, statements.made[name], parameters)
                count = ReadCount()
                for part in scan.parts(statements.facts):
                    self._take(part, identifier(part.relation), literal(source), statements, parameters)
                    records = self._session.table(part.relation).count()
                    count.records += records
                for name in (*files, *scan.made):
                    self._shown.pop(name, None)
                    self._session.catalog.dropTempView(name)
            count = told.account(count)
            total.records += count.records
            total.losses += count.losses
            total.notes += count.notes
        self._show_reading()
        return total

    def _take_facts(self, files: dict[str, Path], observer: str, source: str) -> None:
        """Keep the rows of the tables of facts, which are taken out of `files`."""
        from pyspark.sql import functions as F  # noqa: N812 - Spark's own convention

        for name in [name for name in files if name in FACTS]:
            if pq.read_metadata(file := files.pop(name)).num_rows:
                rows = self._session.read.parquet(str(file))
                self._show_fact(name, rows.withColumn("observer", F.lit(observer)).withColumn("source", F.lit(source)))

    def _show_fact(self, name: str, rows: "DataFrame") -> None:
        """Let rows be in the table of facts; columns that they lack are empty."""
        columns = [_column(column, rows.columns) for column in FACTS[name]]
        if self._add(self._facts[name], rows.select(*columns)):
            self._show(name, union(self._facts[name]))

    def _take(self, scan: Scan, raw: str, source: str, statements: Statements, parameters: Mapping[str, int]) -> None:
        """Keep what the analytics can use of a scan's rows; of one relation, for all that the scan and its others give."""
        for part in (scan, *scan.others):
            self._keep(part.gives, mapped(part, raw, source), statements, parameters)

    def _keep(self, gives: str, rows: str, statements: Statements, parameters: Mapping[str, int]) -> None:
        """Keep rows of one of `TABLES`, or what events show."""
        if gives == "half":
            with self._query(f"with raw as ({rows}) {statements.half}", parameters) as halves:
                self._add(self._halves, halves)
        elif gives == "record":
            self._keep_read(f"with record as ({rows}) {statements.reading}", parameters)
        elif gives == "event":
            self.keep("event", rows, parameters)
            for name, sql in statements.logged.items():
                self.keep(name, sql, parameters)
            for name, sql in statements.events.items():
                if name == "record" or name in statements.facts:
                    self._keep(name, sql, statements, parameters)
        else:
            with self._query(rows, parameters) as found:
                self._show_fact(gives, found)

    def _append(self, scan: Scan, ready: Staged, statements: Statements, parameters: Mapping[str, int]) -> ReadCount:
        found = raw(self._session, scan, ready.files)
        found.rows.createOrReplaceTempView(RAW)
        before = len(self._halves), len(self._read)
        self._take(scan, identifier(RAW), identifier(PATH), statements, parameters)
        seen = found.counts()
        if seen["changed"]:
            del self._halves[before[0] :], self._read[before[1] :]
            raise LayoutChange
        self._show_reading()
        examples = [each for each in (seen["least"], seen["greatest"]) if each is not None]
        return ReadCount(seen["records"], seen["unreadable"], [_unreadable(each) for each in dict.fromkeys(examples)])

    def _keep_read(self, sql: str, parameters: Mapping[str, int]) -> None:
        from pyspark.sql import functions as F  # noqa: N812 - Spark's own convention

        with self._query(sql, parameters) as records:
            self._add(self._read, records.select(*(F.col(name).cast(kind).alias(name) for name, kind in COLUMNS)))

    def _add(self, many: "list[DataFrame]", rows: "DataFrame") -> int:
        """Hold rows beside others of their kind, if there are any; how many."""
        held, number = self._held(rows)
        if number:
            many.append(held)
        return number

    def _held(self, rows: "DataFrame") -> "tuple[DataFrame, int]":
        """The rows, computed and held by the workers (or in the checkpoint folder, where one is set), with a plan that is a leaf.

        Also how many they are. `persist` would do for the rows, but keeps the plans, and Spark looks through all of them at every query.
        """
        from pyspark.sql import Observation
        from pyspark.sql import functions as F  # noqa: N812 - Spark's own convention

        is_safe = self._session.sparkContext.getCheckpointDir() is not None
        count = Observation()
        # An Observation is told of plans that were analysed before the action, not of SQL text.
        analysed = rows.observe(count, F.count(F.lit(1)).alias("rows")).select("*")
        held = analysed.checkpoint() if is_safe else analysed.localCheckpoint()
        number = count.get["rows"]
        return held if number else held.limit(0), number  # without rows, Spark leaves out what would be made of them

    def _show_reading(self) -> None:
        """Let the relation `reading` be all that was read."""
        self._show("reading", union(self._read) if self._read else self._none(COLUMNS))

    def _none(self, columns: Sequence[tuple[str, str]]) -> "DataFrame":
        """No rows."""
        given = ", ".join(f"cast(null as {kind}) as {name}" for name, kind in columns)
        return self._session.sql(f"select {given} where false")

    def _show(self, name: str, rows: "DataFrame") -> None:
        """Let rows be a relation, until others are."""
        self._shown[name] = rows
        rows.createOrReplaceTempView(name)

    @contextmanager
    def _query(self, sql: str, parameters: Mapping[str, int]) -> "Iterator[DataFrame]":
        """The result of a query, which holds the heavy parts of its WITH that are named more than once.

        Spark computes a part anew wherever it is named, and parts name parts: without this, work and plans multiply at each.
        """
        named, rest = parts(sql, "spark", parameters)
        scans: dict[str, int] = {}
        try:
            for part in named:
                rows = self._session.sql(part.sql)
                scans[part.name] = sum(scans.get(name, 1) for name in part.names)
                if part.uses > 1 and scans[part.name] > MOST_SCANS:
                    rows, _ = self._held(rows)
                    scans[part.name] = 1
                rows.createOrReplaceTempView(part.name)
            yield self._session.sql(rest)
        finally:
            for part in named:  # which may be called as a relation that is kept: that is there again now
                if part.name in self._shown:
                    self._shown[part.name].createOrReplaceTempView(part.name)
                else:
                    self._session.catalog.dropTempView(part.name)


def _column(column: Column, given: Sequence[str]) -> "SparkColumn":
    """The column, empty where it is not given."""
    from pyspark.sql import functions as F  # noqa: N812 - Spark's own convention

    value = F.col(column.name) if column.name in given else F.lit(None)
    return value.cast(KINDS[column.kind]).alias(column.name)


def _unreadable(note: "Row") -> Unreadable:
    shown = note["begins"].encode("unicode_escape").decode("ascii")
    return Unreadable(note["path"], None, f"{note['what'] or 'is the header again'}; the line begins {shown!r}")


def _spark_errors() -> tuple[type[Exception], ...]:
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    return PySparkException, Py4JError


@contextmanager
def _told_as(kind: type[RpcsightError], where: str) -> Iterator[None]:
    """Turn Spark's errors into ours, with the words of the innermost cause."""
    try:
        yield
    except _spark_errors() as cause:
        raise kind(where, cause_of(cause)) from cause
