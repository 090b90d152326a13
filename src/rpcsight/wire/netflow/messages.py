"""Headers and sets of v9 and IPFIX datagrams.

Sources: RFC 3954 section 5 (packet header, FlowSets), RFC 7011 section 3 (message header, sets).
"""

import struct
from typing import NamedTuple

from rpcsight.wire.netflow.exporters import Key
from rpcsight.wire.netflow.templates import IPFIX, LOWEST_TEMPLATE, V9

__all__ = ["TEMPLATE_SETS", "Message", "parsed"]

V9_HEADER = struct.Struct(">HHLLLL")
IPFIX_HEADER = struct.Struct(">HHLLL")
SET_HEADER = struct.Struct(">HH")
TEMPLATE_SETS = {V9: (0, 1), IPFIX: (2, 3)}
"""The numbers of sets that hold templates, and options templates; data sets have their template's."""


class Message(NamedTuple):
    """A v9 or IPFIX datagram.

    Args:
        key: whose it is.
        export_s: its time, seconds since 1970.
        uptime_ms: the exporter's uptime then (v9).
        sequence: its sequence number.
        sets: each set's number, and where its body begins and ends; empty where they do not fill the datagram.
    """

    key: Key
    export_s: int
    uptime_ms: int
    sequence: int
    sets: list[tuple[int, int, int]]


def parsed(view: memoryview, src_no: int, src_port: int) -> Message:
    """The header and the sets of a datagram.

    Args:
        view: at least 20 bytes, the second of them 9 or 10.
        src_no: the exporter's address.
        src_port: its port.
    """
    if view[1] == V9:
        _, count, uptime_ms, export_s, sequence, domain = V9_HEADER.unpack_from(view)
        sets = _sets(view, V9_HEADER.size, V9)
        is_sound = (
            count > 0
        )  # of all records by RFC 3954; softflowd counts flows only, and may have more sets than those
        key = Key(src_no, 0, V9, domain)
    else:
        _, length, export_s, sequence, domain = IPFIX_HEADER.unpack_from(view)
        uptime_ms = 0
        sets = _sets(view, IPFIX_HEADER.size, IPFIX)
        is_sound = length == len(view)
        key = Key(src_no, src_port, IPFIX, domain)
    return Message(key, export_s, uptime_ms, sequence, sets if is_sound else [])


def _sets(view: memoryview, at: int, version: int) -> list[tuple[int, int, int]]:
    """The sets; none where one has a reserved number, or they do not fill the datagram up to three bytes of padding."""
    sets: list[tuple[int, int, int]] = []
    while len(view) - at >= SET_HEADER.size:
        number, length = SET_HEADER.unpack_from(view, at)
        is_known = number >= LOWEST_TEMPLATE or number in TEMPLATE_SETS[version]
        if not is_known or length < SET_HEADER.size or at + length > len(view):
            return []
        sets.append((number, at + SET_HEADER.size, at + length))
        at += length
    return [] if any(view[at:]) else sets
