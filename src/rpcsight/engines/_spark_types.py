"""DuckDB's types of a scan's columns in Spark's words."""

from typing import TYPE_CHECKING

from rpcsight.engines import Kind

if TYPE_CHECKING:
    from pyspark.sql import Column

__all__ = ["json_type", "typed_text"]

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
