"""What belongs together, by looking at every story of every group that may take the next one."""

from collections.abc import Iterable, Mapping
from typing import Any

from rpcsight.findings.join import FAR_US, MOST

__all__ = ["joined"]

Story = Mapping[str, Any]


def joined(stories: Iterable[Story], fan_out_us: int) -> list[list[Story]]:
    """Groups of stories, each with its most unusual first.

    Args:
        stories: rows of `steps/scored.sql`, the most unusual first.
        fan_out_us: how far apart what a client begins may be.
    """
    groups: list[list[Story]] = []
    clients: dict[str, list[int]] = {}
    servers: dict[str, list[int]] = {}
    days: dict[tuple[str, str, int], int] = {}
    for story in stories:
        own, reached = story["src_ip"], story["dest_ip"]
        place = days.get((own, reached, story["day"]))
        if place is None and story["is_new"] and own and reached:
            near = [
                each
                for each in (*clients.get(own, ()), *clients.get(reached, ()), *servers.get(own, ()))
                if len(groups[each]) < MOST
            ]
            place = next(
                (each for each in near if any(_belong(story, other, fan_out_us) for other in groups[each])), None
            )
        if place is None:
            place = len(groups)
            groups.append([])
        groups[place].append(story)
        days[own, reached, story["day"]] = place
        for index, host in ((clients, own), (servers, reached)):
            if place not in index.setdefault(host, []):
                index[host].append(place)
    return groups


def _belong(one: Story, two: Story, fan_out_us: int) -> bool:
    if not two["is_new"]:
        return False
    if one["src_ip"] == two["src_ip"]:
        return abs(one["first_us"] - two["first_us"]) <= fan_out_us
    first, then = (one, two) if one["first_us"] <= two["first_us"] else (two, one)
    is_chain = first["dest_ip"] == then["src_ip"] and first["src_ip"] != then["dest_ip"]
    return (
        is_chain
        and first["went_on_points"] > 0
        and then["reached_points"] > 0
        and then["first_us"] - first["first_us"] <= FAR_US
    )
