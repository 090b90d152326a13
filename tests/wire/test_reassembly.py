"""Segments in any order give the bytes that were sent; holes end in gaps; what is held is bounded."""

import sys
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpcsight.wire.reassembly import ACK, FIN, MAX_HELD_BYTES, MAX_HELD_SEGMENTS, RST, SEGMENT_BYTES, SYN, TcpStream


class Recorder:
    """A `Stream` that keeps what it is given: bytes of each direction, None for a gap."""

    def __init__(self) -> None:
        self.pieces: tuple[list[bytes | None], list[bytes | None]] = ([], [])
        self.times: list[int] = []
        self.closed = 0

    def feed(self, time_us: int, is_to_server: bool, data: bytes) -> None:
        assert data
        self.times.append(time_us)
        self.pieces[is_to_server].append(data)

    def gap(self, is_to_server: bool) -> None:
        self.pieces[is_to_server].append(None)

    def close(self) -> None:
        self.closed += 1

    def text(self, is_to_server: bool = True) -> bytes:
        return b"".join(piece if piece is not None else b"|" for piece in self.pieces[is_to_server])


def stream() -> tuple[Recorder, TcpStream]:
    recorder = Recorder()
    return recorder, TcpStream(recorder)


def send(
    tcp: TcpStream, seq: int, payload: bytes, missing: int = 0, up: bool = True, ack: int = 0, flags: int = 0
) -> None:
    tcp.packet(seq, up, seq % 2**32, ack % 2**32, flags, payload, missing)


@given(st.data())
def test_any_order_repetition_and_overlap(data: st.DataObject) -> None:
    sent = data.draw(st.binary(min_size=1, max_size=60))
    initial = data.draw(st.sampled_from([0, 5, 2**31 - 20, 2**32 - 30, 2**32 - 1]))
    cuts = sorted({0, len(sent), *data.draw(st.sets(st.integers(0, len(sent)), max_size=10))})
    segments = list(pairwise(cuts))
    more = st.tuples(st.integers(0, len(sent)), st.integers(0, len(sent))).map(sorted).map(tuple)
    segments = data.draw(st.permutations(segments + data.draw(st.lists(more, max_size=8))))
    recorder, tcp = stream()
    tcp.packet(0, True, initial, 0, SYN, b"", 0)
    for start, end in segments:
        send(tcp, initial + 1 + start, sent[start:end])
    assert recorder.text() == sent
    assert tcp.held_bytes == 0


@given(
    st.lists(
        st.tuples(
            st.booleans(),
            st.integers(0, 300),
            st.integers(0, 40),
            st.integers(0, 9),
            st.integers(0, 31),
            st.integers(0, 400),
        ),
        max_size=40,
    )
)
def test_anything_ends(packets: list[tuple[bool, int, int, int, int, int]]) -> None:
    recorder, tcp = stream()
    for up, seq, size, missing, flags, ack in packets:
        tcp.packet(0, up, (seq - 150) % 2**32, (ack - 150) % 2**32, flags, bytes(size), missing)
    tcp.finish()
    assert tcp.held_bytes == 0
    assert recorder.closed


def test_what_came_first_wins() -> None:
    recorder, tcp = stream()
    send(tcp, 0, b"ab")
    send(tcp, 1, b"XYc")
    send(tcp, 5, b"fg")
    send(tcp, 4, b"EFGh")
    assert recorder.text() == b"abYcEFGh"


def test_a_hole_that_was_acknowledged_is_a_gap() -> None:
    recorder, tcp = stream()
    send(tcp, 10, b"ab")
    send(tcp, 15, b"fg")
    send(tcp, 20, b"kl")
    send(tcp, 1, b"answer", up=False, ack=14, flags=ACK)
    assert recorder.text() == b"ab"
    send(tcp, 7, b"answer", up=False, ack=17, flags=ACK)
    assert recorder.text() == b"ab|fg"
    tcp.finish()
    assert recorder.text() == b"ab|fg|kl"
    assert recorder.text(False) == b"answeranswer"


