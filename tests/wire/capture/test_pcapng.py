"""pcapng: sections, interfaces and their clocks, kinds of packet blocks; files that are cut or lie."""

import struct
from collections import Counter

import pytest

from rpcsight.wire.capture import pcapng as module
from tests.wire.build import block, enhanced, interface, obsolete, option, pcapng, section
from tests.wire.capture.test_pcap import LOST, TIMED, read

S = 1_000_000
NONE: Counter[str] = Counter()


def times(content: bytes) -> list[int]:
    return [row[0] for row in read(content)[0]]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("size", [1, 50, 1 << 20])
def test_forms(order: str, size: int) -> None:
    rows, losses = read(pcapng(TIMED, 113, order), size, size)
    assert rows == [(time_us, frame, len(frame), 113) for time_us, frame in TIMED]
    assert losses == NONE


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("size", [4, 1 << 20])
def test_sections_of_either_byte_order_number_interfaces_anew(order: str, size: int) -> None:
    one = section(order) + interface(1, order=order) + interface(101, order=order) + enhanced(5, b"a", 1, order)
    other = "><"["<>".index(order)]
    two = section(other) + interface(12, order=other) + enhanced(6, b"b", 0, other) + enhanced(7, b"c", 1, other)
    rows, losses = read(one + two, size, size)
    assert rows == [(5, b"a", 1, 101), (6, b"b", 1, 12)]
    assert losses == {module.UNKNOWN_INTERFACE: 1}


@pytest.mark.parametrize("order", ["<", ">"])
def test_kinds_of_blocks(order: str) -> None:
    simple = block(3, struct.pack(f"{order}I", 4) + b"abcd", order)
    other = block(5, bytes(20), order) + block(0x80000001, b"private", order)
    content = section(order) + other + interface(1, order=order) + interface(12, order=order)
    content += obsolete(8, b"old", 1, order) + simple + other + enhanced(9, b"new", 0, order)
    rows, losses = read(content)
    assert rows == [(8, b"old", 3, 12), (9, b"new", 3, 1)]
    assert losses == {module.UNTIMED: 1}


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("resolution", "ticks", "time_us"),
    [
        (6, 5 * S + 7, 5 * S + 7),
        (0, 5, 5 * S),
        (3, 5007, 5 * S + 7000),
        (9, 5_000_007_999, 5 * S + 7),
        (19, 10**19, S),
        (0x80, 3, 3 * S),
        (0x80 | 10, 3 * 1024 + 512, 3 * S + 500_000),
        (0x80 | 20, (3 << 20) + 1, 3 * S),
        (0x80 | 63, (1 << 63) + (1 << 62), S + 500_000),
    ],
)
def test_clocks(order: str, resolution: int, ticks: int, time_us: int) -> None:
    options = option(2, b"eth0", order) + option(9, bytes([resolution]), order) + option(0, b"", order)
    content = section(order) + interface(1, options, order) + enhanced(ticks, b"a", order=order)
    assert times(content) == [time_us]


def test_times_are_offset_by_interface() -> None:
    later = option(14, struct.pack("<q", 100))
    earlier = option(9, b"\x09") + option(14, struct.pack("<q", -1))
    content = section() + interface(1, later) + interface(1, earlier) + interface()
    packets = [enhanced(2 * S, b"", 0), enhanced(2 * S * 1000, b"", 1), enhanced(2 * S, b"", 2)]
    assert times(content + b"".join(packets)) == [102 * S, S, 2 * S]


@pytest.mark.parametrize(
    "options", [option(9, bytes([20])), option(9, bytes([0xC0])), option(14, bytes([255] * 7 + [127]))]
)
def test_clock_that_is_not_understood(options: bytes) -> None:
    assert read(section() + interface(1, options) + enhanced(5, b"a")) == ([], {module.UNKNOWN_INTERFACE: 1})


