"""The first score: what the input itself shows, without a baseline. docs/score.md has the formula in words.

Every part but `technique` is a share of a fixed number of points, so that parts are comparable and the sum stays within 100. Shares are
shrunk (`n / (all + 1)`), so that an input with one client or one pair says little rather than everything. `technique` is a share of what
the others leave to 100: what was done and how unusual the pair is speak for themselves, and together for more.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from rpcsight.findings import Reason
from rpcsight.findings.words import Rows, deed

__all__ = ["SEVERITIES", "confidence", "reasons", "severity"]

FEW_CLIENTS = 30.0
PEER = 25.0
FAN_OUT = 20.0
RARE_FOR_CLIENT = 10.0
NEW = 10.0
ATTEMPTS = 5.0
FAN_OUT_FROM = 3
FAN_OUT_FULL = 10
HISTORY_FROM = 3
SEVERITIES = ((65.0, "high"), (50.0, "medium"), (30.0, "low"), (0.0, "info"))
CLOSE_GAP_S = 0.5

Story = Mapping[str, Any]


def reasons(story: Story, deeds: Rows = ()) -> tuple[Reason, ...]:
    """The parts of a pair's score, largest first; parts without points are left out.

    Args:
        story: one row of `steps/story.sql`.
        deeds: its rows of `steps/pair_detection.sql`, the weightiest first.
    """
    found = [Reason(name, round(points, 1), text) for name, points, text in _parts(story) if round(points, 1) > 0]
    if deeds:
        left = 100 - sum(each.points for each in found)
        share = deeds[0]["weight"] * deeds[0]["confidence"]
        found.append(Reason("technique", round(share * left, 1), deed(deeds[0])))
    return tuple(sorted(found, key=lambda each: (-each.points, each.name)))


def severity(score: float) -> str:
    """The word for a score."""
    return next(word for least, word in SEVERITIES if score >= least)


def confidence(story: Story) -> float:
    """How sure it is that this is RPC: by what packets show, what explains the endpoint connections, and how soon they came."""
    if not story["activities"]:
        return 0.4
    if story["by_decoded"]:
        return 1.0
    if story["unnamed"] == story["activities"]:
        return 0.3
    if not story["by_mapper"]:
        return 0.5
    if story["by_strict"] and story["least_gap_s"] <= CLOSE_GAP_S:
        return 0.9
    return 0.8 if story["least_gap_s"] <= CLOSE_GAP_S else 0.7


def _parts(story: Story) -> Iterator[tuple[str, float, str]]:
    if not (story["src_ip"] and story["dest_ip"]):
        return
    clients, everyone = story["clients"], story["all_clients"]
    share = clients / (everyone + 1)
    who = (
        "no other client in this input uses this server for RPC"
        if clients == 1
        else f"{clients} of {everyone} clients use this server for RPC"
    )
    yield "few_clients", FEW_CLIENTS * (1 - share), who
    busiest = story["server_calls_busiest"]
    if busiest > 2 * clients:
        yield (
            "peer",
            PEER * 2 / (clients + 1),
            f"the server looks like a workstation: it is itself a client of a server with {busiest} clients",
        )
    fan_out = story["fan_out"]
    if fan_out >= FAN_OUT_FROM:
        points = FAN_OUT * min(1.0, (fan_out - 1) / (FAN_OUT_FULL - 1)) * (1 - share)
        yield "fan_out", points, f"the client reached {fan_out} servers for the first time within 5 minutes"
    activities, total = story["activities"] + story["attempts"], story["client_activities"]
    if activities:
        yield (
            "rare_for_client",
            RARE_FOR_CLIENT * (1 - activities / (total + 1)),
            f"{activities} of the client's {total} RPC connections went there",
        )
    if story["span_s"] > 0 and total - activities >= HISTORY_FROM:
        late = story["since_client_s"] / story["span_s"]
        yield "new", NEW * late, f"first seen {_length(story['since_client_s'])} after the client's first RPC"
    if story["attempts"]:
        yield "attempts", ATTEMPTS, f"{_counted(story['attempts'])} after a mapper answer not answered"


def _counted(connections: int) -> str:
    return "1 connection" if connections == 1 else f"{connections} connections"


def _length(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"
