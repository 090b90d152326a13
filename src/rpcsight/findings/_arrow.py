"""The Arrow schema of findings, so that an empty result has the same shape as a full one; findings as a table of it."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from rpcsight.schema import DETECTION, RPC_ACTIVITY
from rpcsight.schema.arrow import ARROW_TYPES

__all__ = ["FINDING_SCHEMA", "KEPT_SCHEMA", "table"]

EVIDENCE = pa.struct([pa.field(column.name, ARROW_TYPES[column.kind]) for column in RPC_ACTIVITY])
DEED = pa.struct([pa.field(column.name, ARROW_TYPES[column.kind]) for column in DETECTION])
REASON = pa.struct([pa.field("name", pa.string()), pa.field("points", pa.float64()), pa.field("text", pa.string())])
PAIR = pa.struct(
    [
        pa.field("src_ip", pa.string()),
        pa.field("dest_ip", pa.string()),
        pa.field("first_time", pa.timestamp("us")),
        pa.field("last_time", pa.timestamp("us")),
        pa.field("score", pa.float64()),
        pa.field("src_host", pa.string()),
        pa.field("dest_host", pa.string()),
    ]
)

FINDING_SCHEMA = pa.schema(
    [
        pa.field("finding_id", pa.string()),
        pa.field("day", pa.string()),
        pa.field("rank", pa.int64()),
        pa.field("src_ip", pa.string()),
        pa.field("dest_ip", pa.string()),
        pa.field("src_host", pa.string()),
        pa.field("dest_host", pa.string()),
        pa.field("client_role", pa.string()),
        pa.field("server_role", pa.string()),
        pa.field("service", pa.string()),
        pa.field("tier", pa.string()),
        pa.field("techniques", pa.list_(pa.string())),
        pa.field("d3fend", pa.list_(pa.string())),
        pa.field("score", pa.float64()),
        pa.field("severity", pa.string()),
        pa.field("confidence", pa.float64()),
        pa.field("first_time", pa.timestamp("us")),
        pa.field("last_time", pa.timestamp("us")),
        pa.field("activities", pa.int64()),
        pa.field("attempts", pa.int64()),
        pa.field("smb", pa.int64()),
        pa.field("summary", pa.string()),
        pa.field("reasons", pa.list_(REASON)),
        pa.field("pairs", pa.list_(PAIR)),
        pa.field("evidence", pa.list_(EVIDENCE)),
        pa.field("detections", pa.list_(DEED)),
        pa.field("next", pa.list_(pa.string())),
        pa.field("benign_if", pa.list_(pa.string())),
    ]
)

KEPT_SCHEMA = FINDING_SCHEMA.append(pa.field("status", pa.string())).append(pa.field("allowed_by", pa.string()))
"""Findings with what a workspace says of them."""


def table(documents: Iterable[Mapping[str, Any]], schema: pa.Schema = FINDING_SCHEMA) -> pa.Table:
    """Findings as plain values, as one table.

    Args:
        documents: as `Finding.to_dict` gives them, or as a workspace keeps them: with times as texts. Fields that are missing are null.
        schema: the columns.
    """
    kind = pa.struct(list(schema))
    return pa.Table.from_pylist([_as(document, kind) for document in documents], schema)


def _as(value: Any, kind: pa.DataType) -> Any:  # noqa: ANN401 - whatever JSON has
    """The value as Arrow takes it for that type: texts without halves of characters, which no encoding has."""
    if value is None:
        return None
    if pa.types.is_struct(kind):
        return {field.name: _as(value.get(field.name), field.type) for field in kind}
    if pa.types.is_list(kind):
        return [_as(part, kind.value_type) for part in value]
    if pa.types.is_timestamp(kind):
        time = datetime.fromisoformat(value) if isinstance(value, str) else value
        return time.astimezone(UTC).replace(tzinfo=None) if time.tzinfo else time
    if pa.types.is_string(kind):
        text = str(value)
        return text if text.isascii() else text.encode("utf-8", "replace").decode()
    return value
