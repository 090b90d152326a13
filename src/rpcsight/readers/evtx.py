"""Windows event logs (EVTX), as Windows keeps them or `wevtutil epl` copies them; the `evtx` package takes them apart.

Times are TimeCreated's, 100 ns as written, microseconds here; the clock of a Sysmon event is its own UtcTime. The numbers of the events
decide which are looked at: those that flows, and the facts that are asked for, are made of.
"""

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from rpcsight.engines import Scan
from rpcsight.errors import InputError
from rpcsight.readers._inputs import Input, blocks
from rpcsight.readers._windows import (
    COLUMNS,
    LONGEST_EVENT_BYTES,
    RELATION,
    TASKS,
    VALUE_SET,
    batches,
    event_scan,
    note_others,
    row,
    wanted,
)

if TYPE_CHECKING:
    import pyarrow as pa

NAME = "evtx"
ABOUT = "Windows event logs (EVTX): Sysmon, Security, System, RPC Firewall, Microsoft-Windows-RPC"
IS_GENERIC = False

MAGIC = b"ElfFile\0"
HINT = "copy the log with: wevtutil epl LOG FILE"
NUMBER = re.compile(r'"EventID":(?:\{"#attributes":\{[^{}]*\},"#text":)?"?(\d{1,5})\b')
MARK, LONGEST_NUMBER = '"EventID":', 6
CHUNK = "Failed to parse chunk"
BROKEN_CHUNK, BROKEN_RECORD, BROKEN_EVENT = "chunk can't be read", "event can't be read", "event is no event"
MOST_COMPLAINTS = 100_000
"""More than that from one file, and it is no log."""


@dataclass(frozen=True, slots=True)
class Log:
    """The feed of an event log (see `engines.Feed`)."""

    tables: Mapping[str, Mapping[str, str]]

    def rows(
        self,
        path: str,
        compression: str,
        source: str,
        facts: Collection[str],
        losses: Counter[str],
        notes: Counter[str],
    ) -> "Iterator[tuple[str, pa.RecordBatch]]":
        """See `engines.Feed.rows`.

        Raises:
            InputError: the file can't be read, or holds no whole chunk.
        """
        del compression
        others = Counter[str]()
        yield from batches(_rows(path, source, wanted(facts), losses, others))
        note_others(others, notes)


def why_not(item: Input) -> str | None:
    """None for a file with the signature of event logs."""
    return None if item.head.startswith(MAGIC) else "does not begin with ElfFile"


def unpack(item: Input) -> Iterator[bytes] | None:
    """The inflated log: the package needs a file to move about in."""
    return blocks(item) if item.compression else None


def scan(item: Input, mapping: Mapping[str, str]) -> Scan:
    """A feed of events.

    Args:
        item: the log.
        mapping: not used; Windows' names are known.
    """
    del mapping
    return event_scan(item, NAME, Log({RELATION: COLUMNS}))


def _rows(
    path: str, source: str, numbers: Collection[int], losses: Counter[str], others: Counter[str]
) -> Iterator[dict[str, Any]]:
    """The events of those numbers; what the package complains of is counted, and the others until there is one."""
    from evtx import PyEvtxParser

    try:
        records = cast("Iterator[dict[str, str]]", PyEvtxParser(path).records_json())
    except (OSError, RuntimeError, ValueError) as cause:
        raise InputError(source, f"is no whole event log ({_first_line(cause)})", HINT) from cause
    asked = {str(number) for number in numbers}
    found = 0
    is_done = is_told = False
    while not is_done:
        try:
            for record in records:
                found += 1
                text = record["data"]
                place = text.find(MARK) + len(MARK)
                number = text[place : place + LONGEST_NUMBER].partition(",")[
                    0
                ]  # most are of this form; a pattern is slow
                is_asked = number in asked or not (number.isdigit() or not _is_asked(text, asked))
                if not is_asked or (TASKS not in text and _number(text) == str(VALUE_SET)):
                    if not is_told:
                        others[_number(text)] += 1
                    continue
                is_told = True
                others.clear()
                made = _row_or_none(text)
                if made is None:
                    losses[BROKEN_EVENT] += 1
                else:
                    yield made
            is_done = True
        except (OSError, RuntimeError, ValueError) as cause:
            losses[BROKEN_CHUNK if str(cause).startswith(CHUNK) else BROKEN_RECORD] += 1
            if losses.total() > MOST_COMPLAINTS:
                raise InputError(source, f"{MOST_COMPLAINTS:,} parts of it can't be read", HINT) from cause
    if not found:
        damage = f" that can be read ({losses.total():,} damaged parts)" if losses else ""
        raise InputError(source, f"holds no event{damage}", HINT)


def _is_asked(text: str, asked: Collection[str]) -> bool:
    """Whether the event is of those numbers, or of none."""
    number = NUMBER.search(text)
    return number is None or number[1] in asked


def _number(text: str) -> str:
    """The event's number: this one is of those that `_is_asked` found."""
    number = NUMBER.search(text)
    return number[1] if number else "?"


def _row_or_none(text: str) -> dict[str, Any] | None:
    try:
        return _row(text)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _row(text: str) -> dict[str, Any]:
    if len(text) > LONGEST_EVENT_BYTES:
        raise ValueError
    event = json.loads(text)["Event"]
    system = event["System"]
    number = system["EventID"]
    data = event.get("EventData") or next(iter((event.get("UserData") or {}).values()), None) or {}
    return row(
        {
            "EventID": str(number["#text"] if isinstance(number, dict) else number),
            "SystemTime": str(system["TimeCreated"]["#attributes"]["SystemTime"]),
            "EventRecordID": str(system["EventRecordID"]),
            "Channel": str(system["Channel"]),
            "Computer": str(system["Computer"]),
            "Provider": str(system["Provider"]["#attributes"]["Name"]),
        },
        data,
        _unnamed(data),
    )


def _unnamed(data: Mapping[str, Any]) -> list[str]:
    values = data.get("Data")
    values = values.get("#text", values) if isinstance(values, dict) else values
    return [str(each) for each in values] if isinstance(values, list) else []


def _first_line(cause: Exception) -> str:
    return str(cause).splitlines()[0][:200].encode("unicode_escape").decode("ascii") if str(cause) else "unreadable"
