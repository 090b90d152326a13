"""Azure's nested flow logs taken apart: a line for each flow tuple, record by record, so that a blob of an hour takes no memory."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import cast

from rpcsight.errors import InputError
from rpcsight.readers._inputs import Input, blocks

__all__ = ["COLUMNS", "tuples"]

COLUMNS = (
    *(
        "interface",
        "time_ms",
        "src_ip",
        "dest_ip",
        "src_port",
        "dest_port",
        "protocol",
        "direction",
        "decision",
        "state",
    ),
)
"""Of each line: MAC address of the interface, then what both kinds of tuples hold. Decision D is denied."""
LONGEST_RECORD_BYTES = 1 << 24
SHOWN_BYTES = 200
NSG_FEWEST, VNET_FEWEST = 8, 9
THOUSAND = "000"
STATE = 8
"""Where the ninth field of a group's tuple of version 2 stands; virtual networks have it one earlier, and no decision."""
PIECE = re.compile(rb'(?:[^"{}]++|"(?:[^"\\]++|\\.)*+")*+([{}])', re.DOTALL)
"""Up to the next brace that is in no text."""
WRAPPED = re.compile(rb'[\xef\xbb\xbf\s]{0,64}\{\s{0,64}"records"\s{0,64}:')
CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def tuples(item: Input) -> Iterator[bytes]:
    """The lines of each record, in their order; of what is none, its beginning, which counts as a line that can't be read."""
    for text in _records(item):
        try:
            record = json.loads(text)
        except (ValueError, RecursionError):
            yield _unreadable(text)
            continue
        if found := "".join(_lines(record)):
            yield found.encode("utf-8", errors="replace")


def _records(item: Input) -> Iterator[bytes]:
    """The objects of the list `records`, or those that stand alone."""
    wanted = 2 if WRAPPED.match(item.head) else 1
    rest, depth, start, seen = b"", 0, 0, 0
    for block in blocks(item):
        text = rest + block
        while piece := PIECE.match(text, seen):
            seen = piece.end()
            if piece[1] == b"{":
                depth += 1
                start = seen - 1 if depth == wanted else start
            else:
                if depth == wanted:
                    yield text[start:seen]
                depth = max(0, depth - 1)
        kept = start if depth >= wanted else seen
        if len(text) - kept > LONGEST_RECORD_BYTES:
            what = f"has a record of more than {LONGEST_RECORD_BYTES >> 20} MiB, which no flow log has"
            raise InputError(item.source, what, "what comes before it was read")
        rest, seen, start = text[kept:], seen - kept, 0
    if depth >= wanted:
        yield rest[:SHOWN_BYTES]


def _unreadable(text: bytes) -> bytes:
    """The beginning of it, in one line with too few columns."""
    return re.sub(rb"[\x00-\x1f,]+", b" ", text[:SHOWN_BYTES]).strip() + b"\n"


def _lines(record: object) -> Iterator[str]:
    for member in (record, *_objects(record, "records")):
        yield from _groups(member)


def _groups(record: object) -> Iterator[str]:
    for flow in _objects(_member(record, "flowRecords"), "flows"):
        for group in _objects(flow, "flowGroups"):
            yield from _vnet(_text(record, "macAddress"), _texts(group))
    for rule in _objects(_member(record, "properties"), "flows"):
        for flow in _objects(rule, "flows"):
            yield from _nsg(_text(flow, "mac") or _text(record, "macAddress"), _texts(flow))


def _nsg(interface: str, found: Iterable[str]) -> Iterator[str]:
    """Time in seconds, src, dest, their ports, T or U, I or O, A or D; from version 2 on B, C or E, and counters."""
    for text in found:
        cells = text.split(",")
        if len(cells) < NSG_FEWEST:
            yield f"{text.replace(',', ' ')}\n"
            continue
        state = cells[STATE] if len(cells) > STATE else ""
        yield f"{interface},{cells[0] and cells[0] + THOUSAND},{','.join(cells[1:STATE])},{state}\n"


def _vnet(interface: str, found: Iterable[str]) -> Iterator[str]:
    """Time in milliseconds, src, dest, their ports, protocol's number, I or O, B, C, E or D; encryption, counters."""
    for text in found:
        cells = text.split(",")
        if len(cells) < VNET_FEWEST:
            yield f"{text.replace(',', ' ')}\n"
            continue
        yield f"{interface},{','.join(cells[:STATE])},{cells[STATE - 1]}\n"


def _member(record: object, name: str) -> object:
    return cast("Mapping[str, object]", record).get(name) if isinstance(record, dict) else None


def _objects(record: object, name: str) -> list[object]:
    found = _member(record, name)
    return cast("list[object]", found) if isinstance(found, list) else []


def _text(record: object, name: str) -> str:
    found = _member(record, name)
    return CONTROL.sub(" ", found).replace(",", " ") if isinstance(found, str) else ""


def _texts(group: object) -> list[str]:
    """The tuples, each in one line; what is no text is shown as one that can't be read."""
    return [
        CONTROL.sub(" ", each) if isinstance(each, str) else "no flow tuple" for each in _objects(group, "flowTuples")
    ]
