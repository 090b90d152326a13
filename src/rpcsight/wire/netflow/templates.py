"""Templates of NetFlow v9 and IPFIX: how the records of a set are laid out.

Sources: RFC 3954 sections 5.2 and 6.1 (v9), RFC 7011 sections 3.4 and 7 (IPFIX, fields of variable length). Fixed records are read by
a numpy type that names only the fields of use; records with fields of variable length are first rewritten one by one (in Python) into
fixed ones that hold nothing else.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from rpcsight.wire.netflow.elements import STARTS, known

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["V5", "BrokenTemplate", "Layout", "Template", "compiled", "templates_in"]

V9, IPFIX = 9, 10
VARIABLE = 65535
ENTERPRISE_BIT = 0x8000
LOWEST_TEMPLATE = 256
SHORTEST_BYTES = 4
"""A template's id and its number of fields."""
MAX_FIELDS = 512
"""Real templates have under 100 fields; one datagram of 64 kB could hold 16,000."""
MAX_RECORD_BYTES = 65515
"""What fits into a UDP datagram after a header."""
CACHED_LAYOUTS = 1024
UPTIMES = frozenset({"start_uptime", "end_uptime"})
TWO_WAY = frozenset({"initiator_octets", "responder_octets", "initiator_packets", "responder_packets"})


class BrokenTemplate(ValueError):
    """A template that no record can follow; its text says why."""


class Template(NamedTuple):
    """One template record as it was sent.

    Args:
        number: the template's id.
        definition: its field specifiers; empty for a withdrawal (IPFIX).
        scopes: how many of the fields, from the first, say what an option is about.
        is_options: whether its records are options, not flows.
    """

    number: int
    definition: bytes
    scopes: int
    is_options: bool


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """How records are read.

    Args:
        dtype: the numpy type of one record, with the fields of use.
        keys: their columns.
        least_bytes: the length of the shortest record.
        steps: for records with fields of variable length: each field's length (65535: variable) and whether it is kept; else empty.
        is_options: whether the records are options.
        is_two_way: whether a record is of both directions of a connection.
        needs_init: whether times are uptimes without the exporter's start in the record itself.
    """

    dtype: "np.dtype[np.void]"
    keys: frozenset[str]
    least_bytes: int
    steps: tuple[tuple[int, bool], ...]
    is_options: bool
    is_two_way: bool
    needs_init: bool

    def records(self, body: memoryview) -> tuple[bytes | memoryview, int, bool]:
        """The records of one data set, fixed in length.

        Args:
            body: the set without its header.

        Returns:
            The records as `dtype` reads them, how many, and whether the last one is cut off. What is shorter than a record is padding.
        """
        if not self.steps:
            count = len(body) // self.least_bytes
            return body[: count * self.least_bytes], count, False
        kept, count, at = bytearray(), 0, 0
        while len(body) - at >= self.least_bytes:
            record = self._fixed(body, at)
            if record is None:
                return bytes(kept), count, True
            fields, at = record
            kept += fields
            count += 1
        return bytes(kept), count, False

    def values(self, raw: bytes | memoryview) -> "NDArray[np.void]":
        """The records as a numpy array."""
        return np.frombuffer(raw, self.dtype)

    def _fixed(self, body: memoryview, at: int) -> tuple[bytearray, int] | None:
        """The fields of use of the record at `at` and where the next one begins; None where it is cut off."""
        kept = bytearray()
        for length, is_kept in self.steps:
            size = length
            if size == VARIABLE:
                size = body[at] if at < len(body) else VARIABLE
                at += 1
                if size == 255:  # noqa: PLR2004 - RFC 7011 section 7: a longer length follows
                    if at + 2 > len(body):
                        return None
                    size = body[at] << 8 | body[at + 1]
                    at += 2
            if at + size > len(body):
                return None
            if is_kept:
                kept += body[at : at + size]
            at += size
        return kept, at


