"""Writers: one file per output format, found by folder.

A writer is a module with

- `NAME` and `ABOUT`, for `rpcsight list writers`;
- `IS_BINARY`, true for a format that does not belong on a terminal;
- `write(rows, out, look) -> None`: all rows of an Arrow table to a binary stream.

Machine formats never change shape: columns as the table has them, times ISO-8601 UTC with microseconds and `Z`, empty values
null (JSON, Parquet) or empty (CSV).
"""

import importlib
import pkgutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast

from rpcsight.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Look", "Writer", "all_writers", "writer"]


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

    def write(self, rows: "pa.Table", out: BinaryIO, look: Look) -> None:
        """Write all rows."""
        ...


def all_writers() -> list[Writer]:
    """Every writer in this folder, by name."""
    found = [
        cast("Writer", importlib.import_module(f"{__name__}.{each.name}"))
        for each in pkgutil.iter_modules(__path__)
        if not each.name.startswith("_")
    ]
    return sorted(found, key=lambda each: each.NAME)


def writer(name: str) -> Writer:
    """The writer of that name.

    Raises:
        UsageError: there is none.
    """
    for each in all_writers():
        if name == each.NAME:
            return each
    raise UsageError("--format", f"{name!r} is no format", f"one of: {', '.join(each.NAME for each in all_writers())}")
