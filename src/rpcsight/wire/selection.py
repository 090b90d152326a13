"""Which packets of a block belong to connections that carry DCE/RPC or SMB: whole columns at a time."""

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from rpcsight.wire import Packets
from rpcsight.wire.reassembly import FIN, RST, SYN
from rpcsight.wire.rpc import pdu

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["RPC", "SMB", "Beginnings", "EndTable", "beginnings", "ends"]

RPC, SMB = "rpc", "smb"

_MAPPER_PORT = 135
_SMB_PORTS = (139, 445)
_SIGN_BYTES = 8
"""Of a PDU, up to the end of drep; and of SMB's frame, up to the end of its mark: a packet that has less tells nothing."""
_SMB_BYTES = 24
"""Of an SMB message in its NetBIOS frame, up to the flags: [MS-CIFS] 2.2.3.1, [MS-SMB2] 2.2.1."""
_TABLE_BITS = 20
_MIX = np.uint64(0x9E3779B97F4A7C15)
_FOLD = np.uint64(32)
_DROP = np.uint64(64 - _TABLE_BITS)
_PORT_BITS = np.uint64(16)


def _bytes_in(numbers: Iterable[int]) -> "NDArray[np.bool_]":
    table = np.zeros(256, dtype=np.bool_)
    table[list(numbers)] = True
    return table


_VERSIONS, _MINORS, _FLOATS, _ZERO = _bytes_in((5,)), _bytes_in((0, 1)), _bytes_in(range(4)), _bytes_in((0,))
_KINDS, _ORDERS, _ASKING = _bytes_in(frozenset(pdu.SHORTEST)), _bytes_in((0, 1, 0x10, 0x11)), _bytes_in(pdu.ASKING)
_PDU_BYTES = ((0, _VERSIONS), (1, _MINORS), (2, _KINDS), (4, _ORDERS), (5, _FLOATS), (6, _ZERO), (7, _ZERO))
_SMB1, _SMB2 = 0xFF, 0xFE
_SMB_KINDS = _bytes_in((_SMB1, _SMB2, 0xFD, 0xFC))
_SMB_SIGN = ((4, _SMB_KINDS), (5, _bytes_in(b"S")), (6, _bytes_in(b"M")), (7, _bytes_in(b"B")))


class Beginnings(NamedTuple):
    """The packets that show what their connection carries, in order.

    Args:
        row: which packet.
        is_smb: SMB, or DCE/RPC.
        is_from_client: whether the client sent it.
    """

    row: "NDArray[np.intp]"
    is_smb: "NDArray[np.bool_]"
    is_from_client: "NDArray[np.bool_]"


def ends(packets: Packets) -> "tuple[NDArray[np.uint64], NDArray[np.uint64]]":
    """Source and destination of each packet, address and port in one number."""
    return (
        (packets.src_no << _PORT_BITS) | packets.src_port.astype(np.uint64),
        (packets.dest_no << _PORT_BITS) | packets.dest_port.astype(np.uint64),
    )


def beginnings(data: "NDArray[np.uint8]", packets: Packets) -> Beginnings:
    """The packets whose payload begins like a PDU or an SMB message, and those of the endpoint mapper's port; in order."""
    captured = packets.captured_bytes
    candidates = np.flatnonzero(captured >= _SIGN_BYTES)
    first = data[packets.payload_start[candidates]]
    calls = _matching(data, packets, candidates[first == 5], _PDU_BYTES)  # noqa: PLR2004
    mapper = np.flatnonzero((captured > 0) & ((packets.src_port == _MAPPER_PORT) | (packets.dest_port == _MAPPER_PORT)))
    candidates = candidates[first == 0]
    messages = _matching(data, packets, candidates[captured[candidates] >= _SMB_BYTES], _SMB_SIGN)
    is_from_client = (
        _ASKING[data[packets.payload_start[calls] + 2]],
        packets.dest_port[mapper] == _MAPPER_PORT,
        _is_from_smb_client(data, packets, messages),
    )
    rows = np.concatenate((calls, mapper, messages))
    order = np.argsort(rows, kind="stable")
    return Beginnings(rows[order], order >= len(calls) + len(mapper), np.concatenate(is_from_client)[order])


def _matching(
    data: "NDArray[np.uint8]",
    packets: Packets,
    rows: "NDArray[np.intp]",
    places: "tuple[tuple[int, NDArray[np.bool_]], ...]",
) -> "NDArray[np.intp]":
    """Those rows whose payload has an allowed byte at every place."""
    for place, allowed in places:
        if not len(rows):
            break
        rows = rows[allowed[data[packets.payload_start[rows] + place]]]
    return rows


def _is_from_smb_client(data: "NDArray[np.uint8]", packets: Packets, rows: "NDArray[np.intp]") -> "NDArray[np.bool_]":
    """By the reply bit of SMB1's and SMB2's flags; of encrypted messages by the port."""
    start = packets.payload_start[rows]
    kind = data[start + 4]
    is_reply = np.where(
        kind == _SMB1,
        data[start + 13] >> 7,
        np.where(kind == _SMB2, data[start + 20] & 1, np.isin(packets.src_port[rows], _SMB_PORTS)),
    )
    return is_reply == 0


class EndTable:
    """Connections of interest by a hash of both ends, the same in both directions: a filter that may let others through."""

    __slots__ = ("_table", "marked")

    def __init__(self) -> None:
        self._table = np.zeros(1 << _TABLE_BITS, dtype=np.bool_)
        self.marked = 0
        """How many marks were made since it was clear."""

    def clear(self) -> None:
        """Let nothing through."""
        self._table[:] = False
        self.marked = 0

    def mark(self, keys: Collection[tuple[int, int]]) -> None:
        """Let these connections through too: both ends of each, either way round."""
        one = np.fromiter((one for one, _ in keys), np.uint64, len(keys))
        other = np.fromiter((other for _, other in keys), np.uint64, len(keys))
        self._table[_hash(one, other)] = True
        self.marked += len(keys)

    def choose(self, packets: Packets, src: "NDArray[np.uint64]", dest: "NDArray[np.uint64]") -> "NDArray[np.intp]":
        """The packets of marked connections that have payload, or begin or end a connection."""
        chosen = self._table[_hash(src, dest)]
        chosen &= (packets.payload_bytes > 0) | ((packets.flags & (SYN | FIN | RST)) != 0)
        return np.flatnonzero(chosen)


def _hash(one: "NDArray[np.uint64]", other: "NDArray[np.uint64]") -> "NDArray[np.uint64]":
    one, other = one * _MIX, other * _MIX
    return (((one ^ (one >> _FOLD)) + (other ^ (other >> _FOLD))) * _MIX) >> _DROP
