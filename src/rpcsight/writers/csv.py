"""CSV with a header; texts that a spreadsheet would take for a formula get a leading apostrophe (nested columns become JSON)."""

import json
from typing import BinaryIO

import pyarrow as pa
import pyarrow.csv as pacsv

from rpcsight.writers import Look
from rpcsight.writers._text import as_time_text, compute, is_text

NAME = "csv"
ABOUT = "comma-separated, with a header"
IS_BINARY = False

FORMULA = r"^[=+\-@\t\r]"


def write(rows: pa.Table, out: BinaryIO, look: Look) -> None:
    """Write the rows as CSV, UTF-8.

    Args:
        rows: any table.
        out: a binary stream.
        look: not used.
    """
    del look
    plain = pa.table({name: _values(rows.column(name)) for name in rows.column_names})
    pacsv.write_csv(plain, out, pacsv.WriteOptions(quoting_style="needed"))


def _values(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_timestamp(column.type):
        return as_time_text(column)
    if pa.types.is_nested(column.type):
        texts = [json.dumps(value, default=str, ensure_ascii=False) for value in column.to_pylist()]
        return pa.chunked_array([texts], pa.string())
    if is_text(column.type):
        harmless = compute.binary_join_element_wise("'", column, "")
        return compute.if_else(compute.match_substring_regex(column, FORMULA), harmless, column)
    return column
