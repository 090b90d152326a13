"""NetFlow v5 datagrams, all of a block at once.

Source: Cisco, "NetFlow Export Datagram Format", tables B-3 and B-4: a header of 24 bytes, then 1 to 30 records of 48 bytes.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from rpcsight.wire.netflow.templates import V5

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["HEADER_BYTES", "Headers", "groups", "headers"]

HEADER_BYTES = 24
MAX_RECORDS = 30
BILLION = 1_000_000_000
HEADER = np.dtype(
    [
        ("version", ">u2"),
        ("count", ">u2"),
        ("uptime_ms", ">u4"),
        ("export_s", ">u4"),
        ("nanoseconds", ">u4"),
        ("sequence", ">u4"),
        ("engine", ">u2"),
        ("sampling", ">u2"),
        ("first_record", "V16"),
        ("packets", ">u4"),
        ("octets", ">u4"),
    ]
)
"""The header, and what of the first record shows whether it is one."""
SAMPLING_MASK = 0x3FFF
"""The lower 14 bits of the sampling field are its interval, the others its mode."""
SECOND_US = 1_000_000


class Headers(NamedTuple):
    """The headers of datagrams that are NetFlow v5, as columns.

    Args:
        place: which of the given datagrams each is.
        records: how many it holds.
        sequence: flows before it.
        engine: engine type times 256 plus engine id.
        sampling: N where one in N packets is looked at.
        export_us: its time, µs since 1970.
        uptime_ms: the exporter's uptime then.
    """

    place: "NDArray[np.int64]"
    records: "NDArray[np.int64]"
    sequence: "NDArray[np.uint32]"
    engine: "NDArray[np.uint64]"
    sampling: "NDArray[np.int64]"
    export_us: "NDArray[np.int64]"
    uptime_ms: "NDArray[np.int64]"


def headers(octets: "NDArray[np.uint8]", start: "NDArray[np.int64]", size: "NDArray[np.int64]") -> Headers:
    """The headers of those datagrams whose length, counts and times fit NetFlow v5.

    Args:
        octets: the block.
        start: where each datagram begins.
        size: its length in bytes; all of it is inside the block.
    """
    long = np.flatnonzero(size >= HEADER_BYTES + V5.least_bytes)
    read = octets[start[long][:, None] + np.arange(HEADER.itemsize)].view(HEADER)[:, 0]
    count = read["count"].astype(np.int64)
    is_sound = (count > 0) & (count <= MAX_RECORDS) & (size[long] == HEADER_BYTES + count * V5.least_bytes)
    is_sound &= (read["nanoseconds"] < BILLION) & (read["packets"] > 0) & (read["packets"] <= read["octets"])
    read = read[is_sound]
    return Headers(
        place=long[is_sound],
        records=count[is_sound],
        sequence=read["sequence"].astype(np.uint32),
        engine=read["engine"].astype(np.uint64),
        sampling=(read["sampling"] & SAMPLING_MASK).astype(np.int64),
        export_us=read["export_s"].astype(np.int64) * SECOND_US + read["nanoseconds"].astype(np.int64) // 1000,
        uptime_ms=read["uptime_ms"].astype(np.int64),
    )


def groups(keys: "NDArray[np.uint64]") -> "Iterator[NDArray[np.int64]]":
    """The places of equal keys, each in order."""
    order = np.argsort(keys, kind="stable")
    edges = np.flatnonzero(np.diff(keys[order])) + 1
    yield from np.split(order, edges) if len(order) else ()
