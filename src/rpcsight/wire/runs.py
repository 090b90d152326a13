"""Packets of a block in the order in which streams want them: connection by connection, and what is alike in one piece."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rpcsight.wire import Packets
from rpcsight.wire.capture.segments import grouped
from rpcsight.wire.reassembly import FIN, RST, SYN, Segment

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Run", "Runs", "by_connection"]

_EDGES = SYN | FIN | RST
_PDU_VERSION = 5
_WORD = 0xFFFF_FFFF


class Run(NamedTuple):
    """Packets of one connection that follow each other, up to the next SYN.

    Args:
        low, high: its ends.
        begin, end: its pieces, of all those of the block.
        telling: the first piece with captured payload, or the SYN; `end` or more without any.
        is_opened: whether it begins with a SYN.
        last: the number of its last packet in the block.
    """

    low: int
    high: int
    begin: int
    end: int
    telling: int
    is_opened: bool
    last: int


class Runs:
    """The chosen packets of a block, as runs of pieces.

    A piece is a packet, or packets of one direction that follow each other without a gap, none of which begins like a PDU or an SMB
    message: the middle of something, that is likely passed over as a whole.

    Args:
        octets: the block.
        packets: its packets.
        rows: those that are wanted, one at least.
        begun: those that are known to begin something.
    """

    def __init__(
        self,
        octets: "NDArray[np.uint8]",
        packets: Packets,
        ends: "tuple[NDArray[np.uint64], NDArray[np.uint64]]",
        rows: "NDArray[np.intp]",
        begun: "NDArray[np.intp]",
    ) -> None:
        src, dest = ends[0][rows], ends[1][rows]
        order, low, high, is_other = by_connection(src, dest)
        rows = rows[order]
        flags, captured = packets.flags[rows], packets.captured_bytes[rows].astype(np.int64)
        starts, seqs = packets.payload_start[rows], packets.seq[rows].astype(np.int64)
        missing = np.maximum(packets.payload_bytes[rows] - captured, 0)
        is_up = (src < dest)[order]
        is_known = np.zeros(len(packets.seq), dtype=np.bool_)
        is_known[begun] = True
        may_begin = is_known[rows]
        has_payload = captured > 0
        may_begin[has_payload] |= octets[starts[has_payload]] == _PDU_VERSION
        is_syn = (flags & SYN) != 0
        begins_run = is_other | is_syn
        is_middle = ~may_begin & ((flags & _EDGES) == 0)
        follows = is_middle[1:] & is_middle[:-1] & ~begins_run[1:] & (is_up[1:] == is_up[:-1])
        follows &= seqs[1:] == ((seqs + captured + missing)[:-1] & _WORD)
        heads = np.flatnonzero(np.append(True, ~follows))
        counts = np.diff(heads, append=len(rows))
        self._columns = (
            packets.time_us[rows],
            is_up,
            seqs,
            packets.ack[rows],
            flags,
            starts,
            captured,
            missing,
            may_begin,
        )
        sizes, lacking = np.add.reduceat(captured, heads), np.add.reduceat(missing, heads)
        pieces = [column[heads] for column in self._columns]
        pieces[6:8] = sizes, lacking
        lists: list[list[Any]] = [column.tolist() for column in (*pieces, heads, counts)]
        self.times, self.is_up, self.seqs, _, self.flags, *_ = lists
        self.pieces: Iterator[Segment] = zip(*lists, strict=True)
        """All of them, run by run."""
        first = np.flatnonzero(begins_run[heads])
        end = np.append(first[1:], len(heads))
        is_telling = is_syn[heads] | (sizes > 0)
        telling = np.minimum.reduceat(np.where(is_telling, np.arange(len(heads)), len(heads)), first)
        last = rows[(heads + counts)[end - 1] - 1]
        columns = (low[heads[first]], high[heads[first]], first, end, telling, is_syn[heads[first]], last)
        self._runs = zip(*(column.tolist() for column in columns), strict=True)

    def __iter__(self) -> Iterator[Run]:
        return map(Run._make, self._runs)

    def unfold(self, place: int, count: int) -> Iterator[Segment]:
        """The packets of a piece, one by one."""
        places = range(place, place + count)
        columns = (column[place : place + count].tolist() for column in self._columns)
        return zip(*columns, places, [1] * count, strict=True)


def by_connection(
    src: "NDArray[np.uint64]", dest: "NDArray[np.uint64]"
) -> "tuple[NDArray[np.int64], NDArray[np.uint64], NDArray[np.uint64], NDArray[np.bool_]]":
    """An order that puts a connection's packets side by side and keeps theirs; in it the low and high ends, and where others begin."""
    low, high = np.minimum(src, dest), np.maximum(src, dest)
    order = grouped(low, high)
    low, high = low[order], high[order]
    is_other = np.ones(len(low), dtype=np.bool_)
    is_other[1:] = (low[1:] != low[:-1]) | (high[1:] != high[:-1])
    return order, low, high, is_other
