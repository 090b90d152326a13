"""DuckDB's types of a scan's columns in Spark's words, and Spark's rows as one table and as DuckDB gives them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from rpcsight.engines import Kind

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

__all__ = ["as_duckdb", "json_type", "typed_text", "union"]

NUMBERS = {"DOUBLE": "double", "BIGINT": "bigint", "INTEGER": "int", "BOOLEAN": "boolean"}


def json_type(kind: Kind) -> str:
    """Texts, in objects where the scan wants what is in them, in Spark's words."""
    if isinstance(kind, str | tuple):
        return "string" if isinstance(kind, str) else f"array<{json_type(kind[0])}>"
    return f"struct<{', '.join(f'`{name.replace(chr(96), chr(96) * 2)}`: {json_type(inner)}' for name, inner in kind.items())}>"


def typed_text(text: "Column", kind: Kind) -> "Column":
    """The text as a column of that DuckDB type; NULL where it is none."""
    from pyspark.sql import functions as F  # noqa: N812

    if number := NUMBERS.get(str(kind)):
        return text.try_cast(number)
    if kind == "USMALLINT":
        port = F.coalesce(text.try_cast("int"), F.round(text.try_cast("decimal(18, 6)")).try_cast("int"))
        return F.when(port.between(0, 65535), port)
    return text


def as_duckdb(table: pa.Table) -> pa.Table:
    """The table with DuckDB's types: times without zone, no column marked as never empty."""
    columns: list[Any] = []
    for column in table.columns:
        is_zoned = pa.types.is_timestamp(column.type) and column.type.tz is not None
        columns.append(column.cast(pa.timestamp("us")) if is_zoned else column)
    return pa.table(columns, names=table.column_names)


def union(many: "Sequence[DataFrame]") -> "DataFrame":
    """All rows of all; a balanced tree, since Spark walks plans by recursion."""
    if len(many) == 1:
        return many[0]
    middle = len(many) // 2
    return union(many[:middle]).unionAll(union(many[middle:]))
