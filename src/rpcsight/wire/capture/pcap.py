"""The pcap format: a file header, then packets, each behind a header of its own.

Source: draft-ietf-opsawg-pcap (file header, packet record); the magic number 0xa1b2cd34 of "modified" pcap, whose packet headers are
8 bytes longer, from libpcap's documentation of savefiles and Wireshark's wiki.
"""

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from rpcsight.wire.capture.frames import CUT_OFF, MOST_CAPTURED_BYTES, Frames, Octets, Tape, gathered
from rpcsight.wire.capture.magic import PCAP, Layout

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["frames"]

FILE_HEADER_BYTES = 24
LINK_BITS = 0x03FF_FFFF
"""The rest of that field is about frame check sequences."""
HIGHEST_LINK = 0xFFFF

TOO_LONG = f"a packet claims more than {MOST_CAPTURED_BYTES} bytes: nothing behind it was read"


def frames(tape: Tape, losses: Counter[str]) -> Iterator[Frames]:
    """The frames of a capture that begins with one of `magic.PCAP`.

    Args:
        tape: the file from its first byte.
        losses: what could not be read is counted here, by reason.
    """
    if not tape.ready(FILE_HEADER_BYTES):
        losses["the capture ends in the middle of its header"] += 1
        return
    layout = PCAP[bytes(tape.data[:4])]
    link = int(np.frombuffer(tape.data, f"{layout.order}u4", 1, 20)[0]) & LINK_BITS
    at = FILE_HEADER_BYTES
    is_sound = True
    while is_sound:
        starts, headers, at, is_sound = _records(tape.data, at, tape.end, layout)
        if len(starts):
            yield Frames(
                data=tape.data,
                start=starts + layout.header_bytes,
                captured=headers[:, 2],
                original=headers[:, 3],
                time_us=headers[:, 0] * 1_000_000 + headers[:, 1] // layout.ticks,
                link=np.full(len(starts), min(link, HIGHEST_LINK), np.uint16),
            )
        if not is_sound:
            losses[TOO_LONG] += 1
        elif not tape.more(at):
            losses[CUT_OFF] += at < tape.end
            return
        at = 0


def _records(
    data: Octets, at: int, end: int, layout: Layout
) -> tuple["NDArray[np.int64]", "NDArray[np.int64]", int, bool]:
    """Where whole records begin, their headers, where the rest begins, and whether that can be a record at all."""
    head = layout.header_bytes
    captured = np.ndarray((len(data) - 3,), f"{layout.order}u4", data, 0, (1,)).item
    found: list[int] = []
    note = found.append
    place = at + 8
    last = end - head + 8
    while place <= last:  # the one loop over packets: each says only where the next one is
        note(place)
        place += captured(place) + head
    starts = np.fromiter(found, np.int64, len(found)) - 8
    headers = gathered(data, np.dtype((f"{layout.order}u4", 4)), starts).astype(np.int64)
    absurd = np.flatnonzero(headers[:, 2] > MOST_CAPTURED_BYTES)
    if len(absurd):
        count = int(absurd[0])
        return starts[:count], headers[:count], int(starts[count]), False
    if len(starts) and place - 8 > end:
        return starts[:-1], headers[:-1], int(starts[-1]), True
    return starts, headers, place - 8, True
