"""What a finding says in sentences."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

__all__ = ["Rows", "deed", "length", "summary", "weightiest"]

DEEDS_TOLD = 3
PAIRS_TOLD = 3
LEAST_TOLD = 1.0
EPOCH = datetime(1970, 1, 1)
LONGEST = 120
"""Characters of a name that somebody else chose."""

Rows = tuple[dict[str, Any], ...]


def summary(story: Mapping[str, Any], deeds: Rows, group: Sequence[Mapping[str, Any]] = ()) -> str:
    """What happened between a client and a server, and what belongs to it, in one sentence.

    Args:
        story: a row of `steps/scored.sql`, with that of `steps/story_detail.sql`.
        deeds: its rows of `steps/pair_detection.sql`, the weightiest first.
        group: the stories of the finding, that one first.
    """
    techniques: dict[str, dict[str, None]] = {}
    for each in deeds:
        techniques.setdefault(_what(each), {})[each["technique"]] = None
    told = [f"{what} ({', '.join(found)})" for what, found in techniques.items()]
    more = f", and {len(told) - DEEDS_TOLD} more" if len(told) > DEEDS_TOLD else ""
    done = f"{'; '.join(told[:DEEDS_TOLD])}{more}"
    beside = _beside(group)
    if story["activities"] or story["attempts"] or story["smb"]:
        return "; ".join(each for each in (_used(story), done, beside) if each)
    host = next((each["host"] for each in deeds if each.get("host")), None)
    client, server = story["src_ip"] or "somebody", story["dest_ip"] or host or "several hosts"
    return "; ".join(each for each in (f"{client} to {server}, {_when(story)}: {done}", beside) if each)


def weightiest(reasons: Iterable[tuple[float, str]], most: int | None = None, least: float = LEAST_TOLD) -> str:
    """The parts that move a score most, up or down, in one line.

    Args:
        reasons: points and text of each.
        most: how many are told; None: all.
        least: fewer points are not told.
    """
    telling = sorted((each for each in reasons if abs(each[0]) >= least), key=lambda each: -abs(each[0]))
    more = f"; and {len(telling) - most} more" if most is not None and len(telling) > most else ""
    return "; ".join(f"{text} ({points:+.0f})" for points, text in telling[:most]) + more


def _beside(group: Sequence[Mapping[str, Any]]) -> str:
    """The other pairs of a finding: what the client began, who else began with the server, and who reached it or was reached in turn."""
    lead, others = (group[0], group[1:]) if group else ({}, ())
    same = [each for each in others if each["src_ip"] == lead["src_ip"]]
    besides = {each["src_ip"] for each in others if each["dest_ip"] == lead["dest_ip"]} - {lead["src_ip"]}
    chain = sum(each["src_ip"] != lead["src_ip"] and each["dest_ip"] != lead["dest_ip"] for each in others)
    servers = list(dict.fromkeys(each["dest_ip"] for each in same if each["dest_ip"] != lead["dest_ip"]))
    told: list[str] = []
    if any(each["dest_ip"] == lead["dest_ip"] for each in same):
        told.append("and again with a break of hours")
    if servers:
        more = f" and {len(servers) - PAIRS_TOLD} more" if len(servers) > PAIRS_TOLD else ""
        told.append(f"that day also on {', '.join(servers[:PAIRS_TOLD])}{more}")
    if besides:
        told.append(
            f"{len(besides)} more {'client' if len(besides) == 1 else 'clients'} began to use {lead['dest_ip']} that day"
        )
    if chain:
        told.append(f"{chain} more {'step' if chain == 1 else 'steps'} from or to these hosts")
    return "; ".join(told)


def length(seconds: float) -> str:
    """A length of time in words."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"


def deed(row: Mapping[str, Any]) -> str:
    """What was done, in a few words: operation, service, how often, what came of it, technique."""
    return f"{_what(row)} ({row['technique']})"


def _what(row: Mapping[str, Any]) -> str:
    what = row["operation"] or row["analytic"]
    of = f" of {row['service']}" if row["service"] else ""
    times = f", {row['events']} times" if (row["events"] or 0) > 1 else ""
    target = f", {row['target'][:LONGEST]}" if row["target"] and row["target"] != row["service"] else ""
    started = f", which started {row['image_path'][:LONGEST]}" if row["image_path"] else ""
    return f"{what}{of}{times}{target}{started}"


def _when(story: Mapping[str, Any]) -> str:
    first, last = (EPOCH + timedelta(microseconds=story[each]) for each in ("first_us", "last_us"))
    if first.replace(microsecond=0) == last.replace(microsecond=0):
        return f"at {first:%Y-%m-%d %H:%M:%S} UTC"
    return f"from {first:%Y-%m-%d %H:%M:%S} to {last:%Y-%m-%d %H:%M:%S} UTC"


def _used(story: Mapping[str, Any]) -> str:
    when = _when(story)
    if not story["activities"] and story["smb"]:
        told = f"{story['src_ip']} connected to SMB of {story['dest_ip']} {_times(story['smb'])}, in whose pipes RPC may run, {when}"
        return f"{told}{_tried(story['attempts'])}"
    low, high = story["lowest_port"], story["highest_port"]
    ports = f"port {low}" if story["ports"] == 1 else f"{story['ports']} ports, {low} to {high}"
    if not story["activities"]:
        tries = "a connection was" if story["attempts"] == 1 else f"{story['attempts']} connections were"
        return f"{story['src_ip']} asked the endpoint mapper of {story['dest_ip']}, and {tries} not answered ({ports}), {when}"
    basis = "after asking its endpoint mapper" if story["by_mapper"] else "on a port known as an RPC endpoint"
    if story["by_decoded"] and not story["by_mapper"]:
        basis = "without asking its endpoint mapper"
    if story["unnamed"]:
        basis += f" (the mapper had not named the port of {story['unnamed']} of these: that may be no RPC)"
    more = _tried(story["attempts"]) + (f"; beside it, SMB {_times(story['smb'])}" if story["smb"] else "")
    return f"{story['src_ip']} used RPC on {story['dest_ip']} {_times(story['activities'])} ({ports}) {basis}, {when}{more}"


def _tried(attempts: int) -> str:
    more = "1 more connection was" if attempts == 1 else f"{attempts} more connections were"
    return f"; {more} not answered" if attempts else ""


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"
