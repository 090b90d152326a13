"""What belongs together, by looking at every story of every group that has room, the most unusual group first."""

from collections.abc import Iterable, Mapping
from typing import Any

from rpcsight.findings.join import FAR_US, MOST

__all__ = ["joined"]

Story = Mapping[str, Any]


def joined(stories: Iterable[Story]) -> list[list[Story]]:
    """Groups of stories, each with its most unusual first.

    Args:
        stories: rows of `steps/scored.sql`, the most unusual first.
    """
    groups: list[list[Story]] = []
    for story in stories:
        taking = [group for group in groups if any(_are_the_same(story, other) for other in group)]
        if not taking and story["is_new"] and story["src_ip"] and story["dest_ip"]:
            near = [group for group in groups if len(group) < MOST]
            taking = [
                group
                for rule in (_has_the_client, _has_the_server, _is_a_chain)
                for group in near
                if rule(group, story)
            ]
        if not taking:
            taking = [[]]
            groups += taking
        taking[0].append(story)
    return groups


def _are_the_same(one: Story, two: Story) -> bool:
    return all(one[name] == two[name] for name in ("src_ip", "dest_ip", "day"))


def _has_the_client(group: list[Story], story: Story) -> bool:
    return any(each["is_new"] and all(each[name] == story[name] for name in ("src_ip", "day")) for each in group)


def _has_the_server(group: list[Story], story: Story) -> bool:
    return group[0]["is_new"] and all(group[0][name] == story[name] for name in ("dest_ip", "day"))


def _is_a_chain(group: list[Story], story: Story) -> bool:
    return any(each["is_new"] and each["src_ip"] != story["src_ip"] and _go_on(story, each) for each in group)


def _go_on(one: Story, two: Story) -> bool:
    first, then = (one, two) if one["first_us"] <= two["first_us"] else (two, one)
    is_chain = first["dest_ip"] == then["src_ip"] and first["src_ip"] != then["dest_ip"]
    return (
        is_chain
        and first["went_on_points"] > 0
        and then["reached_points"] > 0
        and then["first_us"] - first["first_us"] <= FAR_US
    )
