"""Answers of the endpoint mapper: which interface listens on which TCP port or named pipe.

C706 appendix L (protocol towers), appendix O (ept_lookup, ept_map); [MS-RPCE] 2.2.1.2; NDR64: [MS-RPCE] 2.2.5.
"""

import struct
from ipaddress import IPv4Address

from rpcsight.wire import Mapping
from rpcsight.wire.rpc.pdu import uuid_text

__all__ = ["ANSWERS", "read_answer", "read_tower"]

ANSWERS: dict[str, dict[int, str]] = {"e1af8308-5d1f-11c9-91a4-08002b14a0fa": {2: "ept_lookup", 3: "ept_map"}}
"""By interface and opnum, the calls whose answers name endpoints."""

MAX_TOWERS = 4096
"""Towers read from one answer: Windows clients ask for at most 500 at a time."""
MAX_FLOORS = 16
"""Floors read of a tower: those of TCP and pipes have five."""

_TCP_PORT, _IP, _UUID, _PIPE, _NETBIOS = 0x07, 0x09, 0x0D, 0x0F, 0x11
_HANDLE_BYTES = 20
_UUID_FLOOR_BYTES = 19


class _Cut(Exception):
    """The answer ends before what it announces."""


class _Ndr:
    """Reads NDR or NDR64 values one after the other, each at its own alignment."""

    __slots__ = ("at", "data", "order", "wide")

    def __init__(self, data: bytes, is_little: bool, is_ndr64: bool) -> None:
        self.data = data
        self.order = "<" if is_little else ">"
        self.wide = 8 if is_ndr64 else 4
        self.at = 0

    def take(self, size: int, alignment: int = 1) -> bytes:
        start = -(-self.at // alignment) * alignment
        self.at = start + size
        if self.at > len(self.data):
            raise _Cut
        return self.data[start : self.at]

    def long(self) -> int:
        return struct.unpack(self.order + "I", self.take(4, 4))[0]

    def size(self) -> int:
        """A count, an offset or a pointer: 4 bytes in NDR, 8 in NDR64."""
        return struct.unpack(self.order + ("Q" if self.wide == 8 else "I"), self.take(self.wide, self.wide))[0]  # noqa: PLR2004


def read_answer(
    stub: bytes, answer: str, time_us: int, is_little: bool = True, is_ndr64: bool = False
) -> tuple[list[Mapping], bool]:
    """The mappings of an answer to ept_map or ept_lookup, and whether all of it could be read.

    Args:
        stub: the answer's stub data, all fragments, without padding.
        answer: "ept_map" or "ept_lookup".
        time_us: for the mappings.
        is_little: byte order of the stub.
        is_ndr64: whether its transfer syntax is NDR64.
    """
    ndr = _Ndr(stub, is_little, is_ndr64)
    mappings: list[Mapping] = []
    try:
        ndr.take(_HANDLE_BYTES)
        ndr.long()
        ndr.size()
        ndr.size()
        count = ndr.size()
        towers = 0
        for _ in range(min(count, MAX_TOWERS)):
            towers += _entry(ndr) if answer == "ept_lookup" else ndr.size() != 0
        for _ in range(towers):
            ndr.size()
            mapping = read_tower(ndr.take(ndr.long()), time_us, answer)
            if mapping is not None:
                mappings.append(mapping)
    except _Cut:
        return mappings, False
    return mappings, count <= MAX_TOWERS


def _entry(ndr: _Ndr) -> bool:
    """Pass an ept_entry_t (object, tower's pointer, annotation); whether it has a tower."""
    ndr.take(16, ndr.wide)
    has_tower = ndr.size() != 0
    ndr.size()
    ndr.take(ndr.size())
    return has_tower


def read_tower(octets: bytes, time_us: int, answer: str) -> Mapping | None:
    """What a tower says of TCP or a named pipe; None for another protocol or a broken tower. Towers are little-endian."""
    interface = version = host = pipe = ""
    port: int | None = None
    for identifier, left, right in _floors(octets):
        if identifier == _UUID and not interface and len(left) >= _UUID_FLOOR_BYTES:
            interface = uuid_text(left[1:17], True)
            minor = int.from_bytes(right[:2], "little")
            version = f"{int.from_bytes(left[17:19], 'little')}.{minor}"
        elif identifier == _TCP_PORT and len(right) == 2:  # noqa: PLR2004
            port = int.from_bytes(right, "big")
        elif identifier == _IP and len(right) == 4:  # noqa: PLR2004
            host = "" if right == bytes(4) else str(IPv4Address(right))
        elif identifier == _PIPE:
            pipe = _text(right)
        elif identifier == _NETBIOS:
            host = _text(right)
    if not interface or (port is None and not pipe):
        return None
    return Mapping(time_us, interface, version, host, port, pipe, answer)


def _floors(octets: bytes) -> list[tuple[int, bytes, bytes]]:
    """(protocol identifier, left side, right side) of each floor up to the first that is cut."""
    floors: list[tuple[int, bytes, bytes]] = []
    at = 2
    for _ in range(min(int.from_bytes(octets[:2], "little"), MAX_FLOORS)):
        middle = at + 2 + int.from_bytes(octets[at : at + 2], "little")
        end = middle + 2 + int.from_bytes(octets[middle : middle + 2], "little")
        if end > len(octets) or middle == at + 2:
            break
        floors.append((octets[at + 2], octets[at + 2 : middle], octets[middle + 2 : end]))
        at = end
    return floors


def _text(raw: bytes) -> str:
    """A name up to its zero byte; names are ASCII, what is not is shown as replaced."""
    return raw.partition(b"\0")[0].decode("ascii", "replace")
