"""From IP packets to what they carry: IPv4 with options and fragments, IPv6 with extension headers.

Source: RFC 791 (IPv4), RFC 8200 (IPv6 and its extension headers), RFC 4302 (AH; its length counts words of 4 bytes).
"""

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rpcsight.wire.capture.addresses import Addresses
from rpcsight.wire.capture.frames import Frames, Octets, gathered
from rpcsight.wire.capture.link import IPV4, IPV6, Network

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["TCP", "UDP", "Carried", "carried"]

TCP, UDP = 6, 17
HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION = 0, 43, 44, 51, 60
EXTENSIONS = (HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION)
MOST_EXTENSIONS = 16
V4_BYTES, V6_BYTES = 20, 40
FRAGMENT_OFFSET = 0x1FFF
V4 = np.dtype(
    {
        "names": ["version", "total", "fragment", "protocol", "src", "dest"],
        "formats": ["u1", ">u2", ">u2", "u1", ">u4", ">u4"],
        "offsets": [0, 2, 6, 9, 12, 16],
        "itemsize": V4_BYTES,
    }
)
V6 = np.dtype(
    {
        "names": ["version", "payload", "next", "src_high", "src_low", "dest_high", "dest_low"],
        "formats": ["u1", ">u2", "u1", ">u8", ">u8", ">u8", ">u8"],
        "offsets": [0, 4, 6, 8, 16, 24, 32],
        "itemsize": V6_BYTES,
    }
)
EXTENSION = np.dtype(
    {"names": ["next", "size", "fragment"], "formats": ["u1", "u1", ">u2"], "offsets": [0, 1, 2], "itemsize": 4}
)

CUT_IP = "packets captured too short for an IP header"
BROKEN_IP = "packets with a broken IP header"
LATER_FRAGMENT = "later fragments of IP packets"
NEITHER = "IP packets that are neither TCP nor UDP"
TOO_MANY_ADDRESSES = "packets of IPv6 addresses beyond those that can be kept"


@dataclass(frozen=True, slots=True)
class Carried:
    """What IP packets carry, as columns of equal length.

    Args:
        frame: the frame's number in its block (int64).
        protocol: `TCP` or `UDP` (uint8).
        src_no, dest_no: addresses (uint64), as in `Packets`.
        start: where the carried protocol's header begins in the block (int64).
        end: where the IP packet ends by its own header, which may lie behind the captured bytes (int64).
        captured_end: where the captured bytes end (int64).
    """

    frame: "NDArray[np.int64]"
    protocol: "NDArray[np.uint8]"
    src_no: "NDArray[np.uint64]"
    dest_no: "NDArray[np.uint64]"
    start: "NDArray[np.int64]"
    end: "NDArray[np.int64]"
    captured_end: "NDArray[np.int64]"

    def where(self, choice: "NDArray[np.bool_] | NDArray[np.int64]") -> "Carried":
        """The rows that are chosen, in the order of the choice."""
        return Carried(
            self.frame[choice],
            self.protocol[choice],
            self.src_no[choice],
            self.dest_no[choice],
            self.start[choice],
            self.end[choice],
            self.captured_end[choice],
        )


def carried(frames: Frames, found: Network, addresses: Addresses, losses: Counter[str]) -> Carried:
    """What a block's IP packets carry, in their order; what is neither TCP nor UDP, or can't be read, is counted.

    Args:
        frames: the block.
        found: where IP begins.
        addresses: numbers IPv6 addresses.
        losses: counts.
    """
    is_v4 = found.kind == IPV4
    if is_v4.all():
        return _v4(frames, found.frame, found.start, losses)
    is_v6 = found.kind == IPV6
    four = _v4(frames, found.frame[is_v4], found.start[is_v4], losses)
    six = _v6(frames, found.frame[is_v6], found.start[is_v6], addresses, losses)
    both = Carried(
        np.concatenate((four.frame, six.frame)),
        np.concatenate((four.protocol, six.protocol)),
        np.concatenate((four.src_no, six.src_no)),
        np.concatenate((four.dest_no, six.dest_no)),
        np.concatenate((four.start, six.start)),
        np.concatenate((four.end, six.end)),
        np.concatenate((four.captured_end, six.captured_end)),
    )
    return both.where(np.argsort(both.frame, kind="stable"))


