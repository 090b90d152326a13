"""A slow, obvious reader of captures: pcap and pcapng, plain or gzip'd, to the columns of `Packets`.

Ethernet with VLAN tags, raw IP, loopback; IPv4, and IPv6 with extension headers; TCP only, fragments left out.
"""

import gzip
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rpcsight.wire import Packets

TCP = 6
EXTENSIONS = {0, 43, 60}


class Packet(NamedTuple):
    """A TCP packet: addresses as packed bytes, the payload as captured, and its length by the IP header."""

    time_us: int
    src: bytes
    dest: bytes
    src_port: int
    dest_port: int
    seq: int
    ack: int
    flags: int
    payload: bytes
    payload_bytes: int


@dataclass(frozen=True)
class Capture:
    """Packets as a block and its columns, with the text of the addresses' numbers."""

    block: bytes
    packets: Packets
    names: dict[int, str]


def frames(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """(time in microseconds, link type, captured bytes) of each record; a cut one ends them."""
    if data[:4] == b"\x0a\x0d\x0d\x0a":
        yield from pcapng_frames(data)
        return
    order, unit = {
        b"\xd4\xc3\xb2\xa1": ("<", 1),
        b"\xa1\xb2\xc3\xd4": (">", 1),
        b"\x4d\x3c\xb2\xa1": ("<", 1000),
        b"\xa1\xb2\x3c\x4d": (">", 1000),
    }[data[:4]]
    link = struct.unpack_from(order + "I", data, 20)[0] & 0xFFFF
    at = 24
    while at + 16 <= len(data):
        seconds, part, captured, _ = struct.unpack_from(order + "4I", data, at)
        if at + 16 + captured > len(data):
            return
        yield seconds * 1_000_000 + part // unit, link, data[at + 16 : at + 16 + captured]
        at += 16 + captured


def pcapng_frames(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    at, order, links = 0, "<", []
    while at + 12 <= len(data):
        if data[at : at + 4] == b"\x0a\x0d\x0d\x0a":
            order, links = ("<" if data[at + 8 : at + 12] == b"\x4d\x3c\x2b\x1a" else ">"), []
        kind, size = struct.unpack_from(order + "2I", data, at)
        body = data[at + 8 : at + size - 4]
        if size < 12 or at + size > len(data):
            return
        if kind == 1:
            links.append((struct.unpack_from(order + "H", body)[0], resolution(order, body)))
        elif kind == 6:
            interface, high, low, captured, _ = struct.unpack_from(order + "5I", body)
            link, ticks = links[interface]
            yield (high << 32 | low) * 1_000_000 // ticks, link, body[20 : 20 + captured]
        at += size


def resolution(order: str, body: bytes) -> int:
    """Ticks a second of an interface: option if_tsresol, else a million."""
    at = 8
    while at + 4 <= len(body):
        code, size = struct.unpack_from(order + "2H", body, at)
        if code == 9:
            value = body[at + 4]
            return 2 ** (value & 0x7F) if value & 0x80 else 10**value
        at += 4 + (size + 3) // 4 * 4
    return 1_000_000


def network(link: int, frame: bytes) -> bytes:
    """The IP packet of a frame; empty where there is none."""
    if link == 1:
        at = 12
        while frame[at : at + 2] in {b"\x81\x00", b"\x88\xa8"}:
            at += 4
        return frame[at + 2 :] if frame[at : at + 2] in {b"\x08\x00", b"\x86\xdd"} else b""
    if link == 0:
        return frame[4:]
    return frame if link in {12, 14, 101, 228, 229} else b""


def packet(time_us: int, ip: bytes) -> Packet | None:
    """The TCP packet in an IP packet, if it is one."""
    if len(ip) >= 20 and ip[0] >> 4 == 4:
        head, total = (ip[0] & 15) * 4, int.from_bytes(ip[2:4], "big") or len(ip)
        if ip[9] != TCP or int.from_bytes(ip[6:8], "big") & 0x3FFF:
            return None
        src, dest = ip[12:16], ip[16:20]
    elif len(ip) >= 40 and ip[0] >> 4 == 6:
        head, total, kind = 40, 40 + int.from_bytes(ip[4:6], "big"), ip[6]
        while kind in EXTENSIONS and len(ip) > head + 1:
            kind, head = ip[head], head + 8 + ip[head + 1] * 8
        if kind != TCP:
            return None
        src, dest = ip[8:24], ip[24:40]
    else:
        return None
    tcp = ip[head:total]
    if len(tcp) < 20:
        return None
    src_port, dest_port, seq, ack, offset, flags = struct.unpack_from(">HHIIBB", tcp)
    start = (offset >> 4) * 4
    size = total - head - start
    return Packet(time_us, src, dest, src_port, dest_port, seq, ack, flags, tcp[start:], size) if size >= 0 else None


@cache
def read(path: Path) -> list[Packet]:
    """The TCP packets of a file, in its order."""
    data = path.read_bytes()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    found = (packet(time_us, network(link, frame)) for time_us, link, frame in frames(data))
    return [one for one in found if one is not None]


def columns(packets: list[Packet], names: dict[int, str] | None = None) -> Capture:
    """Packets as one block; ``names`` of earlier blocks are kept, as their numbers have to stay."""
    names = {} if names is None else names
    numbers = {name: number for number, name in names.items()}

    def number(address: bytes) -> int:
        name = str(ip_address(address))
        if name not in numbers:
            numbers[name] = int.from_bytes(address, "big") if len(address) == 4 else 2**32 + len(numbers)
            names[numbers[name]] = name
        return numbers[name]

    starts = np.cumsum([0, *(len(one.payload) for one in packets)])[:-1]
    captured = np.array([len(one.payload) for one in packets], dtype=np.int32)

    def column(name: str, kind: type) -> np.ndarray:
        return np.array([getattr(one, name) for one in packets], dtype=kind)

    return Capture(
        b"".join(one.payload for one in packets),
        Packets(
            time_us=column("time_us", np.int64),
            src_no=np.array([number(one.src) for one in packets], dtype=np.uint64),
            dest_no=np.array([number(one.dest) for one in packets], dtype=np.uint64),
            src_port=column("src_port", np.uint16),
            dest_port=column("dest_port", np.uint16),
            seq=column("seq", np.uint32),
            ack=column("ack", np.uint32),
            flags=column("flags", np.uint8),
            payload_start=starts.astype(np.int64),
            payload_bytes=column("payload_bytes", np.int32),
            captured_bytes=captured,
        ),
        names,
    )
