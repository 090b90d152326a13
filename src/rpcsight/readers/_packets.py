"""One pass over a capture's packets, for everything that wants to see them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import pyarrow as pa

from rpcsight.engines.feed import ARROW_TYPES
from rpcsight.wire import Datagrams, Packets
from rpcsight.wire.capture.addresses import Addresses
from rpcsight.wire.capture.files import frames
from rpcsight.wire.capture.frames import BLOCK_BYTES, Octets
from rpcsight.wire.capture.packets import decode
from rpcsight.wire.capture.segments import Segments, segments

__all__ = ["Connections", "Consumer", "Rows", "rows_of"]

Rows = Iterator[tuple[str, pa.RecordBatch]]
"""Names of tables, and rows for them."""

ADDRESS = {"address_no": "BIGINT", "address": "VARCHAR"}


class Consumer(Protocol):
    """Is shown every block of a capture, once and in order, and makes rows of what it sees."""

    tables: Mapping[str, Mapping[str, str]]
    """The tables that it makes: columns in their order, with their DuckDB types."""

    def take(self, data: Octets, packets: Packets, datagrams: Datagrams) -> Rows:
        """The rows that a block gives.

        Args:
            data: the block, which payload offsets point into; the next one takes its place.
            packets: its TCP packets.
            datagrams: its UDP datagrams.
        """
        ...

    def close(self) -> Rows:
        """The rows that were held back."""
        ...


class Connections:
    """Makes the table `segment`, from which `steps/tcp.sql` makes connections."""

    tables: Mapping[str, Mapping[str, str]] = {
        "segment": {
            "segment_no": "BIGINT",
            **{name: "BOOLEAN" if name in {"is_syn", "is_up"} else "BIGINT" for name in Segments._fields},
        }
    }

    def __init__(self) -> None:
        self._count = 0

    def take(self, data: Octets, packets: Packets, datagrams: Datagrams) -> Rows:
        """See `Consumer.take`."""
        del data, datagrams
        found = segments(packets)
        numbers = range(self._count, self._count + len(found.low))
        self._count += len(numbers)
        yield "segment", batch(self.tables["segment"], [pa.array(numbers, pa.int64()), *found])

    def close(self) -> Rows:
        """See `Consumer.close`."""
        yield from ()


def batch(columns: Mapping[str, str], values: Sequence[Any]) -> pa.RecordBatch:
    """Rows of a table.

    Args:
        columns: its columns with their DuckDB types.
        values: theirs, in that order: lists, arrays of numpy or Arrow.
    """
    arrays = [pa.array(each, ARROW_TYPES[kind]) for each, kind in zip(values, columns.values(), strict=True)]
    return pa.RecordBatch.from_arrays(arrays, names=list(columns))


def rows_of(
    blocks: Iterable[bytes],
    addresses: Addresses,
    consumers: Sequence[Consumer],
    losses: Counter[str],
    block_bytes: int = BLOCK_BYTES,
) -> Rows:
    """Show a capture to consumers, block by block.

    Args:
        blocks: the unpacked file.
        addresses: the numbers of IPv6 addresses; is filled.
        consumers: who wants to see it.
        losses: packets that could not be read, by reason; complete at the end.
        block_bytes: about how many bytes to take at once.

    Yields:
        The consumers' rows, and `address`: numbers and texts of IPv6 addresses.
    """
    for found in frames(blocks, losses, block_bytes):
        packets, datagrams = decode(found, addresses, losses)
        if new := addresses.new():
            yield "address", batch(ADDRESS, list(zip(*new, strict=True)))
        for consumer in consumers:
            yield from consumer.take(found.data, packets, datagrams)
    for consumer in consumers:
        yield from consumer.close()
