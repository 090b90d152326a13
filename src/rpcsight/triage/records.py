"""The records that a finding rests on, as they stand in the files that were hunted: a line, or the lines of one record.

Files are searched for the ids that evidence names: Zeek's uid, Suricata's flow_id and the like; where records have none, for both
addresses and both ports. Nothing is parsed: what is shown is what is there.
"""

import json
import re
import shlex
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from itertools import islice
from operator import and_
from pathlib import Path
from typing import Any

from rpcsight.engines.pump import whole_lines
from rpcsight.errors import InputError
from rpcsight.readers._inputs import Input, look

__all__ = ["Found", "Wanted", "search", "wanted"]

MADE_UP = re.compile(
    r"(?P<src_ip>[^>]{1,64}):(?P<src_port>\d{1,5})>(?P<dest_ip>[^>]{1,64}):(?P<dest_port>\d{1,5})@\d{1,20}"
)
"""The id that steps/reading.sql gives a flow without one."""
SIDES = ("src_ip", "src_port", "dest_ip", "dest_port")
MOST_RECORDS = 20
"""Of one id, in one file."""
LONGEST_SHOWN = 4000
LONGEST_RECORD = 1 << 26
"""Bytes that are kept in memory of one record; JSON of a whole file can be one line."""
PACKED = (".gz", ".zst")
HEAD_LINES = 5
PACKETS = (b"\xa1\xb2\xc3\xd4", b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\x3c\x4d", b"\x4d\x3c\xb2\xa1", b"\x0a\x0d\x0d\x0a")
"""How captures begin: pcap with microseconds or nanoseconds, in either order of bytes, and pcapng."""

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A record that evidence names.

    Args:
        flow_id: as evidence has it.
        sides: addresses and ports of both sides, by column, where the id is none that the file knows; else empty.
    """

    flow_id: str
    sides: Mapping[str, str]

    def words(self) -> list[str]:
        """What all stands in the record, the rarest first."""
        return (
            [self.sides[name] for name in ("src_port", "src_ip", "dest_ip", "dest_port")]
            if self.sides
            else [self.flow_id]
        )


@dataclass(frozen=True, slots=True)
class Found:
    """A record that was found.

    Args:
        source: the file it stands in, as the hunt named it, or as it is called since it was packed.
        line: its first line, from 1, once unpacked; None where a file has no lines.
        flow_id: whose it is.
        record: its text; of one longer than 4,000 characters the part around what was sought.
        is_whole: whether that is all of it.
    """

    source: str
    line: int | None
    flow_id: str
    record: str
    is_whole: bool


def wanted(finding: Row) -> dict[str, list[Wanted]]:
    """The records that evidence and detections of a finding name, by file; each once."""
    made: dict[str, dict[str, Wanted]] = {}
    for row in [*(finding.get("evidence") or ()), *(finding.get("detections") or ())]:
        for name in ("mapper_id", "flow_id"):
            if row.get("source") and (flow_id := row.get(name)):
                matched = MADE_UP.fullmatch(flow_id)
                sides = {side: matched[side] for side in SIDES} if matched else {}
                made.setdefault(row["source"], {}).setdefault(flow_id, Wanted(flow_id, sides))
    return {source: list(each.values()) for source, each in made.items()}


def search(source: str, sought: Iterable[Wanted]) -> Iterator[Found]:
    """The records of one file, in its order; at most 20 of each that is wanted.

    Args:
        source: the file; where it is gone, the same with .gz or .zst is read.
        sought: what is wanted of it.

    Raises:
        InputError: there is no such file, it can't be read, or it has no text.
    """
    path = _path(source)
    item = look(Input(path, str(path)))
    every = list(sought)
    if item.head.startswith(b"PAR1"):
        yield from _rows(item, every)
        return
    if item.head.startswith(PACKETS):
        raise InputError(item.source, "holds packets, which have no lines", _packet_command(path, every))
    if b"\0" in item.head:
        raise InputError(
            item.source, "is no text: its records have no lines", "the program that wrote it can show them"
        )
    yield from _lines(item, every)


def _path(source: str) -> Path:
    for path in (Path(source), *(Path(source + ending) for ending in PACKED)):
        if path.is_file():
            return path
    what = "is no longer there" if Path(source).is_absolute() else "is not there"
    hint = "" if Path(source).is_absolute() else "the hunt named it from another folder: go there first"
    raise InputError(source, what, hint or "it was moved or removed since the hunt")


def _lines(item: Input, every: list[Wanted]) -> Iterator[Found]:
    """Search a file of text: for the rarest word of each, then for the others in the same record."""
    words = {each.flow_id: each.words() for each in every}
    left = dict.fromkeys(words, MOST_RECORDS)
    start = _record_start(item.head)
    line = 1
    for text in _texts(item, start):
        cuts = [each.start() for each in start.finditer(text)] if start else []
        hits = [(span, name) for name in words for span in islice(_spans(text, cuts, words[name]), left[name])]
        for (begin, end, at), name in sorted(hits):
            left[name] -= 1
            record, is_whole = _shown(text[begin:end], at - begin)
            yield Found(item.source, line + text.count(b"\n", 0, begin), name, record, is_whole)
        line += text.count(b"\n")


def _record_start(head: bytes) -> re.Pattern[bytes] | None:
    """How a record of several lines begins: an event of XML, or a brace alone on its line; None where each line is a record."""
    lines = head.removeprefix(b"\xef\xbb\xbf").split(b"\n")[:HEAD_LINES]
    first = next((each.rstrip() for each in lines if each.strip() not in {b"", b"["}), b"")
    if first.lstrip().startswith(b"<"):
        return re.compile(rb"<Event[\s>]")
    return re.compile(rb"^" + first + rb"[ \t]*$", re.MULTILINE) if first.lstrip() == b"{" else None


def _texts(item: Input, start: re.Pattern[bytes] | None) -> Iterator[bytes]:
    """The file in pieces of whole records; one that has no end for long is cut."""
    rest = b""
    for block in whole_lines(str(item.path), item.compression, item.source, LONGEST_RECORD):
        text = rest + block
        last = max((each.start() for each in start.finditer(text)), default=0) if start else len(text)
        if start and len(text) - last > LONGEST_RECORD:
            last = len(text)
        if last:
            yield text[:last]
        rest = text[last:]
    if rest:
        yield rest


def _spans(text: bytes, cuts: list[int], words: list[str]) -> Iterator[tuple[int, int, int]]:
    """Where the records with all these words begin and end, and where in them the first of the words stands."""
    patterns = [_word(word) for word in words]
    rarest, at = words[0].encode(), -1
    while (at := text.find(rarest, at + 1)) >= 0:
        if patterns[0].match(text, at):
            begin, end = _around(text, cuts, at)
            if all(each.search(text, begin, end) for each in patterns[1:]):
                yield begin, end, at
                at = end - 1


def _around(text: bytes, cuts: list[int], at: int) -> tuple[int, int]:
    """The record that a place is in."""
    if not cuts:
        end = text.find(b"\n", at)
        return text.rfind(b"\n", 0, at) + 1, len(text) if end < 0 else end
    place = bisect_right(cuts, at)
    return cuts[place - 1] if place else 0, cuts[place] if place < len(cuts) else len(text)


def _word(text: str) -> re.Pattern[bytes]:
    """The text where it is not part of a longer word or number."""
    return re.compile(rb"(?<![0-9A-Za-z])(?<![0-9]\.)" + re.escape(text.encode()) + rb"(?![0-9A-Za-z])(?!\.[0-9])")


def _shown(record: bytes, at: int) -> tuple[str, bool]:
    """A record's text, or so much of it as is shown, around a place in it."""
    is_whole = len(record) <= LONGEST_SHOWN
    begin = 0 if is_whole else max(0, min(at - LONGEST_SHOWN // 2, len(record) - LONGEST_SHOWN))
    return record[begin : begin + LONGEST_SHOWN].decode("utf-8", errors="replace").rstrip(), is_whole


def _rows(item: Input, every: list[Wanted]) -> Iterator[Found]:
    """Search a Parquet file that has our columns: its rows as JSON."""
    import pyarrow.compute as pc
    from pyarrow.dataset import dataset

    table = dataset(str(item.path), format="parquet")
    if not {"flow_id", *SIDES} <= set(table.schema.names):
        raise InputError(
            item.source, "has no column flow_id with addresses and ports", "rpcsight convert writes such files"
        )
    for each in every:
        asked = {name: int(value) if name.endswith("port") else value for name, value in each.sides.items()}
        condition = reduce(
            and_, (pc.field(name) == value for name, value in (asked or {"flow_id": each.flow_id}).items())
        )
        for row in table.scanner(filter=condition).head(MOST_RECORDS).to_pylist():
            text = json.dumps(row, default=str, ensure_ascii=False)
            yield Found(item.source, None, each.flow_id, text[:LONGEST_SHOWN], len(text) <= LONGEST_SHOWN)


def _packet_command(path: Path, every: list[Wanted]) -> str:
    """How tshark shows the packets of the first connection that is wanted."""
    sides = next((each.sides for each in every if each.sides), None)
    if sides is None:
        return ""
    is_six = ":" in sides["src_ip"]
    parts = [f"ip{'v6' if is_six else ''}.addr == {sides[name]}" for name in ("src_ip", "dest_ip")]
    parts += [f"tcp.port == {sides[name]}" for name in ("src_port", "dest_port")]
    return f"tshark -r {shlex.quote(str(path))} -Y {shlex.quote(' && '.join(parts))}"
