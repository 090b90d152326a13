"""The records that a finding rests on, as they stand in the files that were hunted: a line, or the lines of one record.

Files are searched for what evidence names: Zeek's uid, Suricata's flow_id and the like; a Windows event's number and computer; where
records have neither, both addresses and both ports. Nothing is parsed: what is shown is what is there.
"""

import ipaddress
import json
import re
import shlex
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import islice
from operator import and_
from pathlib import Path
from typing import Any

from rpcsight.engines.pump import whole_lines
from rpcsight.errors import InputError
from rpcsight.pipeline import Progress
from rpcsight.readers._inputs import Input, look
from rpcsight.readers.parquet import MAGIC as PARQUET
from rpcsight.wire.capture.magic import is_capture

__all__ = ["Found", "Wanted", "search", "search_all", "wanted"]

MADE_UP = re.compile(
    r"(?P<src_ip>[^>]{1,64}):(?P<src_port>\d{1,5})>(?P<dest_ip>[^>]{1,64}):(?P<dest_port>\d{1,5})@\d{1,20}"
)
"""The id that steps/reading.sql gives a flow without one."""
NUMBERED = re.compile(r"(?P<computer>\S{1,255}) \S{1,50} (?P<number>\d{1,20})")
"""The id that steps/event_record.sql gives an event: computer, log and number."""
SIDES = ("src_ip", "src_port", "dest_ip", "dest_port")
MOST_RECORDS = 20
"""Of one id, in one file."""
LONGEST_SHOWN = 4000
"""Bytes before, and after, what was sought."""
AROUND = 250
"""Those that are looked at, and shown, where a record is longer: a line can be a whole file of flows."""
LONGEST_LINE = 1 << 26
"""Bytes of a line that are kept in memory."""
PIECE = 1 << 20
"""Bytes that are searched at once, or more; a record of several lines that is longer is cut."""
PACKED = (".gz", ".zst")
HEAD_LINES = 5
LIKE_IPV6 = re.compile(rb"[0-9A-Fa-f:.]{2,45}")

Sign = Callable[[bytes, int, int], object]
"""Whether something is in a part of a text."""
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A record that evidence names.

    Args:
        flow_id: as evidence has it.
        sides: addresses and ports of both sides, by column, where the id is one that flows without are given; else empty.
    """

    flow_id: str
    sides: Mapping[str, str]

    def sought(self) -> tuple[bytes, list[Sign]]:
        """The rarest text that stands in the record, and what has to be there, that text by itself first."""
        if self.sides:
            port, *others = (self.sides[name] for name in ("src_port", "src_ip", "dest_ip", "dest_port"))
            return port.encode(), [_word(port), *map(_word, others)]
        if event := NUMBERED.fullmatch(self.flow_id):
            number = event["number"].encode()
            keyed = re.compile(rb"(?i)record_?(?:id|number)[^0-9A-Za-z]{1,8}" + number + rb"(?![0-9])")
            return number, [_word(event["number"]), keyed.search, _word(event["computer"].partition(".")[0])]
        return self.flow_id.encode(), [_word(self.flow_id, is_exact=True)]


@dataclass(frozen=True, slots=True)
class Found:
    """A record that was found.

    Args:
        source: the file it stands in, as the hunt named it, or as it is called since it was packed.
        line: its first line, from 1, once unpacked; None where a file has no lines.
        flow_id: whose it is.
        record: its text; where it goes on for 4,000 bytes before or after what was sought, the part around that.
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


def search_all(
    files: Mapping[str, Sequence[Wanted]], failed: dict[str, InputError], progress: Progress | None = None
) -> Iterator[Found]:
    """The records of all files; what is in none of those that are said to have it is looked for in the others.

    Args:
        files: what is wanted, by the file that is said to have it.
        failed: gets the error of each file that can't be searched to the end.
        progress: is told which file is searched.
    """
    found: set[str] = set()
    missing = {each.flow_id: each for sought in files.values() for each in sought}
    for is_again in (False, True):
        for number, (source, own) in enumerate(files.items()):
            asked = list(missing.values()) if is_again else own
            if not asked or source in failed:
                continue
            if progress:
                progress(source, number, len(files))
            try:
                for each in search(source, asked):
                    found.add(each.flow_id)
                    yield each
            except InputError as error:
                failed[source] = error
        missing = {name: each for name, each in missing.items() if name not in found}


def search(source: str, sought: Iterable[Wanted]) -> Iterator[Found]:
    """The records of one file, in its order; at most 20 of each that is wanted.

    Args:
        source: the file; where it is gone, the same with .gz or .zst is read.
        sought: what is wanted of it.

    Raises:
        InputError: there is no such file, it can't be read, or it has no text; what was found before has been given.
    """
    path = _path(source)
    item = look(Input(path, str(path)))
    every = list(sought)
    if item.head.startswith(PARQUET):
        yield from _rows(item, every)
        return
    if is_capture(item.head):
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
    if source == "-" or Path(source).exists():
        raise InputError(source, "was read as it came, and is not kept", "hunt files: their records can be shown")
    if Path(source).is_absolute():
        raise InputError(source, "is no longer there", "it was moved or removed since the hunt")
    raise InputError(source, "is not there", "the hunt named it from another folder: go there first")


def _lines(item: Input, every: list[Wanted]) -> Iterator[Found]:
    """Search a file of text."""
    asked = {each.flow_id: each.sought() for each in every}
    left = dict.fromkeys(asked, MOST_RECORDS)
    start = _record_start(item.head)
    line = 1
    for text in _texts(item, start):
        cuts = [each.start() for each in start.finditer(text)] if start else []
        hits = [(span, name) for name in asked for span in islice(_spans(text, cuts, *asked[name]), left[name])]
        for (begin, end, is_whole), name in sorted(hits):
            left[name] -= 1
            record = text[begin:end].decode("utf-8", errors="replace").rstrip()
            yield Found(item.source, line + text.count(b"\n", 0, begin), name, record, is_whole)
        line += text.count(b"\n")


