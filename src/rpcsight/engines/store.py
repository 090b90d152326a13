"""A DuckDB file that outlives a run: what a workspace keeps its tables in. With engines/duckdb, all that imports duckdb."""

import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from copy import copy
from pathlib import Path
from typing import Self
from uuid import uuid4

import duckdb
import pyarrow as pa

from rpcsight.engines.text import identifier, literal, used
from rpcsight.errors import BusyError, EngineError, InputError
from rpcsight.schema.column import Column

__all__ = ["WAIT_S", "Store", "attach", "tables", "unusable"]

WAIT_S = 3.0
"""How long to wait for a file that another process holds: most do for moments only."""
PAUSE_S = 0.05

MEMORY_LIMIT = "1200MB"
READ_ONLY = " (read_only)"
IN_USE = ("Could not set lock", "Conflicting lock")
INTERRUPTED = "Query interrupted"
"""What DuckDB makes of Ctrl-C (a plain RuntimeError)."""
SHOWN = 200
IN_UTC = "set TimeZone = 'UTC'"
CLOSED = (
    "set autoinstall_known_extensions = false",
    "set autoload_known_extensions = false",
    IN_UTC,
    "set preserve_insertion_order = false",
)


class Store:
    """Tables in a file. What `transaction` holds is kept as a whole or not at all, whatever happens to the process.

    Args:
        path: the file; made if it is not there, unless it is opened to be read only.
        is_reading: nothing will be written.
        wait_s: how long to wait for another process.

    Raises:
        BusyError: another process holds it.
        InputError: it can't be opened: it is no such file.
    """

    def __init__(self, path: Path, *, is_reading: bool = False, wait_s: float = WAIT_S) -> None:
        self._path = path
        self._scratch = Path(tempfile.gettempdir(), f"rpcsight-{uuid4().hex}")  # made when there is need of it
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": MEMORY_LIMIT,
            "temp_directory": str(self._scratch),
        }
        self._database = duckdb.connect(config=config)
        for statement in CLOSED:
            self._database.execute(statement)
        try:  # under a name of ours: DuckDB would take the file's, and some are taken
            attach(self._database, path, READ_ONLY if is_reading else "", wait_s)
            self._database.execute("use workspace")
        except BaseException:
            self.close()
            raise

    def again(self) -> Self:
        """Another connection to the file as it is open now, for another thread; to be closed first."""
        made = copy(self)
        made._database = self._database.cursor()
        made._scratch = self._scratch / "again"
        for statement in (IN_UTC, "use workspace"):
            made._database.execute(statement)
        return made

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def create(self, name: str, columns: Sequence[Column]) -> None:
        """Make a table, if it is not there."""
        made = ", ".join(f"{identifier(column.name)} {column.kind}" for column in columns)
        self.run(f"create table if not exists {identifier(name)} ({made})")

    def run(self, sql: str, parameters: Mapping[str, object] | None = None) -> None:
        """Run a statement.

        Raises:
            EngineError: the database gave up; with its words.
        """
        with self._told():
            self._database.execute(sql, parameters or {})

    def rows(self, sql: str, parameters: Mapping[str, object] | None = None) -> pa.Table:
        """All rows of a query.

        Raises:
            EngineError: the database gave up; with its words.
        """
        with self._told():
            return self._database.sql(sql, params=dict(parameters or {})).to_arrow_table()

    def view(self, name: str, sql: str, parameters: Mapping[str, int] | None = None) -> None:
        """Keep the rows of a query as a relation for this connection only."""
        text = f"create or replace temp table {identifier(name)} as {sql}"
        self.run(text, used(sql, parameters or {}))

    def insert(self, name: str, rows: pa.Table | pa.RecordBatchReader) -> None:
        """Append rows to a table; columns go by name."""
        with self._told():
            self._database.register("given_rows", rows)
            try:
                self._database.execute(f"insert into {identifier(name)} by name select * from given_rows")
            finally:
                self._database.unregister("given_rows")

    @contextmanager
    def beside(self, path: Path) -> Iterator[None]:
        """Let the tables of another file be relations `other.NAME`, to be read; not within a transaction.

        Raises:
            InputError: it can't be opened.
        """
        try:
            self._database.execute(f"attach {literal(str(path))} as other{READ_ONLY}")
        except duckdb.Error as cause:
            raise unusable(path, cause) from cause
        try:
            yield
        finally:
            self._database.execute("detach other")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything within is kept together, or (on an error) nothing of it."""
        self.run("begin")
        try:
            yield
            self.run("commit")
        except BaseException:
            with suppress(duckdb.Error):  # what could not be committed is rolled back already
                self._database.execute("rollback")
            raise

    def flush(self) -> None:
        """Bring everything into the file itself: its size is then what is kept."""
        self.run("checkpoint workspace")

    def size(self) -> int:
        """Bytes on disk."""
        return self._path.stat().st_size

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except duckdb.Error as cause:
            raise EngineError(str(self._path), _first_line(cause)) from cause
        except RuntimeError as cause:
            if str(cause) == INTERRUPTED:
                raise KeyboardInterrupt from cause
            raise


def attach(database: duckdb.DuckDBPyConnection, path: Path, how: str = READ_ONLY, wait_s: float = WAIT_S) -> None:
    """Attach a file as `workspace`, once no other process holds it against that.

    Raises:
        BusyError: another process holds it.
        InputError: it can't be opened.
    """
    until = time.monotonic() + wait_s
    while True:
        try:
            database.execute(f"attach {literal(str(path))} as workspace{how}")
        except duckdb.Error as cause:
            if not _is_in_use(cause) or time.monotonic() > until:
                raise unusable(path, cause) from cause
            time.sleep(PAUSE_S)
        else:
            return


def tables(path: Path, names: Sequence[str]) -> Iterator[tuple[str, pa.Table]]:
    """All rows of tables of a file, for engines that can't open it.

    Raises:
        InputError: it can't be opened.
        EngineError: one of them is not in it.
    """
    store = Store(path, is_reading=True)
    try:
        for name in names:
            yield name, store.rows(f"select * from {identifier(name)}")
    finally:
        store.close()


def _first_line(cause: duckdb.Error) -> str:
    return str(cause).partition("\n")[0]


def unusable(path: Path, cause: duckdb.Error) -> InputError:
    """The error for a file that can't be opened."""
    text = _first_line(cause)
    if _is_in_use(cause):
        return BusyError(str(path), "another process has this workspace open", "wait until it is done, or stop it")
    return InputError(str(path), f"is no workspace of rpcsight ({text[:SHOWN]})", "name another file")


def _is_in_use(cause: duckdb.Error) -> bool:
    return any(each in str(cause) for each in IN_USE)
