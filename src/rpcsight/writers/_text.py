"""Arrow columns as text, whole columns at a time: no Python per row."""

import importlib
import json
import math
from datetime import datetime
from typing import Any, cast

import pyarrow as pa

__all__ = ["as_json", "as_time_text", "compute", "has_unsafe_text", "is_text"]

compute: Any = importlib.import_module("pyarrow.compute")
"""Arrow's functions; they come to be at run time, so that no type checker knows them."""

UNSAFE = r'["\\\x00-\x1f\x7f-\x{9f}\x{200e}\x{200f}\x{202a}-\x{202e}\x{2066}-\x{2069}]'


def as_time_text(column: "pa.ChunkedArray") -> "pa.ChunkedArray":
    """Times (UTC, microseconds) as ISO-8601 with microseconds and `Z`.

    By Arrow's cast, which writes `2026-11-21 23:56:18.570000`: its strftime takes twenty times as long.
    """
    spaced = column.cast(pa.timestamp("us")).cast(pa.string())
    return compute.binary_join_element_wise(compute.replace_substring(spaced, " ", "T"), "Z", "")


def as_json(value: object) -> str:
    """A nested value as JSON, times as above; numbers that JSON has no word for (infinity, not a number) as null."""
    return json.dumps(_plain(value), ensure_ascii=False, allow_nan=False)


def is_text(kind: "pa.DataType") -> bool:
    """Whether a column holds text."""
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def has_unsafe_text(column: "pa.ChunkedArray") -> "pa.ChunkedArray":
    """Which texts need escaping in JSON."""
    return compute.match_substring_regex(column, UNSAFE)


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in cast("dict[str, object]", value).items()}
    if isinstance(value, list):
        return [_plain(part) for part in cast("list[object]", value)]
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
    return None if isinstance(value, float) and not math.isfinite(value) else value
