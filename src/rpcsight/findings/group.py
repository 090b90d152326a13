"""From the rows of `steps/story.sql` and `steps/evidence.sql` to findings, best first."""

import hashlib
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

from rpcsight.findings import Finding
from rpcsight.findings.score import confidence, reasons, severity

__all__ = ["findings_of", "stable_id"]

TECHNIQUES = ("T1021",)
"""Remote Services: all that flows alone can say; decoded services will name more."""


def findings_of(stories: Iterable[Mapping[str, Any]], evidence: Iterable[Mapping[str, Any]]) -> list[Finding]:
    """One finding a client and server, best first (score, then ids).

    Args:
        stories: rows of `steps/story.sql`.
        evidence: rows of `steps/evidence.sql`, in its order.
    """
    rows = {
        pair: tuple(dict(each) for each in group)
        for pair, group in groupby(evidence, key=lambda row: (row["src_ip"], row["dest_ip"]))
    }
    found = [_finding(story, rows.get((story["src_ip"], story["dest_ip"]), ())) for story in stories]
    return sorted(found, key=lambda each: (-each.score, each.src_ip, each.dest_ip))


def stable_id(src_ip: str, dest_ip: str, service: str | None) -> str:
    """The id that the same client, server and service have in every run: 16 hexadecimal digits."""
    return hashlib.sha256("\0".join((src_ip, dest_ip, service or "")).encode()).hexdigest()[:16]


def _finding(story: Mapping[str, Any], evidence: tuple[dict[str, Any], ...]) -> Finding:
    parts = reasons(story)
    score = round(sum(part.points for part in parts), 1)
    return Finding(
        finding_id=stable_id(story["src_ip"], story["dest_ip"], None),
        src_ip=story["src_ip"],
        dest_ip=story["dest_ip"],
        service=None,
        techniques=TECHNIQUES,
        score=score,
        severity=severity(score),
        confidence=confidence(story),
        first_time=story["first_time"],
        last_time=story["last_time"],
        activities=story["activities"],
        attempts=story["attempts"],
        summary=_summary(story),
        reasons=parts,
        evidence=evidence,
    )


def _summary(story: Mapping[str, Any]) -> str:
    times = "once" if story["activities"] == 1 else f"{story['activities']} times"
    low, high = story["lowest_port"], story["highest_port"]
    ports = f"port {low}" if story["ports"] == 1 else f"{story['ports']} ports, {low} to {high}"
    first, last = story["first_time"], story["last_time"]
    when = (
        f"at {first:%Y-%m-%d %H:%M:%S} UTC"
        if first == last
        else f"from {first:%Y-%m-%d %H:%M:%S} to {last:%Y-%m-%d %H:%M:%S} UTC"
    )
    if not story["activities"]:
        tries = "a connection was" if story["attempts"] == 1 else f"{story['attempts']} connections were"
        return f"{story['src_ip']} asked the endpoint mapper of {story['dest_ip']}, and {tries} not answered ({ports}), {when}"
    basis = "after asking its endpoint mapper" if story["by_mapper"] else "on a port known as an RPC endpoint"
    if story["by_decoded"] and not story["by_mapper"]:
        basis = "without asking its endpoint mapper"
    if story["unnamed"]:
        basis += f"; of {story['unnamed']} of these the mapper had not named the port: that may be no RPC"
    attempts = story["attempts"]
    more = "1 more connection was" if attempts == 1 else f"{attempts} more connections were"
    tried = f"; {more} not answered" if attempts else ""
    return f"{story['src_ip']} used RPC on {story['dest_ip']} {times} ({ports}) {basis}, {when}{tried}"
