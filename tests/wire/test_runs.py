"""Packets of a block, connection by connection, and the pieces they make."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rpcsight.wire.reassembly import ACK, FIN, SYN
from rpcsight.wire.runs import Runs
from rpcsight.wire.selection import ends
from tests.wire import slow_capture
from tests.wire.slow_capture import Packet

A, B = b"\n\0\0\1", b"\n\0\0\2"


def packet(seq: int, payload: bytes, port: int = 1, flags: int = ACK, up: bool = True, missing: int = 0) -> Packet:
    path = (A, B, port, 445) if up else (B, A, 445, port)
    return Packet(seq, *path, seq % 2**32, 0, flags, payload, len(payload) + missing)


def runs_of(packets: list[Packet], begun: tuple[int, ...] = ()) -> Runs:
    capture = slow_capture.columns(packets)
    columns = capture.packets
    octets = np.frombuffer(capture.block, np.uint8)
    return Runs(octets, columns, ends(columns), np.arange(len(packets)), np.array(begun, np.intp))


def pieces(runs: Runs) -> list[tuple[int, int]]:
    """The place and the number of packets of each."""
    return [piece[-2:] for piece in runs.pieces]


def test_the_middle_of_something_is_one_piece() -> None:
    packets = [packet(2**32 - 2, b"xx"), packet(2**32, b"y", missing=4), packet(2**32 + 5, b"z")]
    runs = runs_of(packets)
    (piece,) = list(runs.pieces)
    assert piece[2] == 2**32 - 2
    assert piece[6:] == (4, 4, False, 0, 3)
    unfolded = list(runs.unfold(0, 3))
    assert [(one[2], one[6], one[7], one[9], one[10]) for one in unfolded] == [
        (2**32 - 2, 2, 0, 0, 1),
        (0, 1, 4, 1, 1),
        (5, 1, 0, 2, 1),
    ]


def test_what_divides_pieces() -> None:
    for other in (
        packet(3, b"y"),  # a gap before
        packet(2, b"\5"),
        packet(2, b"y", up=False),
        packet(2, b"y", flags=ACK | FIN),
        packet(2, b"y", flags=SYN),
        packet(2, b"y", port=2),
    ):
        assert sorted(count for _, count in pieces(runs_of([packet(0, b"xx"), other]))) == [1, 1]
    assert pieces(runs_of([packet(0, b"xx"), packet(2, b"y")], begun=(1,))) == [(0, 1), (1, 1)]


def test_runs() -> None:
    opened, middle = packet(9, b"", flags=SYN), [packet(0, b"", missing=3), packet(7, b"x")]
    for packets, told in (
        ([opened, *middle], [(0, 3, 0, True, 2)]),
        (middle, [(0, 2, 1, False, 1)]),
        ([*middle, opened], [(0, 2, 1, False, 1), (2, 3, 2, True, 2)]),
        ([packet(0, b"", flags=FIN)], [(0, 1, 1, False, 0)]),
    ):
        runs = list(runs_of(packets))
        assert [run[2:] for run in runs] == told
        assert all(run[:2] == runs[0][:2] for run in runs)


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.booleans(), st.sampled_from([ACK, SYN, FIN]), st.binary(max_size=2)), min_size=1
    )
)
def test_no_packet_is_lost_and_none_changes_its_order(drawn: list[tuple[int, bool, int, bytes]]) -> None:
    packets = [packet(seq, data, port, flags, up) for seq, (port, up, flags, data) in enumerate(drawn)]
    runs = runs_of(packets)
    told = list(runs.pieces)
    times: list[int] = []
    for _, _, begin, end, _, _, last in runs:
        inside = [one for piece in told[begin:end] for one in runs.unfold(piece[-2], piece[-1])]
        assert [one[0] for one in inside] == sorted(one[0] for one in inside)
        assert packets[last].time_us == inside[-1][0]
        assert all(not one[4] & SYN for one in inside[1:])
        times += [one[0] for one in inside]
    assert sorted(times) == list(range(len(packets)))
