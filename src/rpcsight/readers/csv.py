"""Any delimited text with a header line: columns by common names (CAR, ECS, OpTC, Defender) or by --map."""

import csv
from collections.abc import Mapping

from rpcsight.engines import Scan
from rpcsight.readers import NoFlows
from rpcsight.readers._delimited import column_names
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
    lines = item.lines()
    if not lines:
        return "no line of text"
    if "\0" in lines[0] or "\ufffd" in lines[0]:
        return "binary data"
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
        NoFlows: there is a header and nothing below it.
        SchemaError: a flow column that is needed can't be found.
        InputError: the header is unusable.
    """
    lines = item.lines()
    first = lines[0].removeprefix("\ufeff")
    delimiter = max(DELIMITERS, key=first.count)
    rows = _rows([first, *lines[1 : SAMPLE_ROWS + 1]], delimiter)
    columns = column_names(item.source, rows[0])
    found = found_names(columns, mapping, item.source)
    if len(lines) == 1:
        raise NoFlows("a header and no records")
    samples = {
        name: [row[place].strip() for row in rows[1:] if len(row) == len(columns)] for place, name in enumerate(columns)
    }
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
        quote='"',
        skip_lines=1,
    )


def _rows(lines: list[str], delimiter: str) -> list[list[str]]:
    """The cells of lines; a record whose quotes hold line ends counts as it stands, line by line."""
    return [next(csv.reader([line.replace("\r", " ")], delimiter=delimiter), []) for line in lines]
