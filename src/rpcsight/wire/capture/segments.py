"""TCP packets of a block summed up by connection: what is needed to put connections together over all blocks.

A segment is a run of a connection's packets within one block, both directions; every SYN (without ACK) begins a new one. Whether it
also begins a new connection depends on blocks before: `steps/tcp.sql` decides that.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from rpcsight.wire import Packets

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Segments", "grouped", "segments"]

SYN, RST, ACK = 2, 4, 16
PORT_BITS = 16
MIX_LOW, MIX_HIGH = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
"""Odd constants (of splitmix64's and xxHash's kind) that spread two numbers over the upper bits."""
WORD = 0xFFFF_FFFF


class Segments(NamedTuple):
    """Columns of equal length, segments of one connection in their order. The low end is the one with the lower number.

    Args:
        low, high: both ends, address << 16 | port (int64).
        is_syn: whether it begins with a SYN without ACK.
        is_up: whether its first packet goes from the low to the high end.
        seq: the first packet's sequence number (int64).
        begin_us: its first packet's time, in microseconds since 1970 UTC (int64).
        first_us, last_us: the earliest and the latest time; captures can be out of order (int64).
        up_packets, down_packets, up_bytes, down_bytes: by direction, up from the low end; bytes of payload (int64).
        up_acks, down_acks: packets with ACK and without SYN and RST (int64): their sender takes part.
        up_data, down_data: those of them with payload (int64).
        up_flags, down_flags: all flags seen (int64).
        up_base, down_base: sequence number before the first byte, by the direction's first packet (int64), -1 without any.
    """

    low: "NDArray[np.int64]"
    high: "NDArray[np.int64]"
    is_syn: "NDArray[np.bool_]"
    is_up: "NDArray[np.bool_]"
    seq: "NDArray[np.int64]"
    begin_us: "NDArray[np.int64]"
    first_us: "NDArray[np.int64]"
    last_us: "NDArray[np.int64]"
    up_packets: "NDArray[np.int64]"
    down_packets: "NDArray[np.int64]"
    up_bytes: "NDArray[np.int64]"
    down_bytes: "NDArray[np.int64]"
    up_acks: "NDArray[np.int64]"
    down_acks: "NDArray[np.int64]"
    up_data: "NDArray[np.int64]"
    down_data: "NDArray[np.int64]"
    up_flags: "NDArray[np.int64]"
    down_flags: "NDArray[np.int64]"
    up_base: "NDArray[np.int64]"
    down_base: "NDArray[np.int64]"


def segments(packets: Packets) -> Segments:
    """The segments of a block's packets, those of one connection in their order.

    Args:
        packets: in the order of the capture.
    """
    src = (packets.src_no << np.uint64(PORT_BITS)) | packets.src_port
    dest = (packets.dest_no << np.uint64(PORT_BITS)) | packets.dest_port
    low, high = np.minimum(src, dest), np.maximum(src, dest)
    order = grouped(low, high)
    low, high, is_up = low[order], high[order], (src < dest)[order]
    flags, seq = packets.flags[order], packets.seq[order].astype(np.int64)
    time_us, payload = packets.time_us[order], packets.payload_bytes[order].astype(np.int64)
    is_syn = (flags & (SYN | ACK)) == SYN
    begins = is_syn.copy()
    begins[:1] = True
    begins[1:] |= (low[1:] != low[:-1]) | (high[1:] != high[:-1])
    starts = np.flatnonzero(begins)
    base = (seq - ((flags & SYN) == 0)) & WORD
    by_direction = _ByDirection(starts, is_up)
    up_packets, down_packets = by_direction.sums(np.ones(len(order), np.int64))
    up_bytes, down_bytes = by_direction.sums(payload)
    takes_part = (flags & (SYN | RST | ACK)) == ACK
    up_acks, down_acks = by_direction.sums(takes_part.astype(np.int64))
    up_data, down_data = by_direction.sums((takes_part & (payload > 0)).astype(np.int64))
    up_flags, down_flags = by_direction.flags(flags)
    up_base, down_base = by_direction.firsts(base)
    return Segments(
        low=low[starts].astype(np.int64),
        high=high[starts].astype(np.int64),
        is_syn=is_syn[starts],
        is_up=is_up[starts],
        seq=seq[starts],
        begin_us=time_us[starts],
        first_us=np.minimum.reduceat(time_us, starts) if len(starts) else time_us,
        last_us=np.maximum.reduceat(time_us, starts) if len(starts) else time_us,
        up_packets=up_packets,
        down_packets=down_packets,
        up_bytes=up_bytes,
        down_bytes=down_bytes,
        up_acks=up_acks,
        down_acks=down_acks,
        up_data=up_data,
        down_data=down_data,
        up_flags=up_flags,
        down_flags=down_flags,
        up_base=up_base,
        down_base=down_base,
    )


class _ByDirection:
    """Sums up values of packets by segment and direction.

    Args:
        starts: where segments begin.
        is_up: each packet's direction.
    """

    def __init__(self, starts: "NDArray[np.int64]", is_up: "NDArray[np.bool_]") -> None:
        self._starts = starts
        self._is_up = is_up

    def sums(self, values: "NDArray[np.int64]") -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
        """Sums of the packets up, and of those down."""
        if not len(self._starts):
            return values, values
        up = np.add.reduceat(values * self._is_up, self._starts)
        return up, np.add.reduceat(values, self._starts) - up

    def flags(self, values: "NDArray[np.uint8]") -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
        """All flags seen up, and down."""
        wide = values.astype(np.int64)
        if not len(self._starts):
            return wide, wide
        both = np.bitwise_or.reduceat(wide << np.where(self._is_up, 8, 0), self._starts)
        return both >> 8, both & 0xFF

    def firsts(self, values: "NDArray[np.int64]") -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
        """The value of the first packet up, and of the first down; -1 without any."""
        return self._first(values, self._is_up), self._first(values, ~self._is_up)

    def _first(self, values: "NDArray[np.int64]", wanted: "NDArray[np.bool_]") -> "NDArray[np.int64]":
        if not len(self._starts):
            return values
        count = len(values)
        places = np.minimum.reduceat(np.where(wanted, np.arange(count), count), self._starts)
        return np.append(values, -1)[places]


def grouped(low: "NDArray[np.uint64]", high: "NDArray[np.uint64]") -> "NDArray[np.int64]":
    """An order that puts equal pairs side by side and keeps theirs.

    One sort of numbers that hold a mix of the pair above and the place below: several times as fast as sorting places by pairs.
    Where two pairs have one mix, they are sorted the long way.
    """
    bits = np.uint64(len(low).bit_length())
    places = np.uint64((1 << int(bits)) - 1)
    mixed = ((low * MIX_LOW) ^ (high * MIX_HIGH)) & ~places
    keys = np.sort(mixed | np.arange(len(low), dtype=np.uint64))
    order = (keys & places).astype(np.int64)
    is_same_mix = (keys[1:] ^ keys[:-1]) <= places
    is_other_pair = (low[order[1:]] != low[order[:-1]]) | (high[order[1:]] != high[order[:-1]])
    if (is_same_mix & is_other_pair).any():
        return np.lexsort((high, low))
    return order
