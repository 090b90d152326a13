"""JSON in all its wrappings: lines, one array, `{"Records": [...]}`, pretty-printed objects; its first records, and it as lines.

Engines read lines. What comes otherwise is cut into them here, streaming: Python's own scanner (C) finds where a record ends, and its
bytes go on unchanged but for line ends between its parts.
"""

import json
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, Literal

from rpcsight.errors import InputError
from rpcsight.readers._inputs import Input, blocks

__all__ = ["LONGEST_RECORD_BYTES", "ROOTS", "first_records", "lines"]

LONGEST_RECORD_BYTES = 1 << 16
"""Longer ones are no records of a log."""
ROOTS = ("_source", "result", "properties")
"""Keys below which exports put the record itself: Elasticsearch's dumps, Splunk's, and Microsoft's streams."""
WRAPPERS = ("Records", "records", "Results", "results", "value", "entries")
MOST_RECORDS = 400
SHOWN_BYTES = 200
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
LINE_ENDS_TO_BLANKS = bytes.maketrans(b"\r\n\t", b"   ")
LIST_BEGINS = rf'"(?:{"|".join(WRAPPERS)})" {{0,9}}: {{0,9}}\[ {{0,99}}(?=\{{)'
WRAPPER_BEGINS = re.compile(rf"\{{(?:[^{{}}\[\]]|\[[^\[\]]{{0,4000}}\]){{0,200}}{LIST_BEGINS}")
NEXT_RECORD = re.compile(r"\} {0,99},? {0,99}(?=\{)")
BETWEEN = re.compile(r'(?:[ ,\[\]}]|"[^"]{1,64}" {0,9}: {0,9}(?:"[^"]{0,4000}"|[\w.+-]{1,40}))*')
"""What may stand between records: brackets, commas, and what a wrapper says beside its list."""

Shape = Literal["lines", "wrapped", "objects"]


def first_records(item: Input) -> list[dict[str, Any]]:
    """The whole records of the head, 400 at most."""
    return _first_records(item.head)


@lru_cache(maxsize=4)
def _first_records(head: bytes) -> list[dict[str, Any]]:
    shape = _shape(head)
    parts = (
        head.split(b"\n") if shape == "lines" else b"".join(_cut([head], is_wrapped=shape == "wrapped")).split(b"\n")
    )
    found: list[dict[str, Any]] = []
    for part in parts:
        record = _object(part)
        if record is not None:
            found.append(record)
        if len(found) == MOST_RECORDS:
            break
    return found


def lines(item: Input) -> Iterator[bytes] | None:
    """The records one a line; None where they are already, or the input is no JSON."""
    shape = _shape(item.head)
    return None if shape in {None, "lines"} else _cut(blocks(item), is_wrapped=shape == "wrapped")


def _shape(head: bytes) -> Shape | None:
    start = head.removeprefix(BYTE_ORDER_MARK).lstrip()
    if not start.startswith((b"[", b"{")):
        return "lines" if b'{"' in head else None
    first = _object(start.partition(b"\n")[0])
    if first is not None:
        is_wrapper = any(_is_list_of_objects(first.get(name)) for name in WRAPPERS)
        return "wrapped" if is_wrapper else "lines"
    if start.startswith(b"["):
        return "objects"
    return "wrapped" if WRAPPER_BEGINS.match(_plain(start)) else "objects"


def _is_list_of_objects(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _object(text: bytes) -> dict[str, Any] | None:
    if not text.rstrip().endswith(b"}"):
        return None
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _plain(text: bytes) -> str:
    """Bytes as characters, one each, without line ends: places in it are places in the bytes."""
    return text.translate(LINE_ENDS_TO_BLANKS).decode("latin-1")


def _cut(content: Iterable[bytes], *, is_wrapped: bool) -> Iterator[bytes]:
    """One record a line, in blocks; what is none is given as it begins, for the engine to count; a cut file loses its last record.

    Raises:
        InputError: the content's; what came before has been given.
    """
    broken: InputError | None = None
    rest = ""
    parts = iter(content)
    is_first, is_last = True, False
    while not is_last:
        try:
            block = next(parts, None)
        except InputError as error:
            block, broken = None, error
        is_last = block is None
        if block and is_first:
            block, is_first = block.removeprefix(BYTE_ORDER_MARK), False
        text = rest + _plain(block or b"")
        found, rest = _records(text, is_wrapped=is_wrapped, is_last=is_last)
        if found:
            yield ("\n".join(found) + "\n").encode("latin-1")
    if broken:
        raise broken


def _records(text: str, *, is_wrapped: bool, is_last: bool) -> tuple[list[str], str]:
    """The whole records of a text, and the rest of it."""
    decode = json.JSONDecoder(parse_int=str, parse_float=str).raw_decode
    found: list[str] = []
    at = 0
    while (begin := text.find("{", at)) >= 0:
        if len(text) - begin < LONGEST_RECORD_BYTES and not is_last:
            break
        _note_strays(text[at:begin], found)
        wrapper = WRAPPER_BEGINS.match(text, begin, begin + LONGEST_RECORD_BYTES) if is_wrapped else None
        if wrapper:
            at = wrapper.end()
            continue
        try:
            _, end = decode(text, begin)
        except (ValueError, RecursionError):
            end = -1
        if 0 <= end - begin <= LONGEST_RECORD_BYTES:
            found.append(text[begin:end])
        else:
            found.append(text[begin : begin + SHOWN_BYTES].replace("}", " "))
            following = NEXT_RECORD.search(text, begin)
            end = following.end() if following else len(text)
        at = end
    if begin < 0:
        _note_strays(text[at:], found)
        return found, ""
    return found, text[at:]


def _note_strays(text: str, found: list[str]) -> None:
    """What stands between records and is no part of a list is a broken record."""
    if text and not BETWEEN.fullmatch(text):
        found.append(text.strip()[:SHOWN_BYTES])
