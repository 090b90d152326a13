"""UDP datagrams of a pcapng file with Ethernet frames and whole IPv4 packets: small and slow, for tests."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Udp(NamedTuple):
    """One datagram, in the order of the file."""

    src: int
    sport: int
    dport: int
    payload: bytes


def datagrams(path: Path) -> Iterator[Udp]:
    """The datagrams of the file's enhanced packet blocks (draft-ietf-opsawg-pcapng section 4.3), little-endian."""
    raw, at = path.read_bytes(), 0
    while at < len(raw):
        kind, length = struct.unpack_from("<LL", raw, at)
        if kind == 6:
            (captured,) = struct.unpack_from("<L", raw, at + 20)
            frame = raw[at + 28 : at + 28 + captured]
            if frame[12:14] == b"\x08\x00" and frame[14 + 9] == 17:
                udp = 14 + (frame[14] & 15) * 4
                sport, dport, size = struct.unpack_from(">HHH", frame, udp)
                yield Udp(int.from_bytes(frame[26:30], "big"), sport, dport, frame[udp + 8 : udp + size])
        at += length