def _v4(frames: Frames, frame: "NDArray[np.int64]", start: "NDArray[np.int64]", losses: Counter[str]) -> Carried:
    captured_end = (frames.start + frames.captured)[frame]
    header = gathered(frames.data, V4, start)
    version = header["version"]
    size = (version & 15).astype(np.int64) * 4
    total = header["total"].astype(np.int64)
    protocol = header["protocol"]
    end = start + total
    offloaded = total == 0  # segmentation was left to the network card: only the frame tells
    if offloaded.any():
        end = np.where(offloaded, (frames.start + frames.original)[frame], end)
    is_whole = start + V4_BYTES <= captured_end
    is_sound = (version >> 4 == 4) & (size >= V4_BYTES) & (start + size <= end)  # noqa: PLR2004 - IP version 4
    is_later = (header["fragment"] & FRAGMENT_OFFSET) != 0
    is_wanted = (protocol == TCP) | (protocol == UDP)
    keep = is_whole & is_sound & ~is_later & is_wanted
    made = Carried(
        frame,
        protocol,
        header["src"].astype(np.uint64),
        header["dest"].astype(np.uint64),
        start + size,
        end,
        captured_end,
    )
    if keep.all():
        return made
    _count(losses, is_whole, is_sound, is_later, is_wanted)
    return made.where(keep)


def _v6(
    frames: Frames,
    frame: "NDArray[np.int64]",
    start: "NDArray[np.int64]",
    addresses: Addresses,
    losses: Counter[str],
) -> Carried:
    captured_end = (frames.start + frames.captured)[frame]
    header = gathered(frames.data, V6, start)
    payload = header["payload"].astype(np.int64)
    end = np.where(payload == 0, (frames.start + frames.original)[frame], start + V6_BYTES + payload)
    is_whole = start + V6_BYTES <= captured_end
    is_sound = header["version"] >> 4 == 6  # noqa: PLR2004 - IP version 6
    at, protocol, is_later = _past_extensions(frames.data, start + V6_BYTES, header["next"], captured_end)
    is_whole &= at <= captured_end
    is_sound &= ~is_whole | (at <= end)
    is_wanted = (protocol == TCP) | (protocol == UDP)
    _count(losses, is_whole, is_sound, is_later, is_wanted)
    keep = np.flatnonzero(is_whole & is_sound & ~is_later & is_wanted)
    src_no = addresses.numbers(header["src_high"][keep], header["src_low"][keep])
    dest_no = addresses.numbers(header["dest_high"][keep], header["dest_low"][keep])
    is_known = (src_no > 0) & (dest_no > 0)
    losses[TOO_MANY_ADDRESSES] += int(np.count_nonzero(~is_known))
    made = Carried(frame[keep], protocol[keep], src_no, dest_no, at[keep], end[keep], captured_end[keep])
    return made.where(is_known)


def _past_extensions(
    data: Octets, at: "NDArray[np.int64]", following: "NDArray[np.uint8]", captured_end: "NDArray[np.int64]"
) -> "tuple[NDArray[np.int64], NDArray[np.uint8], NDArray[np.bool_]]":
    """Where the carried header begins (behind `captured_end` if it was not captured), its protocol, whether it is a later fragment."""
    at, protocol = at.copy(), following.copy()
    is_later = np.zeros(len(at), np.bool_)
    for _ in range(MOST_EXTENSIONS):
        inside = np.flatnonzero(np.isin(protocol, EXTENSIONS) & (at <= captured_end) & ~is_later)
        if not len(inside):
            break
        kind = protocol[inside]
        extension = gathered(data, EXTENSION, at[inside])
        units = extension["size"].astype(np.int64)
        size = np.select([kind == FRAGMENT, kind == AUTHENTICATION], [8, 4 * (units + 2)], 8 * (units + 1))
        is_later[inside] = (kind == FRAGMENT) & (extension["fragment"] >> 3 > 0)
        protocol[inside] = extension["next"]
        at[inside] += size
    return at, protocol, is_later


def _count(
    losses: Counter[str],
    is_whole: "NDArray[np.bool_]",
    is_sound: "NDArray[np.bool_]",
    is_later: "NDArray[np.bool_]",
    is_wanted: "NDArray[np.bool_]",
) -> None:
    """Count each packet under the first reason that fits."""
    readable = is_whole & is_sound
    losses[CUT_IP] += int(np.count_nonzero(~is_whole))
    losses[BROKEN_IP] += int(np.count_nonzero(is_whole & ~is_sound))
    losses[LATER_FRAGMENT] += int(np.count_nonzero(readable & is_later))
    losses[NEITHER] += int(np.count_nonzero(readable & ~is_later & ~is_wanted))
