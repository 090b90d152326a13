"""JSON lines: one object a row, keys in the table's order."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import BinaryIO

import pyarrow as pa

from rpcsight.writers import Look
from rpcsight.writers._text import as_time_text, compute, has_unsafe_text, is_text

NAME = "jsonl"
ABOUT = "JSON lines, one object a row"
IS_BINARY = False

ROWS_AT_ONCE = 100_000


def write(rows: pa.Table, out: BinaryIO, look: Look) -> None:
    """Write the rows as JSON lines, UTF-8.

    Args:
        rows: any table; nested columns are written as nested values.
        out: a binary stream.
        look: not used.
    """
    del look
    for start in range(0, rows.num_rows, ROWS_AT_ONCE):
        for line in _lines(rows.slice(start, ROWS_AT_ONCE)):
            out.write(line)


def _lines(rows: pa.Table) -> Iterator[bytes]:
    if any(pa.types.is_nested(kind) for kind in rows.schema.types):
        for row in rows.to_pylist():
            yield json.dumps(row, ensure_ascii=False, default=_plain).encode() + b"\n"
        return
    parts = []
    for place, name in enumerate(rows.column_names):
        parts.append(pa.scalar(("{" if place == 0 else ", ") + json.dumps(name) + ": "))
        parts.append(compute.fill_null(_values(rows.column(name)), "null"))
    joined = compute.binary_join_element_wise(*parts, pa.scalar("}\n"), "")
    for chunk in joined.chunks if isinstance(joined, pa.ChunkedArray) else [joined]:
        if len(chunk):
            yield _bytes(chunk)


def _values(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_timestamp(column.type):
        return compute.binary_join_element_wise('"', as_time_text(column), '"', "")
    if is_text(column.type):
        return _quoted(column)
    return column.cast(pa.string())


def _quoted(column: pa.ChunkedArray) -> pa.ChunkedArray:
    plain = compute.binary_join_element_wise('"', column, '"', "")
    unsafe = compute.fill_null(has_unsafe_text(column), False)
    if not compute.any(unsafe).as_py():
        return plain
    escaped = {text: json.dumps(text, ensure_ascii=False) for text in column.filter(unsafe).unique().to_pylist()}
    return pa.chunked_array(
        [[escaped.get(text, f'"{text}"') if text is not None else None for text in column.to_pylist()]], pa.string()
    )


def _bytes(texts: pa.Array) -> bytes:
    """The texts of an array, one after the other: its data buffer as it lies."""
    array = texts.cast(pa.large_string())
    offsets = memoryview(array.buffers()[1]).cast("q")
    first, last = offsets[array.offset], offsets[array.offset + len(array)]
    return memoryview(array.buffers()[2])[first:last].tobytes()


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    raise TypeError(f"{type(value).__name__} has no JSON form")
