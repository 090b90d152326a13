"""Findings as JSON: how they are kept."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import UTC, date, datetime
from math import isfinite
from typing import Any, cast

__all__ = ["as_json"]


def as_json(document: Mapping[str, Any]) -> str:
    """A finding as JSON: times as ISO-8601 in UTC, numbers that are none as null."""
    try:
        return json.dumps(document, ensure_ascii=False, allow_nan=False, default=_plain)
    except ValueError:  # a number that is none
        return json.dumps(_plain(document), ensure_ascii=False, allow_nan=False)


def _plain(value: object) -> object:
    """A value as JSON has it: times and days as texts, numbers that are none as null."""
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(name): _plain(part) for name, part in cast("Mapping[object, object]", value).items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in cast("Sequence[object]", value)]
    if isinstance(value, datetime):
        utc = value if value.tzinfo is None else value.astimezone(UTC)
        return utc.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
    if isinstance(value, date):
        return value.isoformat()
    return None if isinstance(value, float) and not isfinite(value) else value
