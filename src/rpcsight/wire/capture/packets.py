"""From captured frames to TCP packets and UDP datagrams, as columns.

Source: RFC 9293 (TCP), RFC 768 (UDP).
"""

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from rpcsight.wire import Datagrams, Packets
from rpcsight.wire.capture.addresses import Addresses
from rpcsight.wire.capture.frames import Frames, gathered
from rpcsight.wire.capture.ip import TCP, UDP, Carried, carried
from rpcsight.wire.capture.link import network

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["decode"]

TCP_HEADER = np.dtype(
    {
        "names": ["src_port", "dest_port", "seq", "ack", "offset", "flags"],
        "formats": [">u2", ">u2", ">u4", ">u4", "u1", "u1"],
        "offsets": [0, 2, 4, 8, 12, 13],
        "itemsize": 20,
    }
)
UDP_HEADER = np.dtype([("src_port", ">u2"), ("dest_port", ">u2"), ("size", ">u2"), ("checksum", ">u2")])

MOST_PAYLOAD_BYTES = (1 << 31) - 1
"""Only a frame that lies about its length has more."""

CUT_TCP = "TCP packets captured too short for their header"
BROKEN_TCP = "TCP packets with a broken header"
CUT_UDP = "UDP datagrams captured too short for their header"
BROKEN_UDP = "UDP datagrams with a broken header"


def decode(frames: Frames, addresses: Addresses, losses: Counter[str]) -> tuple[Packets, Datagrams]:
    """The TCP packets and UDP datagrams of a block, each in the order of the capture.

    Args:
        frames: the block.
        addresses: numbers IPv6 addresses; one table for a whole capture.
        losses: what could not be read, or is neither, is counted here, by reason.
    """
    found = carried(frames, network(frames, losses), addresses, losses)
    is_tcp = found.protocol == TCP
    if is_tcp.all():
        return _tcp(frames, found, losses), _udp(frames, found.where(~is_tcp), losses)
    return _tcp(frames, found.where(is_tcp), losses), _udp(frames, found.where(found.protocol == UDP), losses)


def _tcp(frames: Frames, found: Carried, losses: Counter[str]) -> Packets:
    header = gathered(frames.data, TCP_HEADER, np.minimum(found.start, found.captured_end))
    size = (header["offset"] >> 4).astype(np.int64) * 4
    payload_start = found.start + size
    is_whole = found.start + TCP_HEADER.itemsize <= found.captured_end
    is_sound = (size >= TCP_HEADER.itemsize) & (payload_start <= found.end)
    keep = is_whole & is_sound
    if not keep.all():
        losses[CUT_TCP] += int(np.count_nonzero(~is_whole))
        losses[BROKEN_TCP] += int(np.count_nonzero(is_whole & ~is_sound))
        found, header, payload_start = found.where(keep), header[keep], payload_start[keep]
    return Packets(
        time_us=frames.time_us[found.frame],
        src_no=found.src_no,
        dest_no=found.dest_no,
        src_port=header["src_port"].astype(np.uint16),
        dest_port=header["dest_port"].astype(np.uint16),
        seq=header["seq"].astype(np.uint32),
        ack=header["ack"].astype(np.uint32),
        flags=header["flags"],
        payload_start=payload_start,
        payload_bytes=np.minimum(found.end - payload_start, MOST_PAYLOAD_BYTES).astype(np.int32),
        captured_bytes=_captured(found, payload_start),
    )


def _udp(frames: Frames, found: Carried, losses: Counter[str]) -> Datagrams:
    header = gathered(frames.data, UDP_HEADER, np.minimum(found.start, found.captured_end))
    payload_start = found.start + UDP_HEADER.itemsize
    is_whole = payload_start <= found.captured_end
    is_sound = payload_start <= found.end
    keep = is_whole & is_sound
    if not keep.all():
        losses[CUT_UDP] += int(np.count_nonzero(~is_whole))
        losses[BROKEN_UDP] += int(np.count_nonzero(is_whole & ~is_sound))
        found, header, payload_start = found.where(keep), header[keep], payload_start[keep]
    return Datagrams(
        time_us=frames.time_us[found.frame],
        src_no=found.src_no,
        src_port=header["src_port"].astype(np.uint16),
        dest_port=header["dest_port"].astype(np.uint16),
        payload_start=payload_start,
        payload_bytes=_captured(found, payload_start),
    )


def _captured(found: Carried, payload_start: "NDArray[np.int64]") -> "NDArray[np.int32]":
    """How much of the payload is in the block; padding behind the IP packet is none of it."""
    return np.maximum(np.minimum(found.end, found.captured_end) - payload_start, 0).astype(np.int32)
