"""Stories that belong together are one finding: what a client begins on a day, who else begins with its server then, hosts that go on."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

__all__ = ["joined"]

FAR_US = 86_400_000_000
"""Hosts that go on later than this are a finding of their own, though the score knows."""
MOST = 200
"""Pairs of one finding; further ones begin another."""

Story = Mapping[str, Any]
Kept = TypeVar("Kept")
Slot = tuple[str, int]
"""A host, and which day."""


def joined(stories: Iterable[Story]) -> list[list[Story]]:
    """Groups of stories, each with its most unusual first.

    Args:
        stories: rows of `steps/scored.sql`, the most unusual first.
    """
    groups = _Groups()
    days: dict[tuple[str, str, int], int] = {}
    for story in stories:
        own, reached = story["src_ip"], story["dest_ip"]
        place = days.get((own, reached, story["day"]))
        if place is None and story["is_new"] and own and reached:
            place = groups.first_that_takes(story)
        days[own, reached, story["day"]] = groups.add(story, place)
    return groups.stories


class _Groups:
    """Groups of stories, with those that another may belong to found by host and day instead of one after the other."""

    def __init__(self) -> None:
        self.stories: list[list[Story]] = []
        self._begun: dict[Slot, dict[int, None]] = {}
        self._led: dict[Slot, dict[int, None]] = {}
        self._going_on: dict[Slot, dict[int, list[Story]]] = {}
        self._reached: dict[Slot, dict[int, list[Story]]] = {}

    def add(self, story: Story, place: int | None) -> int:
        """Put a story into a group, or into one of its own; which."""
        is_lead = place is None
        if place is None:
            place = len(self.stories)
            self.stories.append([])
        self.stories[place].append(story)
        if story["is_new"]:
            own, reached, day = story["src_ip"], story["dest_ip"], story["day"]
            self._begun.setdefault((own, day), {})[place] = None
            if is_lead:
                self._led.setdefault((reached, day), {})[place] = None
            for index, host, points in (
                (self._going_on, reached, "went_on_points"),
                (self._reached, own, "reached_points"),
            ):
                if story[points] > 0:
                    index.setdefault((host, story["first_us"] // FAR_US), {}).setdefault(place, []).append(story)
        return place

    def first_that_takes(self, story: Story) -> int | None:
        """The first group that a new story belongs to: of its client's, else of its server's, else of those it is a chain with."""
        own, reached, day = story["src_ip"], story["dest_ip"], story["day"]
        for index, host in ((self._begun, own), (self._led, reached)):
            if held := self._open(index, (host, day)):
                return min(held)[0]
        return min(self._chains(story), default=None)

    def _chains(self, story: Story) -> Iterator[int]:
        at, slot = story["first_us"], story["first_us"] // FAR_US
        ends = (story["src_ip"], story["dest_ip"])
        if story["reached_points"] > 0:
            for near in (slot - 1, slot):
                for place, others in self._open(self._going_on, (story["src_ip"], near)):
                    if any(0 < at - two["first_us"] <= FAR_US and two["src_ip"] not in ends for two in others):
                        yield place
        if story["went_on_points"] > 0 and story["src_ip"] != story["dest_ip"]:
            for near in (slot, slot + 1):
                for place, others in self._open(self._reached, (story["dest_ip"], near)):
                    if any(0 <= two["first_us"] - at <= FAR_US and two["dest_ip"] != story["src_ip"] for two in others):
                        yield place

    def _open(self, index: dict[Slot, dict[int, Kept]], slot: Slot) -> list[tuple[int, Kept]]:
        """What a slot holds of groups that have room; what is full goes from it."""
        held = index.get(slot, {})
        for place in [place for place in held if len(self.stories[place]) >= MOST]:
            del held[place]
        return list(held.items())