def test_bytes_that_were_not_captured_are_a_gap() -> None:
    recorder, tcp = stream()
    send(tcp, 0, b"ab", missing=3)
    send(tcp, 2, b"cdef")
    send(tcp, 9, b"j")
    send(tcp, 6, b"", missing=3)
    assert recorder.text() == b"ab|f|j"


@pytest.mark.parametrize("size", [1, 1000, 30_000])
def test_what_is_held_is_bounded(size: int) -> None:
    recorder, tcp = stream()
    send(tcp, 0, b"a")
    for number in range(1, 600):
        send(tcp, number * (size + 1) + 1, bytes(size))
        assert tcp.held_bytes <= MAX_HELD_BYTES + MAX_HELD_SEGMENTS * SEGMENT_BYTES
    assert tcp.held_bytes > 200 * SEGMENT_BYTES or size > 1
    held = min(MAX_HELD_BYTES // size, MAX_HELD_SEGMENTS)
    assert recorder.pieces[True].count(None) == 599 - held


def test_times_are_those_of_the_segments() -> None:
    recorder, tcp = stream()
    for seq in (0, 2, 3, 1):
        send(tcp, seq, b"x")
    assert recorder.times == [0, 1, 2, 3]


def test_a_capture_that_begins_with_the_second_segment() -> None:
    recorder, tcp = stream()
    send(tcp, 104, b"efgh")
    send(tcp, 100, b"abcd")
    send(tcp, 108, b"ij")
    send(tcp, 96, b"late")
    assert recorder.text() == b"efgh|abcd|ij"


@pytest.mark.parametrize("first", [0, 2**31, 2**32 - 1])
def test_the_middle_at_any_number(first: int) -> None:
    recorder, tcp = stream()
    for seq, payload in ((first, b"ab"), (first + 5, b"fg"), (first + 2, b"cde")):
        send(tcp, seq, payload)
    assert recorder.text() == b"abcdefg"


def test_a_syn_with_data_and_a_late_syn() -> None:
    recorder, tcp = stream()
    send(tcp, 99, b"abc", flags=SYN)
    send(tcp, 103, b"d")
    assert recorder.text() == b"abcd"
    recorder, tcp = stream()
    send(tcp, 100, b"abc")
    assert not tcp.is_another(True, 99)
    send(tcp, 99, b"", flags=SYN)
    send(tcp, 103, b"d")
    assert recorder.text() == b"abcd"


def test_another_connection() -> None:
    _, tcp = stream()
    assert not tcp.is_another(True, 7)
    send(tcp, 2**32 - 1, b"", flags=SYN)
    assert not tcp.is_another(True, 2**32 - 1)
    assert tcp.is_another(True, 7)
    assert not tcp.is_another(False, 7)
    send(tcp, 500_000, b"x", up=False)
    assert tcp.is_another(False, 7)
    assert tcp.is_another(False, 600_000)
    assert not tcp.is_another(False, 499_000)


def test_the_end() -> None:
    recorder, tcp = stream()
    send(tcp, 0, b"a")
    send(tcp, 2, b"c", flags=FIN)
    assert (tcp.is_over, recorder.closed) == (False, 0)
    send(tcp, 9, b"", up=False, flags=FIN)
    assert (tcp.is_over, recorder.closed, recorder.text()) == (True, 1, b"a|c")
    recorder, tcp = stream()
    send(tcp, 0, b"a", flags=RST)
    assert (tcp.is_over, recorder.closed) == (True, 1)
    send(tcp, 1, b"b")  # a forged reset hides nothing
    assert (recorder.closed, recorder.text()) == (1, b"ab")


def work(segments: int) -> int:
    """How many functions are called for so many segments in the worst order, each with a hole before it."""
    _, tcp = stream()
    send(tcp, 0, b"a")
    count = 0

    def called(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(called)
    try:
        for number in range(segments, 0, -1):
            send(tcp, number * 2, b"x")
        tcp.finish()
    finally:
        sys.setprofile(None)
    return count


def test_twice_the_segments_are_twice_the_work() -> None:
    assert work(8000) < 2.2 * work(4000)
