"""The catalogue as relations, for analytics that join it: the tables of `schema.CATALOG`, as rows and as SQL."""

from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

from rpcsight.catalog import interfaces, operations, techniques
from rpcsight.schema import CATALOG, names

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["relation", "rows"]

Row = tuple[str | int | float | None, ...]
LOGS = ("zeek", "zeek-old", "bzar")
"""Whose names logs of calls have."""


@cache
def rows(name: str) -> "pa.Table":
    """All rows of one of the tables of `schema.CATALOG`, for an engine to hold."""
    import pyarrow as pa

    from rpcsight.schema.arrow import ARROW_TYPES

    schema = pa.schema([(column.name, ARROW_TYPES[column.kind]) for column in CATALOG[name]])
    found = list(_rows(name))
    return pa.table([[row[place] for row in found] for place in range(len(schema))], schema=schema)


@cache
def relation(name: str) -> str:
    """A query that gives the same rows, for a warehouse that does not have the table."""
    columns = CATALOG[name]
    values = ",\n".join(f"  ({', '.join(map(_literal, row))})" for row in _rows(name))
    kept = ",\n".join(f"  cast({column.name} as {column.kind.lower()}) as {column.name}" for column in columns)
    return f"select\n{kept}\nfrom (values\n{values}\n) as listed({', '.join(names(columns))})"


def _rows(name: str) -> Iterator[Row]:
    known = interfaces().values()
    if name == "rpc_interface":
        for each in known:
            told = each.name, " ".join(each.documents), each.process, each.service
            yield each.uuid, *(text or None for text in told)
    elif name == "rpc_operation":
        for each in known:
            yield from ((each.uuid, one.opnum, one.name) for one in operations(each.uuid))
    elif name == "rpc_technique":
        yield from ((each.interface, each.opnum, each.technique, each.weight, each.reason) for each in techniques())
    else:
        meant = list(_logged())
        meanings = Counter(pair[:2] for pair in meant)
        yield from ((*each, meanings[each[:2]]) for each in meant)


def _logged() -> Iterator[tuple[str, str, str, int]]:
    """Names of an interface and its operation, lower case, as logs of calls have them; UUID and number."""
    for each in interfaces().values():
        interface_names = sorted(
            {each.names[tool].lower() for tool in LOGS if tool in each.names} or {each.name.lower()}
        )
        for one in operations(each.uuid):
            called = sorted({one.names[tool].lower() for tool in LOGS if tool in one.names} or {one.name.lower()})
            yield from ((said, name, each.uuid, one.opnum) for said in interface_names if said for name in called)


def _literal(value: str | float | None) -> str:
    """The value in SQL."""
    if isinstance(value, str):
        quoted = value.replace("'", "''")
        return f"'{quoted}'"
    return "null" if value is None else repr(value)
