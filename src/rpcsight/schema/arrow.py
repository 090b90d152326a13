"""Arrow's types of the columns' kinds; apart from the tables, so that naming a table does not load pyarrow."""

import pyarrow as pa

__all__ = ["ARROW_TYPES"]

ARROW_TYPES = {
    "VARCHAR": pa.string(),
    "INTEGER": pa.int32(),
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "TIMESTAMP": pa.timestamp("us"),
}
"""By `Column.kind`."""
