"""pcap: byte orders, clocks, sizes of headers; files that are cut or lie."""

import struct
from collections import Counter

import pytest

from rpcsight.wire.capture.files import frames
from rpcsight.wire.capture.pcap import TOO_LONG
from tests.wire.build import Timed, pcap

TIMED: list[Timed] = [(1_700_000_000_123_456, b"first"), (1_700_000_001_000_001, b"x" * 200), (0, b""), (5, b"last")]
LOST = "the capture ends in the middle of a packet"


def read(
    content: bytes, piece: int = 1 << 20, size: int = 1 << 20
) -> tuple[list[tuple[int, bytes, int, int]], Counter[str]]:
    """Time, bytes, original length and link of every frame, and what was lost."""
    losses: Counter[str] = Counter()
    pieces = (content[at : at + piece] for at in range(0, len(content), piece))
    rows: list[tuple[int, bytes, int, int]] = []
    for found in frames(pieces, losses, size):
        columns = (found.time_us, found.start, found.captured, found.original, found.link)
        for time_us, start, captured, original, link in zip(*(column.tolist() for column in columns), strict=True):
            rows.append((time_us, found.data[start : start + captured], original, link))
    return rows, +losses


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("magic", [0xA1B2C3D4, 0xA1B23C4D, 0xA1B2CD34], ids=["µs", "ns", "modified"])
@pytest.mark.parametrize("size", [1, 50, 1 << 20])
def test_forms(order: str, magic: int, size: int) -> None:
    rows, losses = read(pcap(TIMED, 113, order, magic), size, size)
    assert rows == [(time_us, frame, len(frame), 113) for time_us, frame in TIMED]
    assert not losses


def test_cut_by_the_snap_length() -> None:
    rows, losses = read(pcap(TIMED, snap=100))
    assert rows == [(time_us, frame[:100], len(frame), 1) for time_us, frame in TIMED]
    assert not losses


def test_bits_beside_the_link_type() -> None:
    content = bytearray(pcap(TIMED, 1))
    content[23] = 0x50  # a frame check sequence of 4 bytes
    assert {link for _, _, _, link in read(bytes(content))[0]} == {1}


@pytest.mark.parametrize("size", [1, 100, 1 << 20])
def test_cut_anywhere(size: int) -> None:
    """What came before is used; a whole number of packets is no loss, a header alone neither."""
    content = pcap(TIMED)
    ends = [24]
    for _, frame in TIMED:
        ends.append(ends[-1] + 16 + len(frame))
    for cut in range(24, len(content) + 1):
        rows, losses = read(content[:cut], size, size)
        whole = sum(end <= cut for end in ends) - 1
        assert rows == [(time_us, frame, len(frame), 1) for time_us, frame in TIMED[:whole]]
        assert losses == ({} if cut in ends else {LOST: 1})


def test_cut_in_the_header() -> None:
    assert read(pcap([])[:20]) == ([], {"the capture ends in the middle of its header": 1})


@pytest.mark.parametrize("length", [262_145, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
@pytest.mark.parametrize("size", [1, 1 << 20])
def test_absurd_length_ends_the_capture(length: int, size: int) -> None:
    """Also where so many bytes follow: they can't be a packet."""
    absurd = struct.pack("<4I", 1, 2, length, length) + bytes(300_000 if size > 1 else 0) + pcap(TIMED)[24:]
    rows, losses = read(pcap(TIMED) + absurd, size, size)
    assert (len(rows), losses) == (len(TIMED), {TOO_LONG: 1})


def test_longest_length_is_read() -> None:
    frame = bytes(262_144)
    rows, losses = read(pcap([(1, frame), (2, b"a")], snap=262_144), 1 << 14, 1 << 14)
    assert ([len(row[1]) for row in rows], losses) == ([262_144, 1], {})