def templates_in(body: memoryview, version: int, is_options: bool) -> Iterator[Template]:
    """The templates of one template set.

    Args:
        body: the set without its header.
        version: 9 or 10.
        is_options: whether it is a set of options templates.

    Raises:
        BrokenTemplate: a template is cut off or out of bounds; those before it have been given.
    """
    at = 0
    head = 6 if is_options else 4
    while len(body) - at >= SHORTEST_BYTES:
        number, count = struct.unpack_from(">HH", body, at)
        if number == 0 and count == 0:
            return  # padding
        if version == IPFIX and count == 0:
            yield Template(number, b"", 0, is_options)
            at += 4
            continue
        if number < LOWEST_TEMPLATE:
            raise BrokenTemplate("a template's id is below 256")
        if len(body) - at < head:
            raise BrokenTemplate("a template is cut off")
        fields, scopes = count, 0
        if is_options:
            (second,) = struct.unpack_from(">H", body, at + 4)
            scopes, fields = (count // 4, (count + second) // 4) if version == V9 else (second, count)
        at += head
        end = _end(body, at, fields, version)
        yield Template(number, bytes(body[at:end]), scopes, is_options)
        at = end


def _end(body: memoryview, at: int, fields: int, version: int) -> int:
    """Where the field specifiers that begin at `at` end."""
    if not 0 < fields <= MAX_FIELDS:
        raise BrokenTemplate(f"a template has no fields or more than {MAX_FIELDS}")
    for _ in range(fields):
        is_long = version == IPFIX and at < len(body) and body[at] & 0x80
        at += 8 if is_long else 4
    if at > len(body):
        raise BrokenTemplate("a template is cut off")
    return at


@lru_cache(maxsize=CACHED_LAYOUTS)
def compiled(definition: bytes, version: int, scopes: int, is_options: bool) -> Layout:
    """How the records of a template are read.

    Args:
        definition: its field specifiers.
        version: 9 or 10.
        scopes: how many of them are scopes; in v9 their numbers are of another list.
        is_options: whether the records are options.

    Raises:
        BrokenTemplate: its records would have no length, or more than a datagram holds.
    """
    fields = list(_fields(definition, version, scopes))
    is_variable = any(length == VARIABLE for _, length in fields)
    least = sum(1 if length == VARIABLE else length for _, length in fields)
    if not 0 < least <= MAX_RECORD_BYTES:
        raise BrokenTemplate("a template's records have no length, or more than a datagram holds")
    names: dict[str, tuple[object, int]] = {}
    steps: list[tuple[int, bool]] = []
    at = 0
    for key, length in fields:
        is_kept = key is not None and key not in names
        if is_kept and key:
            names[key] = (_format(length), at)
        if is_kept or not is_variable:
            at += length
        _step(steps, length, is_kept)
    keys = frozenset(names)
    columns = {
        "names": list(names),
        "formats": [form for form, _ in names.values()],
        "offsets": [offset for _, offset in names.values()],
        "itemsize": at,
    }
    is_absolute = any(clock.key in keys for clock in STARTS if clock.unit != "uptime")
    return Layout(
        dtype=np.dtype(columns),  # pyright: ignore[reportArgumentType, reportCallIssue]
        keys=keys,
        least_bytes=least,
        steps=tuple(steps) if is_variable else (),
        is_options=is_options,
        is_two_way=bool(keys & TWO_WAY)
        or "biflow_direction" in keys
        or any(key.startswith("reverse_") for key in keys),
        needs_init=version == IPFIX and bool(keys & UPTIMES) and "init_ms" not in keys and not is_absolute,
    )


def _fields(definition: bytes, version: int, scopes: int) -> Iterator[tuple[str | None, int]]:
    """Each field's column (None: of no use) and length."""
    at = place = 0
    while at < len(definition):
        number, length = struct.unpack_from(">HH", definition, at)
        at += 4
        enterprise = 0
        if version == IPFIX and number & ENTERPRISE_BIT:
            (enterprise,) = struct.unpack_from(">L", definition, at)
            number &= ~ENTERPRISE_BIT
            at += 4
            if enterprise == 0:
                enterprise = VARIABLE  # an enterprise's own number, whatever enterprise 0 is
        if version == V9 and length == VARIABLE:
            raise BrokenTemplate("a field of variable length in NetFlow v9")
        element = None if version == V9 and place < scopes else known(enterprise, number, length)
        yield (element.key if element else None), length
        place += 1


def _format(length: int) -> object:
    """The numpy type of a field: an unsigned number, or the bytes where numpy has no such number."""
    return f">u{length}" if length in {1, 2, 4, 8} else ("V16" if length == 16 else ("u1", (length,)))  # noqa: PLR2004


def _step(steps: list[tuple[int, bool]], length: int, is_kept: bool) -> None:
    """Add a field to the steps; neighbours of no use become one."""
    last = steps[-1] if steps else (VARIABLE, True)
    if not is_kept and not last[1] and VARIABLE not in {length, last[0]} and length + last[0] < VARIABLE:
        steps[-1] = (length + last[0], False)
    else:
        steps.append((length, is_kept))


def _v5() -> Layout:
    """A NetFlow v5 record, written as a v9 template (Cisco, "NetFlow Export Datagram Format", table B-4)."""
    fields = (
        (8, 4), (12, 4), (15, 4), (10, 2), (14, 2), (2, 4), (1, 4), (22, 4), (21, 4), (7, 2), (11, 2),
        (210, 1), (6, 1), (4, 1), (5, 1), (16, 2), (17, 2), (9, 1), (13, 1), (210, 2),
    )  # fmt: skip
    return compiled(b"".join(struct.pack(">HH", *each) for each in fields), V9, 0, False)


V5 = _v5()
