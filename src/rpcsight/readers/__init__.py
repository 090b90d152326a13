"""Readers: one file per record format, found by folder, picked by looking at the first bytes.

A reader is a module with

- `NAME` and `ABOUT`, for `rpcsight list readers`;
- `IS_GENERIC`, true for one that is asked only when no other claims the input;
- `why_not(item) -> str | None`: None when the input is its own, else the reason;
- `scan(item, mapping) -> Scan`: how an engine reads it. May raise `NoFlows` for a sound file that holds no flow records;
- if it has to turn the input into something engines can read, `unpack(item) -> Iterator[bytes] | None`;
- if its files can change their columns on the way, `sections(blocks) -> Iterator[Iterable[bytes]]`;
- if its records tell whether both sides of a connection were seen, `sides(item) -> tuple[int, int]`: one side only, of how many.

Or it is a file `NAME.toml` that says which fields become which columns (docs/own-format.md), here or in a folder of the user's.
"""

import importlib
import pkgutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol, cast

from rpcsight.engines import Scan
from rpcsight.errors import InputError
from rpcsight.readers._inputs import Input
from rpcsight.readers._names import parse_mapping

__all__ = ["Input", "NoFlows", "Reader", "all_readers", "parse_mapping", "pick"]


class NoFlows(Exception):
    """A sound file of a known format that holds no flow records; its text says what it holds."""


class Reader(Protocol):
    """What a reader's module offers (see the module's own text)."""

    NAME: str
    ABOUT: str
    IS_GENERIC: bool

    def why_not(self, item: Input) -> str | None:
        """None when the input is this reader's."""
        ...

    def scan(self, item: Input, mapping: Mapping[str, str]) -> Scan:
        """How an engine reads it."""
        ...


def all_readers(folder: Path | None = None) -> list[Reader]:
    """Every reader, specific ones first, then by name; the user's own before them.

    Args:
        folder: where the user's own are.

    Raises:
        SettingsError: there is no such folder, or a file in it is wrong.
    """
    from rpcsight.readers._mapped_files import own, shipped

    modules = [
        cast("Reader", importlib.import_module(f"{__name__}.{each.name}"))
        for each in pkgutil.iter_modules(__path__)
        if not each.name.startswith("_")
    ]
    mapped = cast("list[Reader]", list(shipped()))
    given = cast("list[Reader]", own(folder)) if folder else []
    theirs = {reader.NAME for reader in given}
    ours = [reader for reader in (*modules, *mapped) if reader.NAME not in theirs]
    return [*given, *sorted(ours, key=lambda reader: (reader.IS_GENERIC, reader.NAME))]


def pick(item: Input, readers: Sequence[Reader]) -> Reader:
    """The reader whose format the input has.

    Raises:
        InputError: none; with each reader's reason.
    """
    reasons: list[str] = []
    for reader in readers:
        reason = reader.why_not(item)
        if reason is None:
            return reader
        reasons.append(f"{reader.NAME}: {reason}")
    raise InputError(item.source, "no reader knows this format\n  " + "\n  ".join(reasons), _hint(item))


def unpacked(reader: Reader, item: Input) -> Iterator[bytes] | None:
    """The input in a form that engines read, if the reader has to make one."""
    unpack = getattr(reader, "unpack", None)
    return unpack(item) if unpack else None


def sections(reader: Reader, blocks: Iterable[bytes]) -> Iterator[Iterable[bytes]]:
    """The parts of a file between its changes of columns.

    Raises:
        InputError: the reader knows of no such changes.
    """
    split = getattr(reader, "sections", None)
    if split is None:
        raise InputError(reader.NAME, "the columns change on the way")
    yield from split(blocks)


def sides(reader: Reader, item: Input) -> tuple[int, int]:
    """Of how many connections the input's first records show one side only, and of how many they tell; 0 where they don't."""
    look = getattr(reader, "sides", None)
    return look(item) if look else (0, 0)


def _hint(item: Input) -> str:
    if b"\0" in item.head:
        return "it looks like binary data; `rpcsight list readers` shows what is read"
    return "a delimited file with a header can be mapped: --map src_ip=COLUMN --map start_time=COLUMN:epoch_ms …"
