"""A little of what `tests/fuzz/smb.py` does at length."""

import random

from tests.fuzz.smb import drive, made, mutated


def test_mutated_streams_do_no_harm() -> None:
    dice, corpus = random.Random(7), made()
    for _ in range(150):
        drive(mutated(dice, corpus))
