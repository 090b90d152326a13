"""A DuckDB file that outlives a run: what a workspace keeps its tables in."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from rpcsight.engines.text import identifier, used
from rpcsight.errors import EngineError, InputError
from rpcsight.schema.column import Column

__all__ = ["Store"]

MEMORY_LIMIT = "1200MB"
IN_USE = "lock"
CLOSED = (
    "set autoinstall_known_extensions = false",
    "set autoload_known_extensions = false",
    "set TimeZone = 'UTC'",
)


class Store:
    """Tables in a file. What `transaction` holds is kept as a whole or not at all, whatever happens to the process.

    Args:
        path: the file; made if it is not there, unless it is opened to be read only.
        is_reading: nothing will be written.
        scratch: a folder for temporary files; beside the file if it is not given.

    Raises:
        InputError: it can't be opened: another process writes to it, or it is no such file.
    """

    def __init__(self, path: Path, *, is_reading: bool = False, scratch: str = "") -> None:
        self._path = path
        config = {"memory_limit": MEMORY_LIMIT, "temp_directory": scratch or f"{path}.tmp"}
        try:
            self._database = duckdb.connect(str(path), read_only=is_reading, config=config)
        except duckdb.Error as cause:
            raise _unusable(path, cause) from cause
        for statement in CLOSED:
            self._database.execute(statement)

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

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
            return self._database.execute(sql, parameters or {}).to_arrow_table()

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
    def transaction(self) -> Iterator[None]:
        """Everything within is kept together, or (on an error) nothing of it."""
        self.run("begin")
        try:
            yield
            self.run("commit")
        except BaseException:
            self._database.execute("rollback")
            raise

    def size(self) -> int:
        """Bytes on disk."""
        return os.stat(self._path).st_size if self._path.exists() else 0  # noqa: PTH116 - the file itself

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except duckdb.Error as cause:
            raise EngineError(str(self._path), str(cause).partition("\n")[0]) from cause


def _unusable(path: Path, cause: duckdb.Error) -> InputError:
    text = str(cause).partition("\n")[0]
    if IN_USE in text.lower():
        return InputError(str(path), "another process has this workspace open", "wait until it is done, or stop it")
    if "does not exist" in text:
        return InputError(str(path), "there is no such workspace", f"rpcsight learn LOGS --workspace {path}")
    return InputError(str(path), f"is no workspace of rpcsight ({text[:200]})", "name another file")
