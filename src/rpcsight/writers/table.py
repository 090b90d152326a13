"""A table for people: fits the terminal, leaves out what is the same in every row (and says so), never prints control characters."""

import io
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import BinaryIO

import pyarrow as pa
from rich.console import Console
from rich.padding import Padding
from rich.segment import Segments
from rich.table import Table
from rich.text import Text

from rpcsight.writers import Look, Rows, batches

NAME = "table"
ABOUT = "a table for people"
IS_BINARY = False
OF_FINDINGS = False

FEWEST_ROWS_TO_FOLD = 3
WRAPPED = ("why", "about", "attack", "needs", "uses")
ADDRESSES = ("client", "server", "src_ip", "dest_ip")
BENEATH = "why"
"""What is told of a row under it, where beside it there is less than half of the width for it."""
LEAST_WRAPPED_WIDTH = 18
MOST_INDENT = 10
GAP = 2

Cells = Mapping[str, Sequence[str]]


def write(rows: Rows, out: BinaryIO, look: Look) -> None:
    """Write the first rows as a table, and what is not shown in words.

    Args:
        rows: any table; columns of `WRAPPED` are wrapped, all others stay on one line (where there is no room
            otherwise, addresses are wrapped, too; and `BENEATH` stands under its row, as wide as the table).
        out: a binary stream.
        look: width, colours and the most rows to show.
    """
    text = io.StringIO()
    console = Console(
        file=text, width=look.width, force_terminal=look.is_coloured, no_color=not look.is_coloured, highlight=False
    )
    shown, number = _first(rows, look.limit)
    cells = {name: [_cell(value) for value in shown.column(name).to_pylist()] for name in rows.schema.names}
    same = {
        name: values[0]
        for name, values in cells.items()
        if len(values) >= FEWEST_ROWS_TO_FOLD and len(set(values)) == 1
    }
    columns = [name for name in rows.schema.names if name not in same]
    fitting = _fitting(columns, cells, look.width)
    if beside := _beside(fitting, columns, cells, look.width):
        fitting = [*beside, BENEATH]
        indent = min(_width(beside[0], cells) + GAP, MOST_INDENT)
        _print_beneath(console, _table(beside, cells, rows.schema, ()), cells[BENEATH], indent)
    elif shown.num_rows:
        is_narrow = _needed(fitting, cells) > look.width
        console.print(_table(fitting, cells, rows.schema, (*WRAPPED, *ADDRESSES) if is_narrow else WRAPPED))
    everywhere = "in all rows" if number == shown.num_rows else "in all rows shown"
    for name, value in same.items():
        console.print(Text(f"{everywhere}: {name} = {value or '(empty)'}", style="dim"))
    if dropped := [name for name in columns if name not in fitting]:
        console.print(Text(f"no room for: {', '.join(dropped)} (a wider terminal, or --format jsonl)", style="dim"))
    more = number - shown.num_rows
    rest = f", {more} more not shown (--limit {number}, or --format jsonl)" if more else ""
    console.print(Text(f"{number} {'row' if number == 1 else 'rows'}{rest}"))
    out.write(text.getvalue().encode())


def _first(rows: Rows, limit: int) -> tuple[pa.Table, int]:
    """The first rows, and how many there are in all."""
    kept: list[pa.Table] = []
    number = 0
    for batch in batches(rows):
        if number < limit:
            kept.append(batch.slice(0, limit - number))
        number += batch.num_rows
    return pa.concat_tables(kept) if kept else rows.schema.empty_table(), number


def printable(text: str) -> str:
    """The text with control characters (an attacker's escape sequences) made visible."""
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


def _table(columns: Sequence[str], cells: Cells, schema: pa.Schema, wrapped: Sequence[str]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in columns:
        kind = schema.field(name).type
        is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind)
        table.add_column(
            Text(printable(name)),
            justify="right" if is_number else "left",
            no_wrap=name not in wrapped,
            overflow="fold" if name in wrapped else "ellipsis",
        )
    for row in zip(*(cells[name] for name in columns), strict=True):
        table.add_row(*map(Text, row))
    return table


def _beside(fitting: Sequence[str], columns: Sequence[str], cells: Cells, width: int) -> list[str]:
    """The columns of rows that have their text beneath them; none where the text has room, or the columns have none on one line."""
    room = width - _needed([name for name in fitting if name != BENEATH], cells) - GAP
    if BENEATH not in fitting or room >= width // 2 or all(len(text) <= room for text in cells[BENEATH]):
        return []
    others = _fitting([name for name in columns if name != BENEATH], cells, width)
    return others if _needed(others, cells) <= width and not set(others) & set(WRAPPED) else []


def _print_beneath(console: Console, table: Table, texts: Sequence[str], indent: int) -> None:
    """A table of one-line rows with a text under each."""
    header, *rows = console.render_lines(table, pad=False, new_lines=True)
    console.print(Segments(header), end="")
    for row, text in zip(rows, texts, strict=True):
        console.print(Segments(row), end="")
        console.print(Padding(Text(text, overflow="fold"), (0, 0, 0, indent), expand=False))


def _fitting(columns: Sequence[str], cells: Cells, width: int) -> list[str]:
    """The columns that there is room for: the last ones go first; the first one, addresses and texts that can be wrapped stay."""
    kept = list(columns)
    for name in reversed(columns[1:]):
        if _needed(kept, cells) > width and name not in (*WRAPPED, *ADDRESSES):
            kept.remove(name)
    return kept


def _needed(columns: Sequence[str], cells: Cells) -> int:
    return sum(_width(name, cells) + GAP for name in columns) - GAP


def _width(name: str, cells: Cells) -> int:
    longest = max((len(text) for text in cells[name]), default=0)
    return max(len(name), min(longest, LEAST_WRAPPED_WIDTH) if name in WRAPPED else longest)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S.%f")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6f}"
    return printable(str(value))
