"""TCP of captures put together in the slow and obvious way: what the tests of `wire` hold against tshark."""

import gzip
import struct
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tests.wire.slow_capture import frames

SYN, RST = 2, 4


class Segment(NamedTuple):
    frame: int
    time_us: int
    src: tuple[bytes, int]
    dest: tuple[bytes, int]
    seq: int
    flags: int
    payload: bytes


class Piece(NamedTuple):
    """Bytes of one direction in order; `data` None where some are missing."""

    frame: int
    time_us: int
    is_to_server: bool
    data: bytes | None


@dataclass
class Connection:
    client: tuple[bytes, int]
    server: tuple[bytes, int]
    pieces: list[Piece] = field(default_factory=list)


def segments(path: Path) -> Iterator[Segment]:
    """The TCP segments of a capture: Ethernet (VLAN tags too) and raw IP, both versions."""
    raw = path.read_bytes()
    raw = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    for number, (time_us, link, packet) in enumerate(frames(raw), 1):
        start = {1: 14, 101: 0, 113: 16, 0: 4}[link]
        if link == 1:
            while packet[start - 2 : start] in {b"\x81\x00", b"\x88\xa8"}:
                start += 4
            if packet[start - 2 : start] not in {b"\x08\x00", b"\x86\xdd"}:
                continue
        ip = packet[start:]
        if not ip:
            continue
        if ip[0] >> 4 == 4:
            header, size, protocol = (ip[0] & 15) * 4, int.from_bytes(ip[2:4]) or len(ip), ip[9]
            src, dest, is_fragment = ip[12:16], ip[16:20], int.from_bytes(ip[6:8]) & 0x1FFF
        else:
            header, size, protocol = 40, 40 + int.from_bytes(ip[4:6]), ip[6]
            src, dest, is_fragment = ip[8:24], ip[24:40], 0
        if protocol != 6 or is_fragment or len(ip) < header + 20:
            continue
        tcp = ip[header:size]
        src_port, dest_port, seq, _, offset, flags = struct.unpack_from(">2H2I2B", tcp)
        yield Segment(number, time_us, (src, src_port), (dest, dest_port), seq, flags, tcp[offset >> 4 << 2 :])


def connections(path: Path, ports: frozenset[int]) -> list[Connection]:
    """The connections to these ports, their bytes in the order in which the later of both directions had them."""
    by_pair = defaultdict(list)
    for segment in segments(path):
        if {segment.src[1], segment.dest[1]} & ports:
            by_pair[frozenset((segment.src, segment.dest))].append(segment)
    return [
        connection for whole in by_pair.values() for part in one_by_one(whole) for connection in assembled(part, ports)
    ]


def one_by_one(whole: list[Segment]) -> list[list[Segment]]:
    """Connections one after another between the same ports: each begins with a SYN of another number."""
    parts, opened = [[]], None
    for segment in whole:
        if segment.flags & 0x12 == SYN:
            if parts[-1] and segment.seq != opened:
                parts.append([])
            opened = segment.seq
        parts[-1].append(segment)
    return parts


def assembled(part: list[Segment], ports: frozenset[int]) -> list[Connection]:
    first = part[0]
    client, server = (first.src, first.dest) if first.dest[1] in ports else (first.dest, first.src)
    connection = Connection(client, server)
    expected, waiting = {}, {client: [], server: []}
    for segment in part:
        side = segment.src
        if segment.flags & SYN:
            expected[side] = (segment.seq + 1) & 0xFFFFFFFF
        if not segment.payload:
            continue
        expected.setdefault(side, segment.seq)
        waiting[side].append(segment)
        drain(connection, side, waiting[side], expected, segment)
    for side, left in waiting.items():
        while left:
            last = left[-1]
            nearest = min(left, key=lambda segment: ahead(segment.seq, expected[side]))
            connection.pieces.append(Piece(last.frame, last.time_us, side == client, None))
            expected[side] = nearest.seq
            drain(connection, side, left, expected, last)
    return [connection] if connection.pieces else []


def drain(connection: Connection, side: tuple[bytes, int], waiting: list, expected: dict, now: Segment) -> None:
    """Take what follows on what was taken already, as of the segment that made that possible."""
    while True:
        fits = [segment for segment in waiting if ahead(segment.seq, expected[side]) <= 0]
        if not fits:
            return
        for segment in fits:
            waiting.remove(segment)
            new = segment.payload[-ahead(segment.seq, expected[side]) :]
            if new:
                piece = Piece(now.frame, now.time_us, side == connection.client, new)
                connection.pieces.append(piece)
                expected[side] = (expected[side] + len(new)) & 0xFFFFFFFF


def ahead(seq: int, expected: int) -> int:
    """How far a number is ahead of the expected one; negative: behind."""
    return (seq - expected + 0x80000000) % 0x100000000 - 0x80000000
