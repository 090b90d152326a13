"""JSON lines: one object a row, keys in the table's order."""

import json
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any, BinaryIO

import pyarrow as pa

from rpcsight.writers import Look, Rows, batches
from rpcsight.writers._text import as_json, as_time_text, compute, has_unsafe_text, is_text

NAME = "jsonl"
ABOUT = "JSON lines, one object a row"
IS_BINARY = False

THREADS = 2


def write(rows: Rows, out: BinaryIO, look: Look) -> None:
    """Write the rows as JSON lines, UTF-8.

    Args:
        rows: any table; nested columns are written as nested values.
        out: a binary stream.
        look: not used.
    """
    del look
    waiting = iter(batches(rows))
    with ThreadPoolExecutor(THREADS) as pool:  # Arrow's functions let other threads run
        while some := list(islice(waiting, THREADS)):
            for text in pool.map(_text, some):
                out.write(text)


def _text(rows: pa.Table) -> bytes:
    """All rows as lines."""
    if any(pa.types.is_nested(kind) for kind in rows.schema.types):
        return b"".join(as_json(row).encode() + b"\n" for row in rows.to_pylist())
    parts: list[Any] = []
    for place, name in enumerate(rows.column_names):
        parts.append(pa.scalar(("{" if place == 0 else ", ") + json.dumps(name) + ": "))
        parts.append(compute.fill_null(_values(rows.column(name)), "null"))
    joined = compute.binary_join_element_wise(*parts, pa.scalar("}\n"), "")
    return b"".join(_bytes(chunk) for chunk in joined.chunks)


def _values(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_timestamp(column.type):
        return compute.binary_join_element_wise('"', as_time_text(column), '"', "")
    if is_text(column.type):
        return _quoted(column.cast(pa.string()))
    if pa.types.is_floating(column.type):
        column = compute.if_else(compute.is_finite(column), column, None)  # JSON has no word for the others
    return column.cast(pa.string())


def _quoted(column: pa.ChunkedArray) -> pa.ChunkedArray:
    plain = compute.binary_join_element_wise('"', column, '"', "")
    unsafe = compute.fill_null(has_unsafe_text(column), False)
    if not compute.any(unsafe).as_py():
        return plain
    escaped = {text: json.dumps(text) for text in column.filter(unsafe).unique().to_pylist()}
    return pa.chunked_array(
        [[escaped.get(text, f'"{text}"') if text is not None else None for text in column.to_pylist()]], pa.string()
    )


def _bytes(texts: pa.Array) -> bytes:
    """The texts of an array, one after the other: its data buffer as it lies."""
    array = texts.cast(pa.large_string())
    offsets = memoryview(array.buffers()[1]).cast("q")
    first, last = offsets[array.offset], offsets[array.offset + len(array)]
    return memoryview(array.buffers()[2])[first:last].tobytes()
