"""Which steps of attacks an alert is about: the same hosts at the same time."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from rpcsight.evaluation.alerts import Alert, Pair, Step

__all__ = ["SLACK_US", "Matcher"]

SLACK_US = 60_000_000
"""Clocks and the ends of records differ: an alert this far beside a step is still about it."""


class Matcher:
    """Finds the steps of alerts.

    Args:
        steps: of attacks; `matches` names them by their place.
    """

    def __init__(self, steps: Sequence[Step]) -> None:
        places: dict[tuple[str | None, str | None], list[int]] = {}
        for place, step in sorted(enumerate(steps), key=lambda each: each[1].start_us):
            for key in ((step.src_ip, step.dest_ip), (step.src_ip, None), (None, step.dest_ip)):
                places.setdefault(key, []).append(place)
        self._lines = {key: _Line(steps, own) for key, own in places.items()}

    def matches(self, alert: Alert) -> set[int]:
        """The steps that any pair of the alert is about; a pair that lacks a host matches by the other alone."""
        return {place for pair in alert.pairs or (alert.lead,) for place in self._of(pair)}

    def _of(self, pair: Pair) -> Iterable[int]:
        line = self._lines.get((pair.src_ip, pair.dest_ip))
        return line.within(pair.first_us - SLACK_US, pair.last_us + SLACK_US) if line else ()


class _Line:
    """Steps between the same hosts, by start; `latest` is the latest end so far, so that those long over are passed by."""

    def __init__(self, steps: Sequence[Step], places: list[int]) -> None:
        self._places = places
        self._starts = [steps[place].start_us for place in places]
        self._ends = [steps[place].end_us for place in places]
        self._latest = list(accumulate(self._ends, max))

    def within(self, first_us: int, last_us: int) -> Iterator[int]:
        low, high = bisect_left(self._latest, first_us), bisect_right(self._starts, last_us)
        return (self._places[at] for at in range(low, high) if self._ends[at] >= first_us)
