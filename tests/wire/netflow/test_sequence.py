"""Sequence numbers: gaps, late datagrams, new starts, and counting as softflowd does."""

import numpy as np
import pytest

from rpcsight.wire.netflow.sequence import Sequence

CASES: list[tuple[str, list[tuple[int, int]], tuple[int, int, int, int]]] = [
    ("in order", [(5, 3), (8, 2), (10, 1)], (0, 0, 0, 0)),
    ("over the wrap", [(2**32 - 2, 3), (1, 2), (3, 1)], (0, 0, 0, 0)),
    ("a gap", [(5, 3), (10, 2)], (2, 0, 0, 0)),
    ("a gap over the wrap", [(2**32 - 2, 1), (1, 1)], (2, 0, 0, 0)),
    ("late", [(5, 3), (10, 2), (8, 2), (12, 1)], (0, 1, 0, 0)),
    ("two of three come late", [(0, 1), (4, 1), (2, 1), (1, 1)], (1, 2, 0, 0)),
    ("twice", [(5, 3), (8, 2), (5, 3), (10, 1)], (0, 0, 1, 0)),
    ("twice the late one", [(5, 3), (10, 2), (8, 2), (8, 2)], (0, 1, 1, 0)),
    ("new start", [(50_000, 3), (0, 3), (3, 1)], (0, 0, 0, 1)),
    ("new start far ahead", [(0, 1), (1 << 25, 1), ((1 << 25) + 1, 1)], (0, 0, 0, 1)),
]


def counts(sequence: Sequence) -> tuple[int, int, int, int]:
    return sequence.missing, sequence.late, sequence.repeated, sequence.restarts


@pytest.mark.parametrize(("steps", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_sequence(steps: list[tuple[int, int]], expected: tuple[int, int, int, int]) -> None:
    one, all_ = Sequence(), Sequence()
    for number, size in steps:
        one.see(number, (size,))
    all_.see_all(np.array([number for number, _ in steps], np.uint32), np.array([size for _, size in steps]))
    assert (counts(one), counts(all_)) == (expected, expected)


def test_see_all_goes_on_where_the_last_left_off() -> None:
    sequence = Sequence()
    for numbers in ([5, 8, 11], [14, 17], [21, 24], [20]):
        sequence.see_all(np.array(numbers, np.uint32), np.array([3 if number != 20 else 1 for number in numbers]))
    assert counts(sequence) == (0, 1, 0, 0)


def test_counting_the_own_records_is_no_gap() -> None:
    sequence = Sequence()
    for number, size in ((20, 20), (43, 23), (60, 17)):
        sequence.see(number, (size + 1, size))
    assert counts(sequence) == (0, 0, 0, 0)


def test_after_what_cannot_be_counted_nothing_is_expected() -> None:
    sequence = Sequence()
    sequence.see(5, None)
    sequence.see(900, (1,))
    sequence.see(901, (1,))
    assert counts(sequence) == (0, 0, 0, 0)


def test_gaps_are_bounded() -> None:
    sequence = Sequence()
    for number in range(0, 4000, 2):
        sequence.see(number, (1,))
    sequence.see(1, (1,))
    assert counts(sequence) == (1999, 0, 0, 1)
