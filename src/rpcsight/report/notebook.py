"""Findings and tables in a notebook: plain tables without styles of their own; every value is escaped."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from rpcsight.report.bars import points
from rpcsight.report.markup import Cell, clock, microseconds, table, tag, visible
from rpcsight.report.tables import connection_lines, deed_lines, pair_lines

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["arrow_html", "finding_html", "findings_html"]

MOST = 50
"""Rows of a table; the rest is counted."""
LONGEST = 200
LINES = 5

Finding = Mapping[str, Any]


def finding_html(finding: Finding) -> str:
    """All about a finding (`Finding.to_dict()`)."""
    lists = (
        ("What was done", deed_lines(finding, LINES)),
        ("All clients and servers", pair_lines(finding, LINES)),
        ("The first connections", connection_lines(finding, LINES)),
        ("What to check", finding["next"]),
        ("Benign if", finding["benign_if"]),
    )
    made = [_listed(name, rows) for name, rows in lists if rows]
    sides = f"{finding['src_ip'] or 'unknown client'} → {finding['dest_ip'] or 'several hosts'}"
    head = tag("p", tag("strong", f"{finding['score']:.1f} {finding['severity']}: {sides}"))
    return str(tag("div", head, tag("p", finding["summary"]), points(finding["reasons"]), made))


def findings_html(findings: Sequence[Finding]) -> str:
    """A row for each of the first findings."""
    rows = [
        (
            *(number, round(float(each["score"]), 1), each["severity"]),
            *(each["src_ip"] or "?", each["dest_ip"] or "?", clock(microseconds(each["first_time"]))),
            visible("; ".join(reason["text"] for reason in each["reasons"][:3]), LONGEST * 2),
        )
        for number, each in enumerate(findings[:MOST])
    ]
    columns = ("place", "score", "severity", "client", "server", "first (UTC)", "why")
    return _some(f"{len(findings):,} findings, the most unusual first", columns, rows, len(findings))


def arrow_html(rows: "pa.Table") -> str:
    """The first rows of an Arrow table."""
    shown = rows.slice(0, MOST)
    names = rows.schema.names
    cells = [[_cell(column[place].as_py()) for column in shown.columns] for place in range(shown.num_rows)]
    return _some(f"{rows.num_rows:,} rows of {len(names)} columns", names, cells, rows.num_rows)


def _some(caption: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]], number: int) -> str:
    more = [tag("p", f"and {number - len(rows):,} more")] if number > len(rows) else []
    return str(tag("div", table(caption, columns, rows), more))


def _cell(value: object) -> Cell:
    return value if isinstance(value, int | float) else visible(value, LONGEST)


def _listed(name: str, rows: Sequence[str]) -> Markup:
    return tag("div", tag("p", name), tag("ul", [tag("li", each) for each in rows]))
