"""Rows of a file of findings or labels, each with its place in words: JSON lines, CSV or Parquet, told apart by what is in it."""

import csv
import io
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from rpcsight.errors import InputError

__all__ = ["records"]

LONGEST = 64 * 1024 * 1024
"""Bytes of a line; a finding with all its evidence has some thousands."""
HEAD = 4096
ROWS_AT_ONCE = 10_000
PARQUET = b"PAR1"
PACKED = {
    b"\x1f\x8b": "gzip -d",
    b"\x28\xb5\x2f\xfd": "zstd -d",
    b"BZh": "bzip2 -d",
    b"\xfd7zXZ": "xz -d",
    b"PK": "unzip",
}
FORMS = "write JSON lines, CSV with a header, or Parquet: rpcsight hunt … -o findings.jsonl"

Rows = Iterator[tuple[str, Mapping[str, object]]]


def records(path: str, names: Sequence[str]) -> Rows:
    """The rows in order, each after its place (`findings.csv, line 3`).

    Args:
        path: a file; `-` for standard input.
        names: fields that matter.

    Raises:
        InputError: the file is not there, is none of these, or is broken.
    """
    where = "standard input" if path == "-" else path
    try:
        if Path(path).is_dir():
            raise InputError(where, "it is a folder", "name files; the shell does it, too: folder/*.jsonl")
        with _opened(path) as file:
            head = file.peek(HEAD)[:HEAD].removeprefix(b"\xef\xbb\xbf").lstrip()
            if head.startswith(PARQUET):
                yield from _parquet(where, file, names)
            elif head[:1] == b"{" or not head:
                yield from _json(where, file)
            else:
                _check(where, head)
                yield from _csv(where, file)
    except OSError as cause:
        raise InputError(where, f"can't be read ({cause.strerror or cause})", FORMS) from cause


@contextmanager
def _opened(path: str) -> Iterator[io.BufferedReader]:
    if path == "-":
        if cast("object", sys.stdin) is None:
            raise InputError("standard input", "it is closed", "name a file")
        yield cast("io.BufferedReader", sys.stdin.buffer)
    else:
        with Path(path).open("rb") as file:
            yield file


def _check(where: str, head: bytes) -> None:
    for magic, command in PACKED.items():
        if head.startswith(magic):
            raise InputError(where, "it is packed", f"unpack it first: {command}")
    if head[:1] == b"[":
        raise InputError(where, "it is one JSON array", "write one object a line: jq -c '.[]'")
    if b"\0" in head:
        raise InputError(where, "it is neither text nor Parquet", FORMS)


def _lines(where: str, file: BinaryIO) -> Iterator[tuple[int, str]]:
    number = 0
    while line := file.readline(LONGEST + 1):
        number += 1
        if len(line) > LONGEST:
            raise InputError(f"{where}, line {number}", f"it is longer than {LONGEST:,} bytes", FORMS)
        try:
            yield number, line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as cause:
            raise InputError(f"{where}, line {number}", f"it is not UTF-8 (byte {cause.start + 1})", FORMS) from None


def _json(where: str, file: BinaryIO) -> Rows:
    for number, line in _lines(where, file):
        if not line.strip():
            continue
        try:
            row: object = json.loads(line)
        except (ValueError, RecursionError) as cause:
            raise InputError(f"{where}, line {number}", f"it is not JSON ({cause})", "one object a line") from None
        if not isinstance(row, dict):
            raise InputError(f"{where}, line {number}", "it is not a JSON object", "one object a line")
        yield f"{where}, line {number}", cast("dict[str, object]", row)


def _csv(where: str, file: BinaryIO) -> Rows:
    number = 0

    def lines() -> Iterator[str]:
        nonlocal number
        for number, line in _lines(where, file):  # noqa: B007 - the reader's own count has no place for errors here
            yield line

    before = csv.field_size_limit(LONGEST)
    try:
        rows = csv.reader(lines(), strict=True)
        header = [name.strip() for name in next(rows)]
        if twice := sorted({name for name in header if header.count(name) > 1}):
            raise InputError(
                f"{where}, line 1", f"there are several columns {twice[0]!r}", "give each a name of its own"
            )
        for row in rows:
            if row and len(row) != len(header):
                what = f"it has {len(row)} fields, the header {len(header)}"
                raise InputError(f"{where}, line {number}", what, "separate by commas, and quote fields that hold one")
            if row:
                yield f"{where}, line {number}", dict(zip(header, row, strict=True))
    except csv.Error as cause:
        raise InputError(f"{where}, line {number}", f"it is not CSV ({cause})", FORMS) from None
    finally:
        csv.field_size_limit(before)


def _parquet(where: str, file: BinaryIO, names: Sequence[str]) -> Rows:
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        table = pq.ParquetFile(cast("Any", file))
        columns = [name for name in table.schema_arrow.names if name in names]
        for batch in table.iter_batches(ROWS_AT_ONCE, columns=columns):
            for row in _exact(batch).to_pylist():
                number += 1
                yield f"{where}, row {number}", row
    except (pa.ArrowException, ValueError, OverflowError) as cause:
        raise InputError(f"{where}, after row {number}", f"it can't be read as Parquet ({cause})", FORMS) from cause


def _exact(batch: Any) -> Any:  # noqa: ANN401 - of pyarrow, which has no types
    """The batch with times in microseconds: Python has no finer ones."""
    import pyarrow as pa

    for place, field in enumerate(batch.schema):
        if pa.types.is_timestamp(field.type) and field.type.unit == "ns":
            coarse = pa.timestamp("us", field.type.tz)
            batch = batch.set_column(place, field.name, batch.column(place).cast(coarse, safe=False))
    return batch
