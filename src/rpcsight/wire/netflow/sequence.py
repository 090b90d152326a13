"""Sequence numbers of export datagrams: what is missing, with datagrams that come late counted as there.

Sources: Cisco, "NetFlow Export Datagram Format" (v5 counts flows), RFC 3954 section 5.1 (v9 counts datagrams), RFC 7011 section 3.1 (IPFIX
counts data records, those of the message itself not yet). softflowd 1.1.0 counts in IPFIX the flows of the message itself, too.
"""

from collections import deque
from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Sequence"]

MASK = 0xFFFFFFFF
FARTHEST_AHEAD = 1 << 24
"""A larger step is a new start: no capture misses 16 million flows in one place and goes on."""
FARTHEST_BEHIND = 1000
"""A larger step back is a new start; the network reorders a few datagrams of at most some dozen flows."""
MAX_GAPS = 64


class Sequence:
    """The numbers of one exporter and observation domain.

    Attributes:
        missing: units that never came.
        late: datagrams that came out of order.
        repeated: datagrams that were there already, or came too late to tell.
        restarts: how often counting began anew.
    """

    __slots__ = ("_gaps", "_last", "_next", "_sizes", "late", "missing", "repeated", "restarts")

    def __init__(self) -> None:
        self.missing = self.late = self.repeated = self.restarts = 0
        self._next: int | None = None
        self._last = 0
        self._sizes: Collection[int] = ()
        self._gaps: deque[tuple[int, int]] = deque(maxlen=MAX_GAPS)

    def see(self, number: int, sizes: Collection[int] | None) -> None:
        """Take the next datagram's number.

        Args:
            number: from its header.
            sizes: by how many units it may go on: the specification's first, then what exporters do instead;
                None where that can't be known.
        """
        step = (number - self._last) & MASK
        if self._next is None or number == self._next or step in self._sizes or (sizes and step in sizes):
            self._go_on(number, sizes)
            return
        ahead = (number - self._next) & MASK
        behind = (self._next - number) & MASK
        if ahead < FARTHEST_AHEAD:
            self.missing += ahead
            self._gaps.append((self._next, ahead))
            self._go_on(number, sizes)
        elif self._fill(number, next(iter(sizes)) if sizes else 1):
            self.late += 1
        elif behind < FARTHEST_BEHIND:
            self.repeated += 1
        else:
            self.restarts += 1
            self._go_on(number, sizes)

    def see_all(self, numbers: "NDArray[np.uint32]", sizes: "NDArray[np.int64]") -> None:
        """Take several datagrams' numbers at once, each with the units by which it goes on."""
        is_whole = np.array_equal(numbers[:-1] + sizes[:-1].astype(np.uint32), numbers[1:])
        for place, (number, size) in enumerate(zip(numbers.tolist(), sizes.tolist(), strict=True)):
            self.see(number, (size,))
            if is_whole and place == 0 and self._last == number:
                self._go_on(int(numbers[-1]), (int(sizes[-1]),))
                return

    def _go_on(self, number: int, sizes: Collection[int] | None) -> None:
        self._last, self._sizes = number, sizes or ()
        self._next = (number + next(iter(sizes))) & MASK if sizes else None

    def _fill(self, number: int, size: int) -> bool:
        """Whether a late datagram belongs into a gap, which then is smaller."""
        for place, (start, length) in enumerate(self._gaps):
            before = (number - start) & MASK
            if before >= length:
                continue
            there = min(size, length - before)
            self.missing -= there
            del self._gaps[place]
            if before:
                self._gaps.append((start, before))
            if length > before + there:
                self._gaps.append(((start + before + there) & MASK, length - before - there))
            return True
        return False
