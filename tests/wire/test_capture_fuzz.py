"""A little of what `tests/fuzz/captures.py` does at length."""

from tests.fuzz import captures


def test_what_is_found_in_a_short_time() -> None:
    for each in captures.seeds()[:6]:
        captures.check(each)
    assert captures.mutate(seconds=60, seed=7, most=60) == 60
