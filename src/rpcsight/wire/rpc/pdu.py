"""PDUs of connection-oriented DCE/RPC: header, bind and its answers, security trailer.

Layouts: C706 (The Open Group, DCE 1.1: Remote Procedure Call) 12.6; [MS-RPCE] 2.2.2. Offsets of bodies count from the end of
the 16-byte header, which keeps every alignment.
"""

import struct
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

__all__ = [
    "ALTER_CONTEXT",
    "ALTER_CONTEXT_RESP",
    "ASKING",
    "BIND",
    "BIND_ACK",
    "BIND_NAK",
    "CALL_HEAD_BYTES",
    "FAULT",
    "FIRST_FRAGMENT",
    "HEADER_BYTES",
    "LAST_FRAGMENT",
    "NDR64",
    "OBJECT_UUID",
    "REQUEST",
    "RESPONSE",
    "SHORTEST",
    "TRAILER_BYTES",
    "Header",
    "Offer",
    "Verifier",
    "looks_like_pdu",
    "read_bind",
    "read_bind_answer",
    "read_header",
    "read_verifier",
    "uuid_text",
]

REQUEST, RESPONSE, FAULT = 0, 2, 3
BIND, BIND_ACK, BIND_NAK, ALTER_CONTEXT, ALTER_CONTEXT_RESP = 11, 12, 13, 14, 15
AUTH3, SHUTDOWN, CO_CANCEL, ORPHANED, RTS = 16, 17, 18, 19, 20

HEADER_BYTES = 16
TRAILER_BYTES = 8
CALL_HEAD_BYTES = 8
"""Of a request or response between header and stub: allocation hint, context, and opnum or cancel count."""
FIRST_FRAGMENT, LAST_FRAGMENT, OBJECT_UUID = 0x01, 0x02, 0x80

NDR64 = "71710533-beba-4937-8319-b5dbef9ccc36"
"""Transfer syntax with 64-bit widths, [MS-RPCE] 2.2.5."""

SHORTEST: dict[int, int] = {
    REQUEST: 24,
    RESPONSE: 24,
    FAULT: 28,
    BIND: 28,
    BIND_ACK: 26,
    BIND_NAK: 18,
    ALTER_CONTEXT: 28,
    ALTER_CONTEXT_RESP: 26,
    AUTH3: 16,
    SHUTDOWN: 16,
    CO_CANCEL: 16,
    ORPHANED: 16,
    RTS: 20,
}
"""Every type of a connection-oriented PDU, with the bytes that it has at least, security trailer aside."""

ASKING: frozenset[int] = frozenset({REQUEST, BIND, ALTER_CONTEXT, AUTH3, CO_CANCEL, ORPHANED})
"""The types that a client sends."""

MAX_REMEMBERED_BYTES = 512
"""Offers and results up to this length are read once: hosts offer the same few contexts again and again."""

_LITTLE_ENDIAN = 0x10  # high half of drep's first byte; the low half is the character set: 0 ASCII, 1 EBCDIC
_ORDERS = frozenset({0x00, 0x01, 0x10, 0x11})
_LAST_FLOAT_FORMAT = 3
_HEADER = struct.Struct("<BBBBBBHHHI")
_HEADER_SWAPPED = struct.Struct(">BBBBBBHHHI")
_SYNTAX_BYTES = 20
_OFFER_HEAD_BYTES = 4
_RESULT_BYTES = 24


class Header(NamedTuple):
    """The common header.

    Args:
        kind: PTYPE.
        flags: pfc_flags.
        is_little: whether integers are little-endian.
        pdu_bytes: frag_length, header and trailer included.
        auth_bytes: auth_length, without the 8 bytes of the trailer's head.
        call_id: the call, or the bind, that it belongs to.
    """

    kind: int
    flags: int
    is_little: bool
    pdu_bytes: int
    auth_bytes: int
    call_id: int


class Offer(NamedTuple):
    """A presentation context in a bind: its number, the abstract syntax and its version, the transfer syntaxes."""

    context_id: int
    interface: str
    version: str
    transfer: tuple[str, ...]


class Verifier(NamedTuple):
    """The head of a security trailer, [MS-RPCE] 2.2.2.11: type, level, and the bytes that pad the stub before it."""

    auth_type: int
    auth_level: int
    pad_bytes: int


