"""The pcapng format: blocks in sections; packets, and the interfaces they were captured on.

Source: draft-ietf-opsawg-pcapng (section header, interface description, enhanced, simple and obsolete packet blocks; options
if_tsresol and if_tsoffset).
"""

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from rpcsight.wire.capture.frames import CUT_OFF, Frames, Octets, Tape, gathered
from rpcsight.wire.capture.magic import PCAPNG

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["frames"]

SECTION, INTERFACE, OBSOLETE_PACKET, SIMPLE_PACKET, PACKET = 0x0A0D0D0A, 1, 2, 3, 6
BYTE_ORDERS = {bytes.fromhex("4d3c2b1a"): "<", bytes.fromhex("1a2b3c4d"): ">"}
END_OF_OPTIONS, IF_TSRESOL, IF_TSOFFSET = 0, 9, 14

ORDER_BYTES = 12
"""Of a section's header, up to its byte order."""
PACKET_BYTES = 28
"""Of a packet block, before the packet."""
LEAST_BYTES = 12
MOST_BLOCK_BYTES = 1 << 24
"""Wireshark's limit: the packet, its options, and room; everything up to that is held at once."""
MOST_SECTIONS = 10_000
"""Sections cost time that packets don't; files put together have some, no file has this many."""
MOST_INTERFACES = 65_536
"""Of a section: obsolete packet blocks number them with 16 bits."""
MOST_DECIMALS = 19
MOST_BITS = 63
MOST_OFFSET_S = 1 << 40
FARTHEST_US = 1 << 62
"""As far as a clock is followed before its offset is added."""
LATEST_US = 4_102_444_800_000_000
"""The end of 2099, behind which (as before 1970) rows are set aside; what is later stands there, so that it can be written as a date."""
WHOLE_BITS = 44
"""Microseconds of a fraction of so many bits still fit into 64."""

BROKEN = "a block that can't be one: nothing behind it was read"
ABSURD_TIME = "packets whose time is before 1970 or after 2099"
UNTIMED = "packets without a time (simple packet blocks)"
UNKNOWN_INTERFACE = "packets of an interface that is not described, or whose clock is not understood"
TOO_LONG = "packets longer than their block"
TOO_MANY = f"more than {MOST_SECTIONS} sections: nothing behind them was read"


class Interface(NamedTuple):
    """What a section says of an interface.

    Args:
        link: link type.
        base: 10 or 2: its clock ticks `base` ** `digits` times a second; 0 where it is not understood.
        digits: see `base`.
        offset_s: seconds to be added to its times.
    """

    link: int
    base: int
    digits: int
    offset_s: int


class Run(NamedTuple):
    """Whole blocks of one section.

    Args:
        starts, kinds, sizes: where they begin, what they are, how many bytes they have.
        next: where the next block begins.
        is_sound: whether there can be a block.
    """

    starts: "NDArray[np.int64]"
    kinds: "NDArray[np.uint32]"
    sizes: "NDArray[np.int64]"
    next: int
    is_sound: bool


def frames(tape: Tape, losses: Counter[str]) -> Iterator[Frames]:
    """The frames of a capture that begins with `magic.PCAPNG`.

    Args:
        tape: the file from its first byte.
        losses: what could not be read is counted here, by reason.
    """
    at = sections = 0
    order = "<"
    interfaces: list[Interface] = []
    while True:
        is_section = tape.data.startswith(PCAPNG, at) and tape.end - at >= ORDER_BYTES
        if is_section:
            order = BYTE_ORDERS.get(bytes(tape.data[at + 8 : at + ORDER_BYTES]), "")
            interfaces = []
        run = _blocks(tape.data, at, tape.end, order) if order else None
        if run is None or not run.is_sound:
            losses[BROKEN] += 1
        if run is not None and len(run.starts):
            interfaces += _described(tape.data, run, order, MOST_INTERFACES - len(interfaces))
            yield from _packets(tape.data, run, order, interfaces, losses)
            sections += is_section
        if run is None or not run.is_sound:
            return
        at = run.next
        if len(run.starts) and tape.data.startswith(PCAPNG, at) and tape.end - at >= ORDER_BYTES:
            if sections >= MOST_SECTIONS:
                losses[TOO_MANY] += 1
                return
        elif tape.more(at):
            at = 0
        else:
            losses[CUT_OFF] += at < tape.end
            return


