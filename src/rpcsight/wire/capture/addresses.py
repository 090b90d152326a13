"""Numbers for IPv6 addresses, so that an address and a port fit into 64 bits."""

from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FIRST", "Addresses"]

FIRST = 1 << 32
"""The number of the first IPv6 address; lower ones are IPv4 addresses."""
MOST_ADDRESSES = 1 << 20
"""About 200 MB of table; a capture with more distinct addresses is a scan or a flood."""


class Addresses:
    """A table of the IPv6 addresses seen so far.

    Args:
        most: how many it holds at most.
    """

    def __init__(self, most: int = MOST_ADDRESSES) -> None:
        self._most = most
        self._number: dict[tuple[int, int], int] = {}
        self._new: list[tuple[int, str]] = []
        self._texts: list[str] = []

    def numbers(self, high: "NDArray[np.uint64]", low: "NDArray[np.uint64]") -> "NDArray[np.uint64]":
        """The numbers of addresses, 0 for those that no longer fit into the table.

        Args:
            high, low: their upper and lower 64 bits, in any byte order.
        """
        if not len(high):
            return np.empty(0, np.uint64)
        high, low = high.astype(np.uint64), low.astype(np.uint64)
        order = np.lexsort((low, high))
        high, low = high[order], low[order]
        is_first = np.ones(len(order), np.bool_)
        is_first[1:] = (high[1:] != high[:-1]) | (low[1:] != low[:-1])
        distinct = zip(high[is_first].tolist(), low[is_first].tolist(), strict=True)
        numbered = np.array([self._numbered(address) for address in distinct], np.uint64)
        found = np.empty(len(order), np.uint64)
        found[order] = numbered[np.cumsum(is_first) - 1]
        return found

    def text(self, number: int) -> str:
        """The text of an address of that number, IPv4 or IPv6."""
        return str(IPv4Address(number)) if number < FIRST else self._texts[number - FIRST]

    def new(self) -> list[tuple[int, str]]:
        """Number and text of the addresses that came since the last call."""
        new, self._new = self._new, []
        return new

    def _numbered(self, address: tuple[int, int]) -> int:
        number = self._number.get(address)
        if number is not None:
            return number
        if len(self._number) >= self._most:
            return 0
        number = self._number[address] = FIRST + len(self._number)
        text = str(IPv6Address(address[0] << 64 | address[1]))
        self._texts.append(text)
        self._new.append((number, text))
        return number
