"""CSV with a header; texts that a spreadsheet would take for a formula get a leading apostrophe (nested columns become JSON)."""

from typing import BinaryIO

import pyarrow as pa
import pyarrow.csv as pacsv

from rpcsight.writers import Look, Rows, batches
from rpcsight.writers._text import as_json, as_time_text, compute, is_text

NAME = "csv"
ABOUT = "comma-separated, with a header"
IS_BINARY = False

FORMULA = r"^[=+\-@\t\r]"


def write(rows: Rows, out: BinaryIO, look: Look) -> None:
    """Write the rows as CSV, UTF-8.

    Args:
        rows: any table.
        out: a binary stream.
        look: not used.
    """
    del look
    header = _plain(rows.schema.empty_table())
    with pacsv.CSVWriter(out, header.schema, write_options=pacsv.WriteOptions(quoting_style="needed")) as writer:
        for batch in batches(rows):
            writer.write_table(_plain(batch).cast(header.schema))


def _plain(rows: pa.Table) -> pa.Table:
    return pa.table({name: _values(rows.column(name)) for name in rows.column_names})


def _values(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_timestamp(column.type):
        return as_time_text(column)
    if pa.types.is_nested(column.type):
        texts = [None if value is None else as_json(value) for value in column.to_pylist()]
        return pa.chunked_array([texts], pa.string())
    if is_text(column.type):
        column = column.cast(pa.string())
        harmless = compute.binary_join_element_wise("'", column, "")
        return compute.if_else(compute.match_substring_regex(column, FORMULA), harmless, column)
    return column