@pytest.mark.parametrize("resolution", [0, 6, 0x80])
@pytest.mark.parametrize("offset_s", [0, 1 << 40])
def test_times_too_late_stay_dates(resolution: int, offset_s: int) -> None:
    options = option(9, bytes([resolution])) + option(14, struct.pack("<q", offset_s))
    rows, losses = read(section() + interface(1, options) + enhanced(2**64 - 1, b"a"))
    assert ([row[0] for row in rows], losses) == ([4_102_444_800 * S], {module.ABSURD_TIME: 1})


def test_times_before_1970_stay_dates() -> None:
    options = option(14, struct.pack("<q", -(1 << 40)))
    rows, losses = read(section() + interface(1, options) + enhanced(5, b"a"))
    assert ([row[0] for row in rows], losses) == ([-1], {module.ABSURD_TIME: 1})


@pytest.mark.parametrize("size", [1, 100, 1 << 20])
def test_cut_anywhere(size: int) -> None:
    content = pcapng(TIMED)
    ends = [28, 48]
    for _, frame in TIMED:
        ends.append(ends[-1] + 32 + (len(frame) + 3) // 4 * 4)
    for cut in range(4, len(content) + 1, 3):
        rows, losses = read(content[:cut], size, size)
        assert len(rows) == max(0, sum(end <= cut for end in ends) - 2)
        assert losses in ({} if cut in ends else {LOST: 1}, {module.BROKEN: 1} if cut < 12 else {})


@pytest.mark.parametrize("size", [1, 1 << 20])
@pytest.mark.parametrize(
    "broken",
    [
        struct.pack("<III", 6, 0, 0),
        struct.pack("<III", 6, 8, 0),
        struct.pack("<IIII", 6, 14, 0, 14),
        struct.pack("<II", 6, (1 << 24) + 4),
        struct.pack("<II", 6, 0xFFFFFFFC),
        struct.pack("<IIII", 6, 16, 0, 12),
    ],
    ids=["no length", "too short", "odd", "too long", "negative", "two lengths"],
)
def test_broken_block_ends_the_capture(broken: bytes, size: int) -> None:
    content = pcapng(TIMED) + broken + bytes(100) + pcapng(TIMED)
    rows, losses = read(content, size, size)
    assert (len(rows), losses) == (len(TIMED), {module.BROKEN: 1})


def test_section_of_no_byte_order() -> None:
    content = pcapng(TIMED) + b"\n\r\r\n" + bytes(30)
    rows, losses = read(content)
    assert (len(rows), losses) == (len(TIMED), {module.BROKEN: 1})


@pytest.mark.parametrize("captured", [5, 9, 0x7FFFFFFF, 0xFFFFFFFF])
def test_packet_longer_than_its_block(captured: int) -> None:
    content = section() + interface() + enhanced(1, b"abcd", captured=captured) + enhanced(2, b"b")
    assert read(content) == ([(2, b"b", 1, 1)], {module.TOO_LONG: 1})


def test_packet_block_without_room_for_its_header() -> None:
    content = section() + interface() + block(6, b"") + block(2, bytes(16)) + enhanced(2, b"b")
    assert read(content) == ([(2, b"b", 1, 1)], {module.TOO_LONG: 2})


def test_sections_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_SECTIONS", 3)
    rows, losses = read(pcapng(TIMED[:1]) * 5)
    assert (len(rows), losses) == (3, {module.TOO_MANY: 1})


def test_interfaces_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_INTERFACES", 2)
    content = section() + interface() * 3 + b"".join(enhanced(each, b"a", each) for each in range(3))
    assert read(content, 16, 16) == ([(0, b"a", 1, 1), (1, b"a", 1, 1)], {module.UNKNOWN_INTERFACE: 1})


def test_interface_with_broken_options() -> None:
    """What claims to be longer than the block ends the options."""
    content = section() + interface(1, struct.pack("<HH", 9, 60_000)) + enhanced(5, b"a")
    assert times(content) == [5]
