"""What decoding makes of frames, as rows to compare."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from rpcsight.wire.capture.addresses import FIRST, Addresses
from rpcsight.wire.capture.files import frames
from rpcsight.wire.capture.packets import decode
from tests.wire.build import pcap


class Datagram(NamedTuple):
    """One UDP datagram, as much of it as was captured."""

    src: str
    src_port: int
    dest_port: int
    payload: bytes


class Packet(NamedTuple):
    """One TCP packet; addresses as texts."""

    src: str
    src_port: int
    dest: str
    dest_port: int
    payload: bytes
    payload_bytes: int
    seq: int
    ack: int
    flags: int


def decoded(content: bytes) -> tuple[list[Packet], list[Datagram], Counter[str]]:
    """TCP packets, UDP datagrams and losses of a capture."""
    addresses, losses = Addresses(), Counter[str]()
    packets: list[Packet] = []
    datagrams: list[Datagram] = []
    text: dict[int, str] = {}
    for block in frames([content], losses):
        found, others = decode(block, addresses, losses)
        text |= dict(addresses.new())
        for number in range(len(found.src_no)):
            ends = [int(found.src_no[number]), int(found.dest_no[number])]
            src, dest = (text[end] if end >= FIRST else dotted(end) for end in ends)
            start, size = int(found.payload_start[number]), int(found.captured_bytes[number])
            numbers = [int(getattr(found, name)[number]) for name in ("payload_bytes", "seq", "ack", "flags")]
            src_port, dest_port = int(found.src_port[number]), int(found.dest_port[number])
            packets.append(Packet(src, src_port, dest, dest_port, block.data[start : start + size], *numbers))
        for number in range(len(others.src_no)):
            start, size = int(others.payload_start[number]), int(others.payload_bytes[number])
            ports = int(others.src_port[number]), int(others.dest_port[number])
            sender = int(others.src_no[number])
            src = text[sender] if sender >= FIRST else dotted(sender)
            datagrams.append(Datagram(src, *ports, block.data[start : start + size]))
    return packets, datagrams, +losses


def of_frames(
    frames: Sequence[bytes], link: int = 1, snap: int = 65535
) -> tuple[list[Packet], list[Datagram], Counter[str]]:
    return decoded(pcap([(number, frame) for number, frame in enumerate(frames)], link, snap=snap))


def dotted(number: int) -> str:
    return ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))