def read_header(data: bytes, at: int = 0) -> Header | None:
    """The header at ``at``, where 16 bytes have to be; None for what cannot be one."""
    major, minor, kind, flags, order, floats, zero, size, auth, call_id = _HEADER.unpack_from(data, at)
    if major != 5 or minor > 1 or zero or order not in _ORDERS or floats > _LAST_FLOAT_FORMAT:  # noqa: PLR2004
        return None
    is_little = order >= _LITTLE_ENDIAN
    if not is_little:
        size, auth, call_id = _HEADER_SWAPPED.unpack_from(data, at)[-3:]
    shortest = SHORTEST.get(kind)
    if shortest is None or size < shortest + (auth + TRAILER_BYTES if auth else 0):
        return None
    return Header(kind, flags, is_little, size, auth, call_id)


def looks_like_pdu(data: bytes) -> bool:
    """Whether ``data`` begins with the whole header of a connection-oriented PDU."""
    return len(data) >= HEADER_BYTES and read_header(data) is not None


@lru_cache(maxsize=4096)
def uuid_text(raw: bytes, is_little: bool) -> str:
    """16 bytes as a UUID in lower case; ``is_little``: its first three fields are little-endian."""
    return str(UUID(bytes_le=raw) if is_little else UUID(bytes=raw))


def read_bind(body: bytes, is_little: bool) -> tuple[list[Offer], bool]:
    """The contexts that a bind or alter_context offers, and whether all that it announces are there."""
    body = body[8:]  # behind fragment sizes and association group
    offers, is_whole = (_offers if len(body) > MAX_REMEMBERED_BYTES else _remembered_offers)(body, is_little)
    return list(offers), is_whole


def _offers(body: bytes, is_little: bool) -> tuple[list[Offer], bool]:
    order = "<" if is_little else ">"
    at = 4
    offers: list[Offer] = []
    for _ in range(body[0]):
        if at + _OFFER_HEAD_BYTES + _SYNTAX_BYTES > len(body):
            return offers, False
        context_id, syntaxes = struct.unpack_from(order + "HB", body, at)
        raw, major, minor = _syntax(order, body, at + _OFFER_HEAD_BYTES)
        at += _OFFER_HEAD_BYTES + _SYNTAX_BYTES
        end = at + syntaxes * _SYNTAX_BYTES
        if end > len(body):
            return offers, False
        transfer = tuple(uuid_text(body[one : one + 16], is_little) for one in range(at, end, _SYNTAX_BYTES))
        offers.append(Offer(context_id, uuid_text(raw, is_little), f"{major}.{minor}", transfer))
        at = end
    return offers, True


_remembered_offers = lru_cache(maxsize=1024)(_offers)


def _syntax(order: str, body: bytes, at: int) -> tuple[bytes, int, int]:
    """UUID, major and minor version of a p_syntax_id_t: the version is one integer, the major number its low half."""
    raw, version = struct.unpack_from(order + "16sI", body, at)
    return raw, version & 0xFFFF, version >> 16


def read_bind_answer(body: bytes, is_little: bool) -> tuple[list[tuple[int, str]], bool]:
    """(result, transfer syntax) for each context of a bind_ack or alter_context_resp, and whether all are there."""
    body = body[8:]  # behind fragment sizes and association group
    results, is_whole = (_results if len(body) > MAX_REMEMBERED_BYTES else _remembered_results)(body, is_little)
    return list(results), is_whole


def _results(body: bytes, is_little: bool) -> tuple[list[tuple[int, str]], bool]:
    order = "<" if is_little else ">"
    (address_bytes,) = struct.unpack_from(order + "H", body)
    at = (2 + address_bytes + 3) & ~3
    if at + 4 > len(body):
        return [], False
    count = body[at]
    at += 4
    results: list[tuple[int, str]] = []
    for one in range(at, at + count * _RESULT_BYTES, _RESULT_BYTES):
        if one + _RESULT_BYTES > len(body):
            return results, False
        (result,) = struct.unpack_from(order + "H", body, one)
        results.append((result, uuid_text(body[one + 4 : one + 20], is_little)))
    return results, True


_remembered_results = lru_cache(maxsize=1024)(_results)


def read_verifier(data: bytes, at: int = 0) -> Verifier:
    """The head of the trailer at ``at``, where 8 bytes have to be."""
    return Verifier(data[at], data[at + 1], data[at + 2])