def _record_start(head: bytes) -> re.Pattern[bytes] | None:
    """How a record of several lines begins: an event of XML, or a brace alone on its line; None where each line is a record."""
    lines = head.removeprefix(b"\xef\xbb\xbf").split(b"\n")[:HEAD_LINES]
    first = next((each.rstrip() for each in lines if each.strip() not in {b"", b"["}), b"")
    if first.lstrip().startswith((b"<?xml", b"<Event")):
        return re.compile(rb"<Event[\s>]")
    return re.compile(rb"^" + first + rb"[ \t]*$", re.MULTILINE) if first.lstrip() == b"{" else None


def _texts(item: Input, start: re.Pattern[bytes] | None) -> Iterator[bytes]:
    """The file in pieces of whole records, of a size worth searching."""
    parts: list[bytes] = []
    new = 0
    for block in whole_lines(str(item.path), item.compression, item.source, LONGEST_LINE):
        parts.append(block)
        new += len(block)
        if new < PIECE:  # blocks can be of a few bytes
            continue
        text = b"".join(parts)
        last = (max((each.start() for each in start.finditer(text)), default=0) if start else 0) or len(text)
        yield text[:last]
        parts, new = [text[last:]], 0
    if any(parts):
        yield b"".join(parts)


def _spans(text: bytes, cuts: list[int], rarest: bytes, signs: list[Sign]) -> Iterator[tuple[int, int, bool]]:
    """Where the records that match begin and end, or the part around a match that is shown of a long one; and whether that is all."""
    at = -1
    while (at := text.find(rarest, at + 1)) >= 0:
        if not signs[0](text, at, at + len(rarest) + 2):
            continue
        begin, end = _around(text, cuts, at)
        is_whole = at - LONGEST_SHOWN < begin and end < at + LONGEST_SHOWN
        if not is_whole:
            begin, end = max(begin, at - AROUND), min(end, at + AROUND)
        is_found = all(each(text, begin, end) for each in signs[1:])
        if is_found:
            yield begin, end, is_whole
        if is_found or is_whole:  # what is missing there is missing at its other matches, too
            at = max(at, end - 1)


def _around(text: bytes, cuts: list[int], at: int) -> tuple[int, int]:
    """The record that a place is in, or as much of it as could be shown and a byte."""
    low, high = max(0, at - LONGEST_SHOWN), min(len(text), at + LONGEST_SHOWN)
    if not cuts:
        begin, end = text.rfind(b"\n", low, at), text.find(b"\n", at, high)
        return begin + 1 if begin >= 0 else low, end if end >= 0 else high
    place = bisect_right(cuts, at)
    return cuts[place - 1] if place else 0, cuts[place] if place < len(cuts) else len(text)


def _word(text: str, *, is_exact: bool = False) -> Sign:
    """The text, in any case, where it is not part of a longer word or number; an address of IPv6 however it is written."""
    if ":" in text and not is_exact and (wanted_address := _ipv6(text)) is not None:
        return lambda record, begin, end: any(
            _ipv6(each[0].decode()) == wanted_address for each in LIKE_IPV6.finditer(record, begin, end)
        )
    flags = re.NOFLAG if is_exact else re.IGNORECASE
    word = re.escape(text.encode())
    return re.compile(rb"(?<![0-9A-Za-z])(?<![0-9]\.)" + word + rb"(?![0-9A-Za-z])(?!\.[0-9])", flags).search


def _ipv6(text: str) -> ipaddress.IPv6Address | None:
    try:
        return ipaddress.IPv6Address(text)
    except ValueError:
        return None


def _rows(item: Input, every: list[Wanted]) -> Iterator[Found]:
    """Search a Parquet file that has our columns: its rows as JSON."""
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow.dataset import dataset

    try:
        table = dataset(str(item.path), format="parquet")
        if not {"flow_id", *SIDES} <= set(table.schema.names):
            raise InputError(
                item.source,
                "has no column flow_id, or none of addresses and ports",
                "rpcsight convert writes such files",
            )
        for each in every:
            asked = (each.sides or {"flow_id": each.flow_id}).items()
            condition = reduce(and_, (pc.field(name).cast(pa.string()) == value for name, value in asked))
            for row in table.scanner(filter=condition).head(MOST_RECORDS).to_pylist():
                text = json.dumps(row, default=str, ensure_ascii=False)
                yield Found(item.source, None, each.flow_id, text[:LONGEST_SHOWN], len(text) <= LONGEST_SHOWN)
    except (pa.ArrowException, ValueError, OverflowError, OSError) as cause:
        what = str(cause).partition("\n")[0][:200]
        raise InputError(
            item.source, f"can't be searched ({what})", "rpcsight convert writes a file that can"
        ) from cause


def _packet_command(path: Path, every: list[Wanted]) -> str:
    """How tshark shows the packets of the first connection that is wanted."""
    sides = next((each.sides for each in every if each.sides), None)
    if sides is None:
        return ""
    is_six = ":" in sides["src_ip"]
    parts = [f"ip{'v6' if is_six else ''}.addr == {sides[name]}" for name in ("src_ip", "dest_ip")]
    parts += [f"tcp.port == {sides[name]}" for name in ("src_port", "dest_port")]
    return f"tshark -r {shlex.quote(str(path))} -Y {shlex.quote(' && '.join(parts))}"
