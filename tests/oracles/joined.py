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
        same = [group for group in groups if any(_are_the_same(story, other) for other in group)]
        is_new = story["is_new"] and story["src_ip"] and story["dest_ip"]
        near = [group for group in groups if is_new and len(group) < MOST and _takes(group, story)]
        group = next(iter(same or near), None)
        if group is None:
            group = []
            groups.append(group)
        group.append(story)
    return groups


def _are_the_same(one: Story, two: Story) -> bool:
    return all(one[name] == two[name] for name in ("src_ip", "dest_ip", "day"))


def _takes(group: list[Story], story: Story) -> bool:
    lead = group[0]
    if lead["is_new"] and lead["dest_ip"] == story["dest_ip"] and lead["day"] == story["day"]:
        return True
    return any(_belong(story, other) for other in group if other["is_new"])


def _belong(one: Story, two: Story) -> bool:
    if one["src_ip"] == two["src_ip"]:
        return one["day"] == two["day"]
    first, then = (one, two) if one["first_us"] <= two["first_us"] else (two, one)
    is_chain = first["dest_ip"] == then["src_ip"] and first["src_ip"] != then["dest_ip"]
    return (
        is_chain
        and first["went_on_points"] > 0
        and then["reached_points"] > 0
        and then["first_us"] - first["first_us"] <= FAR_US
    )
