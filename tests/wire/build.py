"""Captures written byte by byte: packets, link headers, pcap and pcapng files. All that tests of `wire/` read is made here."""

import struct
from collections.abc import Sequence
from ipaddress import ip_address

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
Timed = tuple[int, bytes]
"""A frame and when it was captured, in microseconds."""


def tcp(
    src_port: int,
    dest_port: int,
    flags: int,
    seq: int = 0,
    ack: int = 0,
    payload: bytes = b"",
    options: bytes = b"",
    words: int | None = None,
) -> bytes:
    """A TCP packet; `words` is the header's length as it claims."""
    size = 5 + len(options) // 4 if words is None else words
    return struct.pack(">HHIIBBHHH", src_port, dest_port, seq, ack, size << 4, flags, 8192, 0, 0) + options + payload


def udp(src_port: int, dest_port: int, payload: bytes = b"") -> bytes:
    return struct.pack(">HHHH", src_port, dest_port, 8 + len(payload), 0) + payload


def ipv4(
    body: bytes,
    src: str = "10.0.0.1",
    dest: str = "10.0.0.2",
    protocol: int = 6,
    options: bytes = b"",
    fragment: int = 0,
    total: int | None = None,
) -> bytes:
    """An IPv4 packet; `total` is its length as it claims."""
    size = 20 + len(options) + len(body) if total is None else total
    head = struct.pack(">BBHHHBBH", 0x45 + len(options) // 4, 0, size, 7, fragment, 64, protocol, 0)
    return head + ip_address(src).packed + ip_address(dest).packed + options + body


def ipv6(
    body: bytes,
    src: str = "2001:db8::1",
    dest: str = "2001:db8::2",
    protocol: int = 6,
    extensions: Sequence[tuple[int, bytes]] = (),
    size: int | None = None,
) -> bytes:
    """An IPv6 packet; each extension is its kind and its bytes from the second on (the first names what follows)."""
    kinds = [kind for kind, _ in extensions] + [protocol]
    between = b"".join(bytes([after]) + rest for after, (_, rest) in zip(kinds[1:], extensions, strict=True))
    length = len(between) + len(body) if size is None else size
    return (
        struct.pack(">IHBB", 6 << 28, length, kinds[0], 64)
        + ip_address(src).packed
        + ip_address(dest).packed
        + between
        + body
    )


def ethernet(packet: bytes, kind: int | None = None, tags: Sequence[int] = ()) -> bytes:
    """An Ethernet frame, with a VLAN tag for each given EtherType of one."""
    named = kind if kind is not None else (0x86DD if packet[0] >> 4 == 6 else 0x0800)
    kinds = [*tags, named]
    return bytes(12) + b"\0\x05".join(struct.pack(">H", each) for each in kinds) + packet


def pcap(frames: Sequence[Timed], link: int = 1, order: str = "<", magic: int = 0xA1B2C3D4, snap: int = 65535) -> bytes:
    """A pcap file. Frames longer than `snap` are cut; `magic` also tells the clock and the size of packet headers."""
    ticks = 1000 if magic == 0xA1B23C4D else 1
    content = struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, snap, link)
    for time_us, frame in frames:
        head = (time_us // 1_000_000, time_us % 1_000_000 * ticks, len(frame[:snap]), len(frame))
        content += struct.pack(f"{order}4I", *head) + (bytes(8) if magic == 0xA1B2CD34 else b"") + frame[:snap]
    return content


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    """A block of a pcapng file."""
    padded = body + bytes(-len(body) % 4)
    size = struct.pack(f"{order}I", len(padded) + 12)
    return struct.pack(f"{order}I", kind) + size + padded + size


def section(order: str = "<") -> bytes:
    return block(0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def option(code: int, value: bytes, order: str = "<") -> bytes:
    return struct.pack(f"{order}HH", code, len(value)) + value + bytes(-len(value) % 4)


def interface(link: int = 1, options: bytes = b"", order: str = "<") -> bytes:
    return block(1, struct.pack(f"{order}HHI", link, 0, 0) + options, order)


def enhanced(ticks: int, frame: bytes, number: int = 0, order: str = "<", captured: int | None = None) -> bytes:
    """An enhanced packet block; `captured` is the frame's length as it claims."""
    size = len(frame) if captured is None else captured
    head = struct.pack(f"{order}5I", number, ticks >> 32, ticks & 0xFFFFFFFF, size, len(frame))
    return block(6, head + frame, order)


def obsolete(ticks: int, frame: bytes, number: int = 0, order: str = "<") -> bytes:
    """An obsolete packet block, which counts 7 drops."""
    head = struct.pack(f"{order}HH4I", number, 7, ticks >> 32, ticks & 0xFFFFFFFF, len(frame), len(frame))
    return block(2, head + frame, order)


def pcapng(frames: Sequence[Timed], link: int = 1, order: str = "<") -> bytes:
    """A pcapng file with one interface, whose clock ticks microseconds."""
    packets = b"".join(enhanced(time_us, frame, order=order) for time_us, frame in frames)
    return section(order) + interface(link, order=order) + packets
