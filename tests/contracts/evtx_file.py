"""Writes event logs in Windows' binary form, without templates: every name and value stands in its record.

Source: the description of the format by J. Metz (libevtx). Texts only, so that the reader's numbers come as texts.
"""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

CHUNK_BYTES = 1 << 16
HEAD_BYTES = 512
FILETIME_EPOCH_US = 11_644_473_600_000_000


@dataclass(frozen=True)
class Element:
    """An element of XML: attributes, and a text or elements in it."""

    name: str
    attributes: dict[str, str] = field(default_factory=dict[str, str])
    inner: "str | tuple[Element, ...]" = ()


def log(events: Sequence[tuple[int, Element]]) -> bytes:
    """A log of events with the times at which they were written, microseconds since 1970."""
    chunks: list[bytes] = []
    records: list[bytes] = []
    size, first = HEAD_BYTES, 1
    for number, (time_us, event) in enumerate(events, 1):
        record = _record(number, time_us, event, size)
        if size + len(record) > CHUNK_BYTES:
            chunks.append(_chunk(records, first))
            records, size, first = [], HEAD_BYTES, number
            record = _record(number, time_us, event, size)
        records.append(record)
        size += len(record)
    chunks.append(_chunk(records, first))
    head = struct.pack(
        "<8sQQQIHHHH76x", b"ElfFile\0", 0, len(chunks) - 1, len(events) + 1, 128, 1, 3, 4096, len(chunks)
    )
    head = head[:120]
    return (head + struct.pack("<II", 0, zlib.crc32(head))).ljust(4096, b"\0") + b"".join(chunks)


def _chunk(records: Sequence[bytes], first: int) -> bytes:
    body = b"".join(records)
    last = first + len(records) - 1
    free = HEAD_BYTES + len(body)
    final = free - len(records[-1]) if records else 0
    head = struct.pack(
        "<8sQQQQIIII64xI", b"ElfChnk\0", first, last, first, last, 128, final, free, zlib.crc32(body), 0
    )[:120]
    tables = bytes(HEAD_BYTES - 128)
    head += struct.pack("<II", 0, zlib.crc32(head + tables))
    return (head + tables + body).ljust(CHUNK_BYTES, b"\0")


def _record(number: int, time_us: int, event: Element, place: int) -> bytes:
    """`place`: where it begins in its chunk, since names are told by their places."""
    body = b"\x0f\x01\x01\x00" + _element(event, place + 24 + 4) + b"\x00"
    size = 24 + len(body) + 4
    return (
        struct.pack("<IIQQ", 0x2A2A, size, number, (time_us + FILETIME_EPOCH_US) * 10) + body + struct.pack("<I", size)
    )


def _element(element: Element, place: int) -> bytes:
    attributes = b""
    start = place + 1 + 4  # where the name's place stands
    named = _name(element.name, start + 4)
    if element.attributes:
        inside = start + 4 + len(named) + 4
        for left, (name, value) in zip(range(len(element.attributes))[::-1], element.attributes.items(), strict=True):
            token = bytes([0x46 if left else 0x06])
            attributes += token + _name_at(name, inside + len(attributes) + 1) + _value(value)
        attributes = struct.pack("<I", len(attributes)) + attributes
    head = struct.pack("<I", start + 4) + named + attributes + b"\x02"
    inner_place = start + len(head)
    if isinstance(element.inner, str):
        inner = _value(element.inner)
    else:
        inner = b""
        for each in element.inner:
            inner += _element(each, inner_place + len(inner))
    content = head + inner + b"\x04"
    return bytes([0x41 if element.attributes else 0x01]) + struct.pack("<I", len(content)) + content


def _name_at(name: str, place: int) -> bytes:
    return struct.pack("<I", place + 4) + _name(name, place + 4)


def _name(name: str, place: int) -> bytes:
    del place
    value = 0
    for letter in name:
        value = (value * 65599 + ord(letter)) & 0xFFFFFFFF
    text = name.encode("utf-16-le")
    return struct.pack("<IHH", 0, value & 0xFFFF, len(name)) + text + b"\0\0"


def _value(text: str) -> bytes:
    return b"\x05\x01" + struct.pack("<H", len(text)) + text.encode("utf-16-le")
