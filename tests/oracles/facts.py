"""What packets prove about activities (docs/rule.md, "From mapping to fact"), one plain loop an activity."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tests.oracles.flow import Row

Ends = tuple[str, int, str, int]


@dataclass(frozen=True)
class Met:
    """An activity: its ends and start, and what its record's log calls it."""

    ends: Ends
    start_us: int
    flow_id: str | None = None


@dataclass(frozen=True)
class Said:
    """A call, or (calls 0) a bind."""

    source: str
    ends: Ends
    time_us: int
    interface: str | None
    version: str | None
    calls: int
    transport_protocol: str = "tcp"
    is_callback: bool = False
    flow_id: str | None = None


@dataclass(frozen=True)
class Answer:
    """A server's answer to a client that names a port (None: a pipe) of a host ("": its own)."""

    client: str
    server: str
    time_us: int
    address: str
    port: int | None
    answer: str


def facts(activities: Sequence[Met], said: Sequence[Said], answers: Sequence[Answer]) -> list[Row]:
    """One row an activity, in the given order."""
    return [
        {
            "start_us": met.start_us,
            "ends": met.ends,
            **spoken(met, activities, said),
            "named_by": _named_by(met, answers),
        }
        for met in activities
    ]


def spoken(met: Met, activities: Sequence[Met], said: Sequence[Said]) -> Row:
    """What was said on it, and whether anything was."""
    own = [each for each in said if belongs(each, met, activities)]
    if not own:
        return {"is_decoded": False, "interface": None, "version": None, "calls": None}
    most: Counter[tuple[str | None, str | None]] = Counter()
    for seen in {(each.source, each.flow_id) for each in own}:
        here: Counter[tuple[str | None, str | None]] = Counter()
        for each in own:
            if (each.source, each.flow_id) == seen:
                here[each.interface, each.version] += each.calls
        for name, calls in here.items():
            most[name] = max(most[name], calls)
    best = min(most, key=lambda name: (name[0] is None, -most[name], name[0] or "", name[1] or ""))
    return {"is_decoded": True, "interface": best[0], "version": best[1], "calls": sum(most.values())}


def belongs(each: Said, met: Met, activities: Sequence[Met]) -> bool:
    """Whether it was said on that activity: the one that the log names, else the latest that began before."""
    if each.ends != met.ends or each.transport_protocol != "tcp" or each.is_callback:
        return False
    same = [other for other in activities if other.ends == met.ends]
    named = [other for other in same if each.calls and each.flow_id and other.flow_id == each.flow_id]
    if len(named) == 1:
        return named[0].start_us == met.start_us
    return met.start_us == max((other.start_us for other in same if other.start_us <= each.time_us), default=None)


def _named_by(met: Met, answers: Sequence[Answer]) -> str | None:
    client, _, server, port = met.ends
    earlier = [
        each
        for each in answers
        if each.port is not None
        and each.client == client
        and server in {each.server, each.address}
        and each.time_us <= met.start_us
    ]
    naming = [each for each in earlier if each.port == port]
    if naming:
        last_us = max(each.time_us for each in naming)
        return min(each.answer for each in naming if each.time_us == last_us)
    return "unnamed" if earlier else None
