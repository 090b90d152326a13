"""Records of both directions of a connection as rows of `schema.RECORD`.

Sources: RFC 5103 (reverse elements, biflowDirection), RFC 7012's firewall elements (initiatorOctets, firewallEvent: Cisco's NSEL).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from rpcsight.wire.netflow.elements import STARTS
from rpcsight.wire.netflow.flowrows import Rows
from rpcsight.wire.netflow.flowtext import TCP_TEXT, chosen, either
from rpcsight.wire.netflow.flowtime import EARLIEST_US, LATEST_US, SET_ASIDE, moment
from rpcsight.wire.netflow.halves import flow_ids

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["RECORDS", "biflows"]

RECORDS = pa.schema(
    [
        ("flow_id", pa.string()),
        ("start_us", pa.int64()),
        ("end_us", pa.int64()),
        ("src_ip", pa.string()),
        ("src_port", pa.int32()),
        ("dest_ip", pa.string()),
        ("dest_port", pa.int32()),
        ("transport_protocol", pa.string()),
        ("is_established", pa.bool_()),
        ("is_oriented", pa.bool_()),
        ("observer", pa.string()),
        ("set_aside", pa.string()),
        ("out_bytes", pa.int64()),
        ("in_bytes", pa.int64()),
        ("out_packets", pa.int64()),
        ("in_packets", pa.int64()),
    ]
)
"""`schema.RECORD` without the source, with bytes and packets of both directions."""

FIN, SYN, PSH, ACK = 1, 2, 8, 16
INITIATOR, REVERSE_INITIATOR = 1, 2
DENIED = 3
CONTINUATION = len(SET_ASIDE)
REASONS = (*SET_ASIDE, "continuation of a connection that started before")
"""The last as in `steps/paired.sql`."""
RESPONSE_KEYS = frozenset(
    {"initiator_octets", "responder_octets", "initiator_packets", "responder_packets", "reverse_delay_ms"}
)
"""Columns of exporters whose records' source is the side that opened the connection."""


@dataclass(frozen=True, slots=True)
class Sides:
    """Who called whom: per record, whether that is known, and whether the record's source was the one called."""

    is_known: "NDArray[np.bool_]"
    is_reversed: "NDArray[np.bool_]"


def biflows(rows: Rows) -> pa.RecordBatch:
    """The rows as `RECORDS`, the side that opened the connection first where records tell it.

    Args:
        rows: TCP records with addresses and ports.
    """
    when = rows.times()
    forward = _flags(rows, "")
    back = _flags(rows, "reverse_")
    later_us = _later_us(rows, when.start_us)
    sides = _sides(rows, forward, back, later_us)
    start_us = np.where(when.reason == 0, when.start_us + np.minimum(later_us, 0), when.start_us)
    reason = when.reason.copy()
    both = forward | back
    reason[(reason == 0) & (both != 0) & (both & SYN == 0)] = CONTINUATION
    swap = sides.is_reversed
    ends = {name: (rows.addresses(name), rows.ports(f"{name}_port")) for name in ("src", "dest")}
    octets = _two_way(rows, "octets")
    packets = _two_way(rows, "packets")
    return pa.record_batch(
        [
            flow_ids(rows),
            pa.array(start_us),
            pa.array(when.end_us) if when.has_end else pa.nulls(len(rows), pa.int64()),
            either(swap, ends["dest"][0], ends["src"][0]),
            either(swap, ends["dest"][1], ends["src"][1]),
            either(swap, ends["src"][0], ends["dest"][0]),
            either(swap, ends["src"][1], ends["dest"][1]),
            pa.repeat(TCP_TEXT, len(rows)),
            _established(
                rows, np.where(sides.is_reversed, back, forward), np.where(sides.is_reversed, forward, back), sides
            ),
            pa.array(sides.is_known),
            rows.observers(),
            chosen(REASONS, reason),
            either(swap, octets[1], octets[0]),
            either(swap, octets[0], octets[1]),
            either(swap, packets[1], packets[0]),
            either(swap, packets[0], packets[1]),
        ],
        schema=RECORDS,
    )


def _sides(rows: Rows, forward: "NDArray[np.uint8]", back: "NDArray[np.uint8]", later_us: "NDArray[np.int64]") -> Sides:
    """Who called whom, by what the exporter says, else by the only side with SYN and no ACK, else by who was first."""
    calls = [(flags & (SYN | ACK)) == SYN for flags in (forward, back)]
    source, target = calls[0] & ~calls[1], calls[1] & ~calls[0]
    is_told = source | target
    source |= ~is_told & (later_us > 0)
    target |= ~is_told & (later_us < 0)
    if rows.keys & RESPONSE_KEYS:
        source, target = np.ones(len(rows), np.bool_), np.zeros(len(rows), np.bool_)
    direction = rows.column("biflow_direction")
    if direction is not None:
        source = (direction == INITIATOR) | source & (direction != REVERSE_INITIATOR)
        target = (direction == REVERSE_INITIATOR) | target & (direction != INITIATOR)
    return Sides(source | target, target)


def _established(rows: Rows, out: "NDArray[np.uint8]", back: "NDArray[np.uint8]", sides: Sides) -> pa.Array:
    """Whether the handshake was completed, as `steps/paired.sql` has it; where nobody knows the caller, both have to have acknowledged."""
    is_talk = np.zeros(len(rows), np.bool_)
    for flags in (out, back):
        is_talk |= (flags & ACK != 0) & (flags & (PSH | FIN) != 0)
    is_answered = (out & ACK != 0) & (sides.is_known | (back & ACK != 0))
    event = rows.column("firewall_event")
    is_denied = np.zeros(len(rows), np.bool_) if event is None else event == DENIED
    return pa.array((is_talk | is_answered) & ~is_denied, mask=(out | back == 0) & ~is_denied)


def _later_us(rows: Rows, start_us: "NDArray[np.int64]") -> "NDArray[np.int64]":
    """How much later than the forward direction the reverse one began; 0 where records do not say."""
    back_us = moment(STARTS, rows.column, *rows.moments(), prefix="reverse_")
    if back_us is None:
        return np.zeros(len(rows), np.int64)
    return np.where((back_us >= EARLIEST_US) & (back_us <= LATEST_US), back_us - start_us, 0)


def _flags(rows: Rows, prefix: str) -> "NDArray[np.uint8]":
    flags = rows.flags(prefix)
    return np.zeros(len(rows), np.uint8) if flags is None else flags


def _two_way(rows: Rows, unit: str) -> tuple[pa.Array, pa.Array]:
    """Octets or packets of the record's own direction and of the other."""
    return (
        rows.integers(unit, f"{unit}_total", f"initiator_{unit}"),
        rows.integers(f"reverse_{unit}", f"reverse_{unit}_total", f"responder_{unit}"),
    )
