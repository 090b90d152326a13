"""What both capture formats give: captured frames as columns, block by block, and the buffer that blocks are cut from."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["BLOCK_BYTES", "CUT_OFF", "MOST_CAPTURED_BYTES", "PAD_BYTES", "Frames", "Octets", "Tape", "gathered"]

Octets = bytes | bytearray

BLOCK_BYTES = 1 << 22
"""Enough that the fixed cost of a numpy call is nothing, little enough that columns and block stay near the processor."""
PAD_BYTES = 128
"""Zeros behind each block: headers of fixed size can be gathered before it is known whether they are whole."""
MOST_CAPTURED_BYTES = 262_144
"""libpcap's MAXIMUM_SNAPLEN: it refuses packets that claim more, too."""
CUT_OFF = "the capture ends in the middle of a packet"


@dataclass(frozen=True, slots=True)
class Frames:
    """The captured frames of one block, as columns of equal length in the order of the file.

    Args:
        data: the block, `PAD_BYTES` zeros behind it, and perhaps more; the next block takes its place.
        start: where each frame begins in `data` (int64).
        captured: how many bytes of it are there (int64); all lie within `data`.
        original: how many it had on the wire (int64).
        time_us: when, in microseconds since 1970 UTC (int64).
        link: its link type, as tcpdump.org's list numbers them (uint16).
    """

    data: Octets
    start: "NDArray[np.int64]"
    captured: "NDArray[np.int64]"
    original: "NDArray[np.int64]"
    time_us: "NDArray[np.int64]"
    link: "NDArray[np.uint16]"

    def __len__(self) -> int:
        return len(self.start)


class Tape:
    """A stream of byte blocks of any size, seen through a window that moves on.

    `data` begins with what is in view and `PAD_BYTES` zeros; `end` is how much of it is content. It is written over again and again:
    memory that is new for every block costs more time than all the bytes in it.

    Args:
        chunks: the stream.
        block_bytes: how much to read at once.
    """

    def __init__(self, chunks: Iterable[bytes], block_bytes: int = BLOCK_BYTES) -> None:
        self._chunks: Iterator[bytes] = iter(chunks)
        self._block_bytes = block_bytes
        self.data = bytearray(PAD_BYTES)
        self.end = 0

    def more(self, done: int) -> bool:
        """Drop what lies before `done` and read on. False, and nothing changes, where the stream is over."""
        chunk = next(filter(None, self._chunks), None)
        if chunk is None:
            return False
        rest = self.data[done : self.end]
        self.data[: len(rest)] = rest
        self.end = len(rest)
        while chunk is not None:
            self._append(chunk)
            chunk = next(self._chunks, None) if self.end < len(rest) + self._block_bytes else None
        self.data[self.end : self.end + PAD_BYTES] = bytes(PAD_BYTES)
        return True

    def _append(self, chunk: bytes) -> None:
        end = self.end + len(chunk)
        if end + PAD_BYTES > len(self.data):
            larger = bytearray(max(end + PAD_BYTES, 2 * len(self.data)))
            larger[: self.end] = self.data[: self.end]
            self.data = larger
        self.data[self.end : end] = chunk
        self.end = end

    def ready(self, size: int) -> bool:
        """Whether so many bytes are in view, after reading on if need be."""
        while self.end < size:
            if not self.more(0):
                return False
        return True


def gathered(data: Octets, kind: "np.dtype[Any]", at: "NDArray[np.int64]") -> "NDArray[Any]":
    """The structures of a kind that begin at the given offsets, one row each.

    Args:
        data: the block with its padding; `at` + the kind's size must lie within.
        kind: their layout.
        at: offsets.
    """
    everywhere = np.ndarray((len(data) - kind.itemsize + 1,), np.dtype((np.void, kind.itemsize)), data, 0, (1,))
    return everywhere[at].view(kind)
