"""Any delimited text with a header line: columns by common names (CAR, ECS, OpTC, Defender) or by --map."""

import csv
import io
from collections.abc import Mapping

from rpcsight.engines import Scan
from rpcsight.errors import InputError
from rpcsight.readers._inputs import Input
from rpcsight.readers._names import found_names, values

NAME = "csv"
ABOUT = "delimited text with a header (comma, semicolon, tab, bar), by common column names or --map"
IS_GENERIC = True

DELIMITERS = ",;\t|"
FEWEST_COLUMNS = 5
SAMPLE_ROWS = 50


def why_not(item: Input) -> str | None:
    """None for text whose first line splits into five columns or more."""
    if b"\0" in item.head[:4096]:
        return "binary data"
    lines = item.lines()
    if not lines:
        return "no line of text"
    if lines[0].lstrip().startswith(("{", "[", "<")):
        return "the first line is JSON or XML"
    best = max(lines[0].count(delimiter) for delimiter in DELIMITERS)
    if best + 1 < FEWEST_COLUMNS:
        return f"the first line has {best + 1} columns; a flow needs at least {FEWEST_COLUMNS} (time, two addresses, two ports)"
    return None


def scan(item: Input, mapping: Mapping[str, str]) -> Scan:
    """A csv scan.

    Args:
        item: the file.
        mapping: flow column -> column of the file (`ts:epoch_ms` says how a time is written).

    Raises:
        SchemaError: a flow column that is needed can't be found.
        InputError: the header is unusable.
    """
    lines = item.lines()
    first = lines[0].removeprefix("\ufeff")
    delimiter = max(DELIMITERS, key=first.count)
    quote = '"' if any('"' in line for line in lines) else ""
    rows = list(
        csv.reader(io.StringIO("\n".join([first, *lines[1 : SAMPLE_ROWS + 1]])), delimiter=delimiter, quotechar='"')
    )
    columns = [name.strip() for name in rows[0]]
    if len(set(columns)) < len(columns):
        twice = sorted({name for name in columns if columns.count(name) > 1})
        raise InputError(item.source, f"two columns have the same name ({', '.join(twice)})", "rename one")
    samples = {
        name: [row[place].strip() for row in rows[1:] if len(row) == len(columns)] for place, name in enumerate(columns)
    }
    found = found_names(columns, mapping, item.source)
    kinds = dict.fromkeys(columns, "VARCHAR")
    for name in ("src_port", "dest_port"):
        kinds[found[name]] = "USMALLINT"
    return Scan(
        reader=NAME,
        form="csv",
        paths=(str(item.path),),
        observer=item.observer,
        columns=kinds,
        fields=values(found, columns, kinds, samples),
        source=item.source if item.is_spooled else "",
        compression=item.compression,
        delimiter=delimiter,
        quote=quote,
        skip_lines=1,
    )