def _blocks(data: Octets, at: int, end: int, order: str) -> Run:
    """The whole blocks from `at` on, up to the next section."""
    words = np.frombuffer(data, f"{order}u4", (end - at) // 4, at).astype(np.uint32, copy=False)
    word = words.data
    found: list[int] = []
    note = found.append
    place = 0
    last = len(word) - LEAST_BYTES // 4
    while place <= last:  # the one loop over blocks: each says only where the next one is
        if word[place] == SECTION and place:
            break
        note(place)
        step = word[place + 1] >> 2
        if not step:
            break
        place += step
    starts = np.fromiter(found, np.int64, len(found))
    sizes = words[starts + 1].astype(np.int64)
    is_sound = (sizes >= LEAST_BYTES) & (sizes % 4 == 0) & (sizes <= MOST_BLOCK_BYTES)
    ends = starts + sizes // 4
    is_whole = ends <= len(words)
    is_sound &= ~is_whole | (words[np.where(is_whole & is_sound, ends, 1) - 1] == sizes)
    if not is_sound.all():
        count = int(np.argmin(is_sound))
    elif len(starts) and not is_whole[-1]:
        count = len(starts) - 1
    else:
        return Run(at + 4 * starts, words[starts], sizes, at + 4 * place, is_sound=True)
    following = at + 4 * int(starts[count])
    return Run(at + 4 * starts[:count], words[starts[:count]], sizes[:count], following, bool(is_sound[count]))


def _described(data: Octets, run: Run, order: str, most: int) -> list[Interface]:
    """The interfaces that a run describes, in their order, which numbers them."""
    places = np.flatnonzero(run.kinds == INTERFACE)[: max(0, most)]
    return [
        _interface(data[start + 8 : start + size - 4], order)
        for start, size in zip(run.starts[places].tolist(), run.sizes[places].tolist(), strict=True)
    ]


def _interface(body: Octets, order: str) -> Interface:
    """One interface description block, without its type and lengths."""
    endian: Literal["little", "big"] = "little" if order == "<" else "big"
    base, digits, offset_s = 10, 6, 0
    at = 8
    while at + 4 <= len(body):
        code = int.from_bytes(body[at : at + 2], endian)
        size = int.from_bytes(body[at + 2 : at + 4], endian)
        value = body[at + 4 : at + 4 + size]
        at += 4 + (size + 3) // 4 * 4
        if code == END_OF_OPTIONS:
            break
        if code == IF_TSRESOL and len(value) == 1:
            base, digits = (2, value[0] & 0x7F) if value[0] & 0x80 else (10, value[0])
        elif code == IF_TSOFFSET and len(value) == 8:  # noqa: PLR2004 - of 64 bits
            offset_s = int.from_bytes(value, endian, signed=True)
    if digits > (MOST_BITS if base == 2 else MOST_DECIMALS) or abs(offset_s) > MOST_OFFSET_S:  # noqa: PLR2004
        base = 0
    link = int.from_bytes(body[:2], endian)
    return Interface(link, base, digits, offset_s)


def _packets(data: Octets, run: Run, order: str, interfaces: list[Interface], losses: Counter[str]) -> Iterator[Frames]:
    """The packets of a run, unless there are none."""
    losses[UNTIMED] += int(np.count_nonzero(run.kinds == SIMPLE_PACKET))
    is_packet = (run.kinds == PACKET) | (run.kinds == OBSOLETE_PACKET)
    is_short = is_packet & (run.sizes < PACKET_BYTES + 4)
    losses[TOO_LONG] += int(np.count_nonzero(is_short))
    is_packet &= ~is_short
    starts, sizes = run.starts[is_packet], run.sizes[is_packet]
    headers = gathered(data, np.dtype((f"{order}u4", 7)), starts).astype(np.uint64)
    # Obsolete blocks have 16 bits for the interface, and a count of drops behind it.
    of_old = headers[:, 2] & np.uint64(0xFFFF) if order == "<" else headers[:, 2] >> np.uint64(16)
    numbers = np.where(headers[:, 0] == OBSOLETE_PACKET, of_old, headers[:, 2]).astype(np.int64)
    captured = headers[:, 5].astype(np.int64)
    is_within = captured <= sizes - PACKET_BYTES - 4
    losses[TOO_LONG] += int(np.count_nonzero(~is_within))
    bases = np.array([each.base for each in interfaces] or [0], np.int64)
    is_known = bases[np.minimum(numbers, len(bases) - 1)] * (numbers < len(bases)) > 0
    losses[UNKNOWN_INTERFACE] += int(np.count_nonzero(is_within & ~is_known))
    keep = is_within & is_known
    if keep.any():
        numbers = numbers[keep]
        times = _times((headers[keep, 3] << np.uint64(32)) | headers[keep, 4], numbers, interfaces)
        losses[ABSURD_TIME] += int(np.count_nonzero((times < 0) | (times == LATEST_US)))
        yield Frames(
            data=data,
            start=starts[keep] + PACKET_BYTES,
            captured=captured[keep],
            original=headers[keep, 6].astype(np.int64),
            time_us=times,
            link=np.array([each.link for each in interfaces], np.uint16)[numbers],
        )


def _times(
    ticks: "NDArray[np.uint64]", numbers: "NDArray[np.int64]", interfaces: list[Interface]
) -> "NDArray[np.int64]":
    """Microseconds since 1970 of times as the interfaces' clocks write them, from -1 for all before to `LATEST_US`."""
    clocks = list(dict.fromkeys(each[1:] for each in interfaces))
    place = {clock: number for number, clock in enumerate(clocks)}
    clock_of = np.array([place[each[1:]] for each in interfaces], np.int64)[numbers]
    times = np.empty(len(ticks), np.int64)
    for number in np.unique(clock_of).tolist():
        mine = clock_of == number
        base, digits, offset_s = clocks[number]
        times[mine] = _microseconds(ticks[mine], base, digits) + offset_s * 1_000_000
    return np.clip(times, -1, LATEST_US)


def _microseconds(ticks: "NDArray[np.uint64]", base: int, digits: int) -> "NDArray[np.int64]":
    """Ticks of 1 / `base` ** `digits` seconds as microseconds, `FARTHEST_US` at most."""
    if base == 10:  # noqa: PLR2004 - decimal
        if digits >= 6:  # noqa: PLR2004 - of a microsecond
            found = ticks // np.uint64(10 ** (digits - 6))
        else:
            factor = 10 ** (6 - digits)
            found = np.minimum(ticks, np.uint64(FARTHEST_US // factor)) * np.uint64(factor)
    else:
        shift = max(0, digits - WHOLE_BITS)
        rest = (ticks & np.uint64((1 << digits) - 1)) >> np.uint64(shift)
        seconds = np.minimum(ticks >> np.uint64(digits), np.uint64(FARTHEST_US // 1_000_000))
        found = seconds * np.uint64(1_000_000) + (rest * np.uint64(1_000_000) >> np.uint64(digits - shift))
    return np.minimum(found, np.uint64(FARTHEST_US)).astype(np.int64)
