"""Arrow columns as text, whole columns at a time: no Python per row."""

import importlib
from typing import Any

import pyarrow as pa

__all__ = ["as_time_text", "compute", "has_unsafe_text", "is_text"]

compute: Any = importlib.import_module("pyarrow.compute")
"""Arrow's functions; they come to be at run time, so that no type checker knows them."""

TIME_FORMAT = "%Y-%m-%dT%H:%M:%S"
UNSAFE = r'["\\\x00-\x1f\x7f]'


def as_time_text(column: "pa.ChunkedArray") -> "pa.ChunkedArray":
    """Times as ISO-8601 UTC with microseconds and `Z`."""
    zoned = column.cast(pa.timestamp("us", "UTC")) if pa.types.is_timestamp(column.type) else column
    return compute.binary_join_element_wise(compute.strftime(zoned, format=TIME_FORMAT), "Z", "")


def is_text(kind: "pa.DataType") -> bool:
    """Whether a column holds text."""
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def has_unsafe_text(column: "pa.ChunkedArray") -> "pa.ChunkedArray":
    """Which texts need escaping in JSON."""
    return compute.match_substring_regex(column, UNSAFE)
