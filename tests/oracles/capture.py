"""The obvious answer to what TCP connections a capture shows: packet by packet, with a dictionary. Independent of `wire/` and of SQL."""

from collections.abc import Sequence
from dataclasses import dataclass, field

FIN, SYN, RST, ACK = 1, 2, 4, 16
MAPPER = 135
WORD = 1 << 32

End = tuple[str, int]
"""Address and port."""


@dataclass(frozen=True)
class Packet:
    """A TCP packet: when, from where, to where, flags, sequence number, bytes of payload."""

    time_us: int
    src: End
    dest: End
    flags: int
    seq: int
    size: int


@dataclass
class Ends:
    """What is known of all packets between two ends: each sender's last SYN and first number, and what ended since."""

    syn: dict[End, int] = field(default_factory=dict[End, int])
    base: dict[End, int] = field(default_factory=dict[End, int])
    is_ended: dict[End, bool] = field(default_factory=dict[End, bool])
    connections: list[list[Packet]] = field(default_factory=list[list[Packet]])


Row = dict[str, object]


def connections(packets: Sequence[Packet]) -> list[Row]:
    """One row a connection, columns as in `steps/tcp.sql`, in no order."""
    known: dict[frozenset[End], Ends] = {}
    for packet in packets:
        ends = known.setdefault(frozenset((packet.src, packet.dest)), Ends())
        is_syn = packet.flags & (SYN | ACK) == SYN
        if not ends.connections or (is_syn and _is_new(ends, packet)):
            ends.connections.append([])
        ends.connections[-1].append(packet)
        ends.base.setdefault(packet.src, (packet.seq - (not packet.flags & SYN)) % WORD)
        if is_syn:
            ends.syn[packet.src] = packet.seq
            ends.is_ended[packet.src] = False
        if packet.flags & (FIN | RST):
            ends.is_ended = dict.fromkeys((packet.src, packet.dest), True)
    return [_row(each) for ends in known.values() for each in ends.connections]


def _is_new(ends: Ends, packet: Packet) -> bool:
    sender = packet.src
    if sender in ends.syn:
        return ends.syn[sender] != packet.seq or ends.is_ended[sender]
    if sender in ends.base:
        return ends.base[sender] != packet.seq or ends.is_ended.get(sender, False)
    return False


def _row(packets: list[Packet]) -> Row:
    syns = [each for each in packets if each.flags & (SYN | ACK) == SYN]
    answers = {each.src for each in packets if each.flags & SYN}
    first = packets[0]
    is_oriented = bool(syns) or len(answers) == 1
    if syns:
        src, dest = syns[0].src, syns[0].dest
    elif is_oriented:
        (dest,) = answers
        src = first.src if first.dest == dest else first.dest
    elif first.src[1] == MAPPER and first.dest[1] != MAPPER:
        src, dest = first.dest, first.src
    else:
        src, dest = first.src, first.dest
    out = [each for each in packets if each.src == src]
    back = [each for each in packets if each.src == dest]
    start_us = min(each.time_us for each in syns or packets)
    return {
        "start_us": start_us,
        "end_us": max(each.time_us for each in packets),
        "src_ip": src[0],
        "src_port": src[1],
        "dest_ip": dest[0],
        "dest_port": dest[1],
        "is_established": _is_established(out, back, is_oriented=is_oriented, is_asked=bool(syns)),
        "is_oriented": is_oriented,
        "out_packets": len(out),
        "in_packets": len(back),
        "out_bytes": sum(each.size for each in out),
        "in_bytes": sum(each.size for each in back),
        "syns": len(syns),
    }


def _is_established(out: list[Packet], back: list[Packet], *, is_oriented: bool, is_asked: bool) -> bool | None:
    out, back = ([each for each in many if each.flags & (SYN | RST | ACK) == ACK] for many in (out, back))
    has_sent, is_answered = (any(each.size for each in many) for many in (out, back))
    if is_oriented and (out or is_answered):
        return True
    if is_asked:
        return False
    return True if has_sent and is_answered else None
