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
OF_FINDINGS = False

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
    """All rows as lines. Quotes go into the constant parts between the values: one copy of each text less."""
    if any(pa.types.is_nested(kind) for kind in rows.schema.types):
        return b"".join(as_json(row).encode() + b"\n" for row in rows.to_pylist())
    parts: list[Any] = []
    before = "{"
    for name in rows.column_names:
        values, mark = _values(rows.column(name))
        parts += [pa.scalar(f"{before}{json.dumps(name)}: {mark}"), values]
        before = f"{mark}, "
    joined = compute.binary_join_element_wise(*parts, pa.scalar(before.removesuffix(", ") + "}\n"), "")
    return b"".join(_bytes(chunk) for chunk in joined.chunks)


def _values(column: pa.ChunkedArray) -> tuple[pa.ChunkedArray, str]:
    """The values as JSON, and what has to stand before and after each."""
    if pa.types.is_timestamp(column.type):
        texts = as_time_text(column)
    elif is_text(column.type):
        texts = column.cast(pa.string())
        if compute.any(has_unsafe_text(texts)).as_py():
            texts = _escaped(texts)
    else:
        if pa.types.is_floating(column.type):
            column = compute.if_else(compute.is_finite(column), column, None)  # JSON has no word for the others
        return compute.fill_null(column.cast(pa.string()), "null"), ""
    if texts.null_count:
        return compute.fill_null(compute.binary_join_element_wise('"', texts, '"', ""), "null"), ""
    return texts, '"'


def _escaped(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """The texts as they stand between the quotes."""
    unsafe = compute.fill_null(has_unsafe_text(texts), False)
    escaped = {text: json.dumps(text)[1:-1] for text in texts.filter(unsafe).unique().to_pylist()}
    return pa.chunked_array([[escaped.get(text, text) for text in texts.to_pylist()]], pa.string())


def _bytes(texts: pa.Array) -> bytes:
    """The texts of an array, one after the other: its data buffer as it lies."""
    array = texts.cast(pa.large_string())
    offsets = memoryview(array.buffers()[1]).cast("q")
    first, last = offsets[array.offset], offsets[array.offset + len(array)]
    return memoryview(array.buffers()[2])[first:last].tobytes()
