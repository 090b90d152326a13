"""From captured frames to where IP begins in them: Ethernet with VLAN tags, Linux cooked captures, loopback, raw IP.

Source: tcpdump.org's list of link-layer header types, and the pages LINKTYPE_LINUX_SLL and LINKTYPE_LINUX_SLL2 there; IEEE 802.1Q and
802.1ad for tags.
"""

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rpcsight.wire.capture.frames import Frames, Octets, gathered

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["IPV4", "IPV6", "Network", "network"]

IPV4, IPV6 = 0x0800, 0x86DD
TAGS = (0x8100, 0x88A8, 0x9100)
MOST_TAGS = 8
NULL, ETHERNET, RAW_BSD, RAW_OPENBSD, RAW, LOOP, COOKED, RAW_IPV4, RAW_IPV6, COOKED2 = (
    0, 1, 12, 14, 101, 108, 113, 228, 229, 276
)  # fmt: skip
TYPED = {ETHERNET: (12, 14), COOKED: (14, 16), COOKED2: (0, 20)}
"""Link type -> where the EtherType stands, and where what it names begins."""
RAW_LINKS = frozenset({RAW_BSD, RAW_OPENBSD, RAW, RAW_IPV4, RAW_IPV6})
READ = RAW_LINKS | TYPED.keys() | {NULL, LOOP}
FAMILIES = {2: IPV4, 24: IPV6, 28: IPV6, 30: IPV6}
"""Address families as loopback headers number them: AF_INET everywhere, AF_INET6 of the BSDs and macOS."""
TWO_BYTES = np.dtype(">u2")

UNKNOWN_LINK = "packets of a link type that is not read ({})"
MORE_LINKS = "packets of more link types that are not read"
MOST_NAMED = 16
NOT_IP = "packets that are not IP"
CUT_LINK = "packets captured too short for a link header"


@dataclass(frozen=True, slots=True)
class Network:
    """Where IP packets begin in a block, as columns of equal length, in the order of the frames.

    Args:
        frame: the frame's number in its block (int64).
        start: offset of the IP header (int64).
        kind: its EtherType, `IPV4` or `IPV6` (uint16); the packet's own version may differ.
    """

    frame: "NDArray[np.int64]"
    start: "NDArray[np.int64]"
    kind: "NDArray[np.uint16]"


def network(frames: Frames, losses: Counter[str]) -> Network:
    """The IP packets of a block's frames; the others are counted by reason.

    Args:
        frames: what was captured.
        losses: counts.
    """
    if not len(frames):
        return _joined([])
    first = int(frames.link[0])
    if (frames.link == first).all():
        return _joined([_of_link(frames, np.arange(len(frames)), first, losses)])
    links, counts = np.unique(frames.link, return_counts=True)
    parts: list[Network] = []
    for link, count in zip(links.tolist(), counts.tolist(), strict=True):
        if link in READ:
            parts.append(_of_link(frames, np.flatnonzero(frames.link == link), link, losses))
        else:  # without a search for the frames: a section may describe 65,536 of them
            _refuse(link, count, losses)
    return _joined(parts)


def _joined(parts: list[Network]) -> Network:
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return Network(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.uint16))
    frame = np.concatenate([part.frame for part in parts])
    order = np.argsort(frame, kind="stable")
    return Network(
        frame[order],
        np.concatenate([part.start for part in parts])[order],
        np.concatenate([part.kind for part in parts])[order],
    )


def _of_link(frames: Frames, frame: "NDArray[np.int64]", link: int, losses: Counter[str]) -> Network:
    """The IP packets among the frames of one link type."""
    start = frames.start[frame]
    if link in TYPED:
        type_at, next_at = TYPED[link]
        return _typed(frames, frame, start + type_at, start + next_at, losses)
    if link in {NULL, LOOP}:
        next_at, kind = start + 4, _family(frames.data, start)
    elif link in RAW_LINKS:
        version = np.frombuffer(frames.data, np.uint8)[start] >> 4
        next_at, kind = start, np.select([version == 4, version == 6], [IPV4, IPV6], 0).astype(np.uint16)  # noqa: PLR2004
    else:
        _refuse(link, len(frame), losses)
        return _joined([])
    return _checked(frames, frame, next_at, kind, losses)


def _refuse(link: int, count: int, losses: Counter[str]) -> None:
    """Count packets of a link type that is not read, by its number as long as there are few such types."""
    name = UNKNOWN_LINK.format(link)
    is_named = name in losses or sum(each.startswith(UNKNOWN_LINK.partition("(")[0]) for each in losses) < MOST_NAMED
    losses[name if is_named else MORE_LINKS] += count


def _family(data: Octets, start: "NDArray[np.int64]") -> "NDArray[np.uint16]":
    """The EtherType for the address family at `start`, which is in the byte order of the capturing host."""
    words = gathered(data, np.dtype("<u4"), start)
    kind = np.zeros(len(words), np.uint16)
    for family, name in FAMILIES.items():
        kind[(words == family) | (words == family << 24)] = name
    return kind


def _typed(
    frames: Frames,
    frame: "NDArray[np.int64]",
    type_at: "NDArray[np.int64]",
    next_at: "NDArray[np.int64]",
    losses: Counter[str],
) -> Network:
    """Behind a header with an EtherType, and tags behind that."""
    end = (frames.start + frames.captured)[frame]
    kind = gathered(frames.data, TWO_BYTES, np.minimum(type_at, end)).astype(np.uint16)
    for _ in range(MOST_TAGS):
        is_tagged = np.isin(kind, TAGS) if (kind != IPV4).any() else np.zeros(0, np.bool_)
        if not is_tagged.any():
            break
        type_at = np.where(is_tagged, next_at + 2, type_at)
        next_at = np.where(is_tagged, next_at + 4, next_at)
        tagged = gathered(frames.data, TWO_BYTES, np.minimum(type_at, end)).astype(np.uint16)
        kind = np.where(is_tagged, tagged, kind)
    return _checked(frames, frame, next_at, kind, losses)


def _checked(
    frames: Frames,
    frame: "NDArray[np.int64]",
    start: "NDArray[np.int64]",
    kind: "NDArray[np.uint16]",
    losses: Counter[str],
) -> Network:
    """Those whose header is whole and followed by IP."""
    is_whole = start <= (frames.start + frames.captured)[frame]
    is_ip = (kind == IPV4) | (kind == IPV6)
    keep = is_whole & is_ip
    if keep.all():
        return Network(frame, start, kind)
    losses[CUT_LINK] += int(np.count_nonzero(~is_whole))
    losses[NOT_IP] += int(np.count_nonzero(is_whole & ~is_ip))
    return Network(frame[keep], start[keep], kind[keep])
