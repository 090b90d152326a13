"""Windows events as XML: what Event Viewer saves, `wevtutil qe /f:xml` prints and Get-WinEvent's ToXml gives.

Each element Event is parsed for itself, by expat: what is around them does not matter, one that is not well-formed costs no other, and
there are no entities but XML's own five. Times are TimeCreated's; the clock of a Sysmon event is its own UtcTime.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.parsers import expat

from rpcsight.engines import Scan
from rpcsight.errors import InputError
from rpcsight.readers._inputs import Input, until_broken
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

NAME = "windows_xml"
ABOUT = "Windows events as XML: Event Viewer, wevtutil, Get-WinEvent's ToXml"
IS_GENERIC = False

NAMESPACE = b"schemas.microsoft.com/win/2004/08/events/event"
BEGIN = re.compile(rb"<Event[\s>]")
END = b"</Event>"
NUMBER = re.compile(rb"<EventID(?:\s[^<>]*)?>\s*(\d{1,5})\s*</EventID>")
LONGEST_TAG_BYTES = 16
ODD, CUT, LONG = "event is not well-formed XML", "event is cut at the end of the file", "event of more than 1 MiB"


@dataclass(frozen=True, slots=True)
class Export:
    """The feed of a file of events (see `engines.Feed`)."""

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
            InputError: the file can't be read or unpacked to its end; what came before holds.
        """
        others = Counter[str]()
        broken: list[InputError] = []
        events = _events(until_broken(path, compression, source, broken), losses)
        yield from batches(_rows(events, wanted(facts), losses, others))
        note_others(others, notes)
        if broken:
            raise broken[0]


def why_not(item: Input) -> str | None:
    """None for XML whose head names Windows' events."""
    start = item.head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not start.startswith(b"<"):
        return "is no XML"
    return None if NAMESPACE in item.head and BEGIN.search(item.head) else "XML without Windows' elements Event"


def scan(item: Input, mapping: Mapping[str, str]) -> Scan:
    """A feed of events.

    Args:
        item: the file.
        mapping: not used; Windows' names are known.
    """
    del mapping
    return event_scan(item, NAME, Export({RELATION: COLUMNS}))


def _events(content: Iterator[bytes], losses: Counter[str]) -> Iterator[bytes]:
    """The text of each element Event; those that are too long, or have no end, are counted."""
    held = b""
    is_passing = False
    for block in content:
        held += block
        place = 0
        while True:
            begin = None if is_passing else BEGIN.search(held, place)
            start = place if is_passing else begin.start() if begin else -1
            end = held.find(END, start) if start >= 0 else -1
            if end < 0:
                break
            if not is_passing:
                yield held[start : end + len(END)]
            is_passing = False
            place = end + len(END)
        is_between = start < 0 or is_passing
        held = held[max(place, len(held) - LONGEST_TAG_BYTES) if is_between else start :]
        if len(held) > LONGEST_EVENT_BYTES:
            losses[LONG] += 1
            is_passing, held = True, held[-LONGEST_TAG_BYTES:]
    if not is_passing and BEGIN.match(held):
        losses[CUT] += 1


def _rows(
    events: Iterator[bytes], numbers: Collection[int], losses: Counter[str], others: Counter[str]
) -> Iterator[dict[str, Any]]:
    """The events of those numbers; the others are counted until there is one."""
    is_told = False
    for text in events:
        number = NUMBER.search(text)
        if number is not None and not _is_asked(int(number[1]), text, numbers):
            if not is_told:
                others[str(int(number[1]))] += 1
            continue
        is_told = True
        others.clear()
        try:
            yield _Event().row(text)
        except (ValueError, KeyError, expat.ExpatError):
            losses[ODD] += 1


def _is_asked(number: int, text: bytes, numbers: Collection[int]) -> bool:
    return number in numbers and (number != VALUE_SET or TASKS.encode() in text)


class _Event:
    """The elements of one event, as expat tells of them."""

    def __init__(self) -> None:
        self._system: dict[str, str] = {}
        self._data: dict[str, str] = {}
        self._unnamed: list[str] = []
        self._path: list[str] = []
        self._name = ""
        self._text: list[str] = []

    def row(self, text: bytes) -> dict[str, Any]:
        """The event as a row.

        Raises:
            ValueError: it is no event.
            expat.ExpatError: it is not well-formed.
        """
        parser = expat.ParserCreate("utf-8")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text.append
        parser.Parse(text, True)
        return row(self._system, self._data, self._unnamed)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._path.append(name)
        self._text.clear()
        if name == "Provider":
            self._system[name] = attributes.get("Name", "")
        elif name == "TimeCreated":
            self._system["SystemTime"] = attributes.get("SystemTime", "")
        self._name = attributes.get("Name", "")

    def _end(self, name: str) -> None:
        self._path.pop()
        text = "".join(self._text)
        self._text.clear()
        around = self._path[1] if len(self._path) > 1 else ""
        if around == "System" and name in {"EventID", "EventRecordID", "Channel", "Computer"}:
            self._system[name] = text.strip()
        elif name == "Data" and around == "EventData" and self._name:
            self._data[self._name] = text
        elif name == "Data" and around == "EventData":
            self._unnamed.append(text)
        elif around == "UserData":
            self._data[name] = text
