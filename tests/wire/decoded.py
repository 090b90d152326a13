"""What decoding makes of frames, as rows to compare."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from rpcsight.wire.addresses import FIRST, Addresses
from rpcsight.wire.capture import frames
from rpcsight.wire.packets import decode
from tests.wire.build import pcap


class Packet(NamedTuple):
    """One TCP packet (or UDP datagram, without numbers and flags); addresses as texts."""

    src: str
    src_port: int
    dest: str
    dest_port: int
    payload: bytes
    payload_bytes: int
    seq: int | None = None
    ack: int | None = None
    flags: int | None = None


def decoded(content: bytes) -> tuple[list[Packet], list[Packet], Counter[str]]:
    """TCP packets, UDP datagrams and losses of a capture."""
    addresses, losses = Addresses(), Counter[str]()
    packets: list[Packet] = []
    datagrams: list[Packet] = []
    text: dict[int, str] = {}
    for block in frames([content], losses):
        found, others = decode(block, addresses, losses)
        text |= dict(addresses.new())
        for rows, columns in ((packets, found), (datagrams, others)):
            for number in range(len(columns.src_no)):
                start = int(columns.payload_start[number])
                ends = [int(columns.src_no[number]), int(columns.dest_no[number])]
                src, dest = (text[end] if end >= FIRST else dotted(end) for end in ends)
                rows.append(
                    Packet(
                        src,
                        int(columns.src_port[number]),
                        dest,
                        int(columns.dest_port[number]),
                        block.data[start : start + int(columns.captured_bytes[number])],
                        int(columns.payload_bytes[number]),
                        *(int(getattr(columns, name)[number]) for name in ("seq", "ack", "flags") if rows is packets),
                    )
                )
    return packets, datagrams, +losses


def of_frames(
    frames: Sequence[bytes], link: int = 1, snap: int = 65535
) -> tuple[list[Packet], list[Packet], Counter[str]]:
    return decoded(pcap([(number, frame) for number, frame in enumerate(frames)], link, snap=snap))


def dotted(number: int) -> str:
    return ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))
