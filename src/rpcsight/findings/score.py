"""A story's points as reasons in words, and what they come to; docs/score.md has the formulas, `steps/scored.sql` the numbers.

Ten points are ten times rarer in everyday life; parts may take points away; the score is their sum, without an upper bound.
"""

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from rpcsight.findings import Reason
from rpcsight.findings.words import Rows, deed, length
from rpcsight.settings import Part

__all__ = ["PARTS", "reasons", "severity"]

PARTS: tuple[str, ...] = get_args(Part)
"""Names of the parts; `[score] without` leaves some out."""
DAY_US = 86_400_000_000
HOUR_US = 3_600_000_000
SEVERITIES = ("info", "low", "medium", "high")
LOW, MEDIUM, HIGH = 10.0, 20.0, 30.0
"""Scores below which a finding is no more than info, low, medium, whatever it would mean."""
GRAVE, TELLING = 0.7, 0.4
"""Weight times confidence of what was done from which an attack of that kind would be grave, or telling."""
OFTEN, SELDOM = 1.5, 0.6
"""Times a day."""
RAREST = 0.01
"""No habit is rarer (steps/client_habit.sql)."""
UNKNOWN = "unknown"
MOST = 2 / 3
"""Share of beginnings."""
SEVERAL = 2
"""Other clients that began to use a server on a day from which a reason tells of them."""
MANY = 5
"""Pairs in one finding from which it is more than low."""

Story = Mapping[str, Any]


def reasons(story: Story, deeds: Rows = ()) -> tuple[Reason, ...]:
    """The parts of a story's score, those with most points first; parts without points are left out.

    Args:
        story: one row of `steps/scored.sql`.
        deeds: its rows of `steps/pair_detection.sql`, the weightiest first.
    """
    texts = dict(_texts(story, deeds))
    found = [Reason(name, story[f"{name}_points"], texts[name]) for name in PARTS if story[f"{name}_points"]]
    return tuple(sorted(found, key=lambda each: -each.points))


def severity(story: Story, deeds: Rows, pairs: int) -> str:
    """What it would mean if it is an attack: high, medium, low; no more than the score bears.

    Args:
        story: one row of `steps/scored.sql`.
        deeds: its rows of `steps/pair_detection.sql`.
        pairs: how many clients and servers the finding is about, without other clients of the same server.
    """
    grave = max((each["weight"] * each["confidence"] for each in deeds), default=0.0)
    at_most = sum(story["score"] >= least for least in (LOW, MEDIUM, HIGH))
    if grave >= GRAVE:
        return SEVERITIES[at_most]
    is_chain = story["reached_points"] > 0 or story["went_on_points"] > 0
    return SEVERITIES[min(at_most, 2 if grave >= TELLING or pairs >= MANY or is_chain else 1)]


def _texts(story: Story, deeds: Rows) -> Iterator[tuple[str, str]]:
    kind = "server" if story["is_server"] else "host that is no server"
    if story["meets"] is not None:
        yield "client", f"the client{_begins(story)} to use a new {kind} {_often(story['meets'])}"
        yield (
            "server",
            f"{_one_in(story['share'])} would lead to this {_known(story['server_role'])}{_others(story['others'])}; "
            f"usually it is {_usually(story['usual_tens'])}",
        )
        yield "seen", _seen(story)
    yield (
        "endpoint",
        "it used an endpoint that the server's other clients do not use (hosts that manage others aside)",
    )
    yield "reach", "the two are in networks between which workstations seldom meet"
    hour = story["first_us"] % DAY_US // HOUR_US
    yield "hour", f"from {hour:02d}:00 to {hour:02d}:59 UTC on such a day, hosts seldom begin to use new ones"
    yield "fan_out", f"the client began to use {story['fan_out']} hosts new to it within an hour before and after"
    if story["reached_us"] is not None:
        yield (
            "reached",
            f"{length((story['first_us'] - story['reached_us']) / 1e6)} before, the client had itself been reached by a host new to it",
        )
    if story["went_on_us"] is not None:
        yield (
            "went_on",
            f"{length((story['went_on_us'] - story['first_us']) / 1e6)} later, the server itself went on to a host new to it",
        )
    yield "technique", deed(deeds[0]) if deeds else "what was done serves a technique"
    yield "confidence", f"how sure it is that this is RPC: {story['confidence']}"


def _often(rate: float) -> str:
    """How often something happens that happens so many times a day."""
    if rate > SELDOM:
        return f"{max(1.0, rate):.0f} times a day" if rate >= OFTEN else "about once a day"
    return f"every {1 / rate:.0f} days" if rate > RAREST else f"at most every {1 / RAREST:.0f} days"


def _begins(story: Story) -> str:
    """What the client is, and whether its habit was seen or is only assumed."""
    role = story["client_role"]
    being = "" if role == UNKNOWN else f", {'an' if role[0] in 'aeiou' else 'a'} {role},"
    if story["client_days"]:
        return f"{being} begins"
    return f"{being.rstrip(',') or ','} of which no earlier day is known, is taken to begin"


def _known(role: str) -> str:
    return "host" if role == UNKNOWN else role


def _one_in(share: float) -> str:
    return f"one in {1 / share:,.0f} such beginnings" if share < MOST else "most such beginnings"


def _others(number: int) -> str:
    """Who else began to use the server on the story's day, where that tells something."""
    return f" ({number} others began to use it that day)" if number >= SEVERAL else ""


def _usually(tens: float) -> str:
    return f"one in {10**tens:,.0f}"


def _seen(story: Story) -> str:
    if story["seen_days"]:
        return f"seen on {_days(story['seen_days'])} before, of {story['client_days']} on which the client was active"
    return (
        f"seen on {_days(story['held_days'])} before, held back from the baseline: a finding about it was not dismissed"
    )


def _days(number: int) -> str:
    return "1 day" if number == 1 else f"{number} days"
