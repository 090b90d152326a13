"""Pieces of SQL text that engines put together: names and literals, always quoted; parameters; dialects."""

import re
from collections.abc import Iterable, Mapping

from rpcsight.engines import TABLES, Kind, Scan
from rpcsight.schema import FACTS, Column

__all__ = ["identifier", "kind_text", "literal", "mapped", "over_columns", "used", "where"]

PARAMETER = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|/\*(?s:.*?)\*/|\$([a-z_]+)""")
"""Not inside texts, quoted names and comments."""


def identifier(name: str) -> str:
    """A column's name as SQL, quoted."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as SQL, quoted."""
    return "'" + text.replace("'", "''") + "'"


def kind_text(kind: Kind) -> str:
    """A column's type in DuckDB's words."""
    if isinstance(kind, str):
        return kind
    if isinstance(kind, tuple):
        return f"{kind_text(kind[0])}[]"
    return f"STRUCT({', '.join(f'{identifier(name)} {kind_text(inner)}' for name, inner in kind.items())})"


def used(sql: str, parameters: Mapping[str, int]) -> dict[str, int]:
    """Those of the parameters that the text names."""
    return {name: parameters[name] for name in PARAMETER.findall(sql) if name}


def mapped(scan: Scan, relation: str, source: str) -> str:
    """The select that turns a scan's raw columns into rows of the table that it gives.

    Args:
        scan: gives the expressions.
        relation: the raw columns, as SQL.
        source: the source column, as SQL, where the records don't tell it themselves.
    """
    observer = literal(scan.observer)
    if "observer" in scan.fields:
        observer = f"coalesce({scan.fields['observer']}, {observer})"
    if "source" in scan.fields:
        source = f"coalesce({scan.fields['source']}, {source})"
    fields = {**scan.fields, "observer": observer, "source": source}
    return f"select {', '.join(_columns(TABLES[scan.gives], fields))} from {_rows(scan, relation)}{where(scan)}"


def _rows(scan: Scan, relation: str) -> str:
    """The relation with the scan's windows, and with a row for each member of its list."""
    if scan.windows:
        made = "".join(f", {value} as {identifier(name)}" for name, value in scan.windows.items())
        looked_at = f" where {scan.among}" if scan.among else ""
        relation = f"(select *{made} from {relation}{looked_at}) as looked_at"
    return f"{relation} cross join unnest({scan.each}) as members(member)" if scan.each else relation


def where(scan: Scan) -> str:
    """The clause that picks the scan's records among those of its files."""
    if not scan.when:
        return ""
    return f" where {scan.when}" if scan.gives in FACTS else f" where ({scan.when}) is not false"


def over_columns(condition: str, scan: Scan) -> str:
    """A condition over the table that a scan gives rows of, over the scan's own columns instead."""
    names = "|".join(column.name for column in TABLES[scan.gives])
    values = {column.name: _value(column, scan.fields) for column in TABLES[scan.gives]}
    return re.sub(rf"(?<![\w$])({names})(?!\w)", lambda match: f"({values[match[1]]})", condition)


def _columns(table: Iterable[Column], fields: Mapping[str, str]) -> Iterable[str]:
    for column in table:
        yield f"{_value(column, fields)} as {identifier(column.name)}"


def _value(column: Column, fields: Mapping[str, str]) -> str:
    return fields.get(column.name, "true" if column.name == "is_oriented" else f"cast(null as {column.kind})")
