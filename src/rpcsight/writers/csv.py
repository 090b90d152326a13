"""CSV with a header (nested columns become JSON), harmless in spreadsheets.

A spreadsheet takes a cell for a formula that begins with `=`, `+`, `-` or `@`, also after blanks, line ends and tabs, and with the wide
forms of these signs (OWASP, CSV Injection). It gets an apostrophe before it. So does what follows a semicolon or a tab within a text:
where these separate columns (Excel in much of Europe), a text becomes several cells, quoted or not.
"""

from typing import BinaryIO

import pyarrow as pa
import pyarrow.csv as pacsv

from rpcsight.writers import Look, Rows, batches
from rpcsight.writers._text import as_json, as_time_text, compute, is_text

NAME = "csv"
ABOUT = "comma-separated, with a header"
IS_BINARY = False
OF_FINDINGS = False

SIGNS = r"[=+\-@\x{ff1d}\x{ff0b}\x{ff0d}\x{ff20}]"
FORMULA = rf"^[\t\r\n]|^\s*{SIGNS}"
LATER = rf"([;\t\r\n])([\s\"']*)({SIGNS})"
HARMLESS = r"\1'\2\3"
"""What of a text may be a cell of its own elsewhere, and what becomes of it."""


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
        return _inner(pa.chunked_array([texts], pa.string()))
    if is_text(column.type):
        column = _inner(column.cast(pa.string()))
        harmless = compute.binary_join_element_wise("'", column, "")
        return compute.if_else(compute.match_substring_regex(column, FORMULA), harmless, column)
    return column


def _inner(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    is_needed = compute.any(compute.match_substring_regex(texts, LATER)).as_py()
    return compute.replace_substring_regex(texts, LATER, HARMLESS) if is_needed else texts
