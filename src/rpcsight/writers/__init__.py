"""Writers: one file per output format, found by folder.

A writer is a module with

- `NAME` and `ABOUT`, for `rpcsight list writers`;
- `IS_BINARY`, true for a format that does not belong on a terminal;
- `OF_FINDINGS`, true for a format that only findings with all their fields can be written in;
- `write(rows, out, look) -> None`: all rows (an Arrow table, or batches as an engine gives them) to a binary stream.

Machine formats never change shape: columns as the table has them, times ISO-8601 UTC with microseconds and `Z`, empty values
null (JSON, Parquet) or empty (CSV).
"""

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Protocol, Union, cast

from rpcsight.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Look", "Rows", "Writer", "all_writers", "batches", "writer"]

Rows = Union["pa.Table", "pa.RecordBatchReader"]


ROWS_AT_ONCE = 50_000


@dataclass(frozen=True, slots=True)
class Look:
    """How output for people looks; machine formats pay no heed to it.

    Args:
        width: columns of the terminal.
        is_coloured: whether to use colours.
        limit: how many rows to show at most.
    """

    width: int = 100
    is_coloured: bool = False
    limit: int = 50


class Writer(Protocol):
    """What a writer's module offers."""

    NAME: str
    ABOUT: str
    IS_BINARY: bool
    OF_FINDINGS: bool

    def write(self, rows: Rows, out: BinaryIO, look: Look) -> None:
        """Write all rows."""
        ...


def batches(rows: Rows) -> "Iterator[pa.Table]":
    """The rows in tables of at most 50,000, each small enough to hold several forms of at once."""
    import pyarrow as pa

    if isinstance(rows, pa.Table):
        for start in range(0, rows.num_rows, ROWS_AT_ONCE):
            yield rows.slice(start, ROWS_AT_ONCE)
    else:
        for batch in rows:
            if batch.num_rows:
                yield pa.Table.from_batches([batch])


def all_writers() -> list[Writer]:
    """Every writer in this folder, by name."""
    return [_loaded(name) for name in _names()]


def writer(name: str) -> Writer:
    """The writer of that name.

    Raises:
        UsageError: there is none.
    """
    if name in _names():  # only that one is loaded: each brings libraries of its own
        return _loaded(name)
    raise UsageError("--format", f"{name!r} is no format", f"one of: {', '.join(_names())}")


def _names() -> list[str]:
    """A writer is named like its file."""
    return sorted(each.name for each in pkgutil.iter_modules(__path__) if not each.name.startswith("_"))


def _loaded(name: str) -> Writer:
    return cast("Writer", importlib.import_module(f"{__name__}.{name}"))
