"""When flows began and ended, in microseconds since 1970, from whatever way their records say it.

Sources: RFC 3954 section 8 and Cisco's v5 format (milliseconds of an uptime that wraps after 49.7 days), RFC 7011 section 6.1 (seconds,
milliseconds, NTP's 2^-32 s), RFC 7012 (offsets before the export, durations).
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from rpcsight.wire.netflow.elements import DURATIONS, ENDS, STARTS, Clock

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SET_ASIDE", "Times", "clock_note", "times", "uptimes"]

SET_ASIDE = (None, "no start time", "its time is before 1990 or after 2100", "it ends before it starts")
NO_START, ABSURD, BACKWARD = 1, 2, 3

SECOND_US = 1_000_000
EARLIEST_US = 631_152_000 * SECOND_US
"""1990-01-01, before the first flow exporters."""
LATEST_US = 4_102_444_800 * SECOND_US
"""2100-01-01."""
NTP_TO_UNIX_S = 2_208_988_800
"""Seconds from 1900 to 1970 (RFC 5905)."""
NTP_ERA_S = 1 << 32
WRAP_MS = 1 << 32
FUTURE_MS = 3_600_000
"""A flow may end a little after its datagram's own time; what seems later than this is from before the uptime's wrap."""

NOTES = {
    "uptime": "times of one-second clocks, milliseconds apart within the exporter: up to 1 s early",
    "s": "times in whole seconds",
}


class Times(NamedTuple):
    """When each flow was.

    Args:
        start_us, end_us: µs since 1970; 0 where `reason` says that there is none.
        has_end: whether the records say when they ended.
        reason: per flow, the place in `SET_ASIDE` of why it is none; 0 for none.
    """

    start_us: "NDArray[np.int64]"
    end_us: "NDArray[np.int64]"
    has_end: bool
    reason: "NDArray[np.uint8]"


def times(
    column: "Callable[[str], NDArray[np.uint64] | None]",
    export_us: "NDArray[np.int64]",
    uptime_ms: "NDArray[np.int64]",
) -> Times:
    """The times of records.

    Args:
        column: gives a column by its key (`elements.py`), None where the records do not have it.
        export_us: each record's datagram's time, µs since 1970.
        uptime_ms: the exporter's uptime then, modulo 2^32.
    """
    start = moment(STARTS, column, export_us, uptime_ms)
    end = moment(ENDS, column, export_us, uptime_ms)
    duration = _duration(column)
    if start is None and end is not None and duration is not None:
        start = end - duration
    if end is None and start is not None and duration is not None:
        end = start + duration
    reason = np.zeros(len(export_us), np.uint8)
    nothing = np.zeros(len(export_us), np.int64)
    if start is None:
        return Times(nothing, nothing if end is None else end, end is not None, reason + np.uint8(NO_START))
    if end is not None:
        reason[end < start] = BACKWARD
        reason[(end < EARLIEST_US) | (end > LATEST_US)] = ABSURD
    reason[(start < EARLIEST_US) | (start > LATEST_US)] = ABSURD
    return Times(start, start if end is None else end, end is not None, reason)


def uptimes(init_ms: "NDArray[np.uint64]", export_us: "NDArray[np.int64]") -> "NDArray[np.int64]":
    """The exporter's uptime, in ms modulo 2^32, at `export_us` (µs since 1970), where it started at `init_ms` (ms since 1970)."""
    return (export_us // 1000 - _bounded(init_ms, LATEST_US // 1000)) & (WRAP_MS - 1)


def moment(
    clocks: tuple[Clock, ...],
    column: "Callable[[str], NDArray[np.uint64] | None]",
    export_us: "NDArray[np.int64]",
    uptime_ms: "NDArray[np.int64]",
    prefix: str = "",
) -> "NDArray[np.int64] | None":
    """The first of these clocks that the records have, in µs since 1970; None without any."""
    for clock in clocks:
        values = column(prefix + clock.key)
        if values is not None:
            return _microseconds(clock.unit, values, export_us, uptime_ms)
    return None


def clock_note(keys: frozenset[str], is_header_coarse: bool) -> str | None:
    """What is to be said about the clock of records with these columns.

    Args:
        keys: the columns.
        is_header_coarse: whether uptimes refer to a header with whole seconds.
    """
    unit = next((clock.unit for clock in STARTS if clock.key in keys), "")
    return None if unit == "uptime" and not is_header_coarse else NOTES.get(unit)


def _microseconds(
    unit: str, values: "NDArray[np.uint64]", export_us: "NDArray[np.int64]", uptime_ms: "NDArray[np.int64]"
) -> "NDArray[np.int64]":
    if unit == "ms":
        return _bounded(values, LATEST_US // 1000) * 1000
    if unit == "s":
        return _bounded(values, LATEST_US // SECOND_US) * SECOND_US
    if unit == "ntp":
        seconds = (values >> np.uint64(32)).astype(np.int64)
        fraction = (values & np.uint64(0xFFFFFFFF)) * np.uint64(SECOND_US) + np.uint64(1 << 31) >> np.uint64(32)
        seconds += np.where(seconds < NTP_ERA_S // 2, NTP_ERA_S, 0)  # NTP's second era begins in 2036
        return np.where(values == 0, 0, (seconds - NTP_TO_UNIX_S) * SECOND_US + fraction.astype(np.int64))
    if unit == "us before":
        return export_us - _bounded(values, LATEST_US)
    before_ms = (uptime_ms - _bounded(values, WRAP_MS)) & (WRAP_MS - 1)
    before_ms -= np.where(before_ms > WRAP_MS - FUTURE_MS, WRAP_MS, 0)
    return export_us - before_ms * 1000


def _duration(column: "Callable[[str], NDArray[np.uint64] | None]") -> "NDArray[np.int64] | None":
    for key, unit_us in DURATIONS:
        values = column(key)
        if values is not None:
            return _bounded(values, LATEST_US // unit_us) * unit_us
    return None


def _bounded(values: "NDArray[np.uint64]", highest: int) -> "NDArray[np.int64]":
    """The numbers, at most one above the highest sensible one, so that arithmetic stays within 64 bits."""
    return np.minimum(values, np.uint64(highest + 1)).astype(np.int64)
