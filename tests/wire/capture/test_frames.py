"""The window on a stream, and structures gathered from it."""

import numpy as np
import pytest

from rpcsight.wire.capture.frames import PAD_BYTES, Tape, gathered


def seen(tape: Tape) -> tuple[bytes, int]:
    return bytes(tape.data[: tape.end + PAD_BYTES]), tape.end


def test_window_moves_on() -> None:
    tape = Tape([b"abc", b"", b"defg", b"h"], block_bytes=4)
    assert tape.more(0)
    assert seen(tape) == (b"abcdefg" + bytes(PAD_BYTES), 7)
    assert tape.more(5)
    assert seen(tape) == (b"fgh" + bytes(PAD_BYTES), 3)
    assert not tape.more(3)
    assert seen(tape) == (b"fgh" + bytes(PAD_BYTES), 3)


@pytest.mark.parametrize(("size", "is_there"), [(0, True), (3, True), (4, True), (5, False)])
def test_ready_reads_as_much_as_needed(size: int, is_there: bool) -> None:
    assert Tape([b"a", b"b", b"c", b"d"], block_bytes=1).ready(size) is is_there


def test_gathered_structures_may_overlap_and_lie_anywhere() -> None:
    data = bytes(range(10)) + bytes(PAD_BYTES)
    rows = gathered(data, np.dtype([("a", "u1"), ("b", ">u2")]), np.array([0, 1, 9, 1]))
    assert rows.tolist() == [(0, 0x0102), (1, 0x0203), (9, 0), (1, 0x0203)]


def test_gathering_nothing() -> None:
    assert gathered(bytes(PAD_BYTES), np.dtype((">u4", 4)), np.empty(0, np.int64)).shape == (0, 4)
