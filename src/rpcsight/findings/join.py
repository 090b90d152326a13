"""Stories that belong together are one finding: what a client began within an hour, hosts reached that go on, the same two on a day."""

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
"""A host, and which piece of time."""


def joined(stories: Iterable[Story], fan_out_us: int) -> list[list[Story]]:
    """Groups of stories, each with its most unusual first.

    Args:
        stories: rows of `steps/scored.sql`, the most unusual first.
        fan_out_us: how far apart what a client begins may be.
    """
    groups = _Groups(fan_out_us)
    days: dict[tuple[str, str, int], int] = {}
    for story in stories:
        own, reached = story["src_ip"], story["dest_ip"]
        place = days.get((own, reached, story["day"]))
        if place is None and story["is_new"] and own and reached:
            place = groups.first_that_takes(story)
        days[own, reached, story["day"]] = groups.add(story, place)
    return groups.stories


class _Groups:
    """Groups of stories, with those that another may belong to found by host and time instead of one after the other."""

    def __init__(self, fan_out_us: int) -> None:
        self.stories: list[list[Story]] = []
        self._fan_out_us = fan_out_us
        self._begun: dict[Slot, dict[int, tuple[int, int]]] = {}
        self._going_on: dict[Slot, dict[int, list[Story]]] = {}
        self._reached: dict[Slot, dict[int, list[Story]]] = {}
        self._clients: dict[str, dict[int, int]] = {}
        self._servers: dict[str, dict[int, int]] = {}

    def add(self, story: Story, place: int | None) -> int:
        """Put a story into a group, or into one of its own; which."""
        if place is None:
            place = len(self.stories)
            self.stories.append([])
        self.stories[place].append(story)
        own, reached, at = story["src_ip"], story["dest_ip"], story["first_us"]
        for index, host in ((self._clients, own), (self._servers, reached)):
            known = index.setdefault(host, {})
            known.setdefault(place, len(known))
        if story["is_new"]:
            begun = self._begun.setdefault((own, at // max(self._fan_out_us, 1)), {})
            first, last = begun.get(place, (at, at))
            begun[place] = (min(first, at), max(last, at))
            for index, host, points in (
                (self._going_on, reached, "went_on_points"),
                (self._reached, own, "reached_points"),
            ):
                if story[points] > 0:
                    index.setdefault((host, at // FAR_US), {}).setdefault(place, []).append(story)
        return place

    def first_that_takes(self, story: Story) -> int | None:
        """The first group that the story belongs to: of its client's, of its server's as a client, of those that reached its client."""
        own, reached = story["src_ip"], story["dest_ip"]
        lists = (self._clients.get(own, {}), self._clients.get(reached, {}), self._servers.get(own, {}))
        found = {*self._fan_outs(story), *self._chains(story)}
        ranks = [
            next(((number, known[place]) for number, known in enumerate(lists) if place in known), None)
            for place in found
        ]
        order = [(rank, place) for rank, place in zip(ranks, found, strict=True) if rank is not None]
        return min(order)[1] if order else None

    def _fan_outs(self, story: Story) -> Iterator[int]:
        at, far = story["first_us"], self._fan_out_us
        slot = at // max(far, 1)
        for near in (slot - 1, slot, slot + 1):
            for place, (first, last) in self._open(self._begun, (story["src_ip"], near)):
                if max(at - last, first - at) <= far:
                    yield place

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
