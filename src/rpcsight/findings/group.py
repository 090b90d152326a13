"""From scored stories to findings, best first."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from rpcsight.findings import Finding, Pair
from rpcsight.findings.advice import benign_if, next_steps
from rpcsight.findings.score import reasons, severity
from rpcsight.findings.words import Rows, summary

__all__ = ["findings_of", "stable_id"]

TECHNIQUES = ("T1021",)
"""Remote Services: all that flows alone can say."""
ANALYSIS = "D3-RTA"
"""RPC Traffic Analysis: what finding RPC in flows is."""
EPOCH = datetime(1970, 1, 1)

Story = Mapping[str, Any]
Key = tuple[str, str, int]


def findings_of(
    groups: Iterable[list[Story]],
    details: Iterable[Story] = (),
    evidence: Iterable[Story] = (),
    detections: Iterable[Story] = (),
    d3fend: Mapping[str, Iterable[str]] | None = None,
) -> list[Finding]:
    """One finding a group, in the order of the groups; ranks count within the day.

    Args:
        groups: of `join.joined`, the most unusual first.
        details: rows of `steps/story_detail.sql`.
        evidence: rows of `steps/evidence.sql`, in its order.
        detections: rows of `steps/pair_detection.sql`, in its order.
        d3fend: D3FEND ids by analytic.
    """
    known = {_key(each): each for each in details}
    activities, deeds = _by_story(evidence), _by_story(detections)
    ranks: dict[int, int] = {}
    found: list[Finding] = []
    for group in groups:
        day = group[0]["day"]
        ranks[day] = ranks.get(day, 0) + 1
        found.append(_finding(group, known, activities, deeds, d3fend or {}, ranks[day]))
    return found


def _key(row: Story) -> Key:
    return row["src_ip"], row["dest_ip"], row["story_no"]


def _by_story(rows: Iterable[Story]) -> dict[Key, Rows]:
    return {
        key: tuple({name: value for name, value in each.items() if name != "story_no"} for each in group)
        for key, group in groupby(rows, key=_key)
    }


def stable_id(src_ip: str, dest_ip: str, day: str) -> str:
    """The id that the same client, server and day have in every run: 16 hexadecimal digits."""
    return hashlib.sha256("\0".join((src_ip, dest_ip, day)).encode()).hexdigest()[:16]


def _finding(
    group: list[Story],
    details: Mapping[Key, Story],
    activities: Mapping[Key, Rows],
    deeds: Mapping[Key, Rows],
    d3fend: Mapping[str, Iterable[str]],
    rank: int,
) -> Finding:
    lead = group[0]
    story = {**lead, **details.get(_key(lead), {})}
    done = tuple(each for one in group for each in deeds.get(_key(one), ()))
    own = deeds.get(_key(lead), ())
    told = next((each for each in done if each["service"]), None)
    named = dict.fromkeys(
        each["technique"] for each in sorted(done, key=lambda each: -each["weight"] * each["confidence"])
    )
    analyses = {ANALYSIS, *(one for each in done for one in d3fend.get(each["analytic"], ()))}
    day = (EPOCH + timedelta(days=lead["day"])).date().isoformat()
    is_rpc = any(each["activities"] or each["attempts"] for each in group)
    return Finding(
        finding_id=stable_id(lead["src_ip"], lead["dest_ip"], day),
        day=day,
        rank=rank,
        src_ip=lead["src_ip"] or None,
        dest_ip=lead["dest_ip"] or None,
        client_role=lead["client_role"],
        server_role=lead["server_role"],
        service=told["service"] if told else story.get("service"),
        tier=told["tier"] if told else story.get("tier"),
        techniques=tuple(dict.fromkeys((*named, *(TECHNIQUES if is_rpc or not named else ())))),
        d3fend=tuple(sorted(analyses)),
        score=lead["score"],
        severity=severity(lead, done, len(group)),
        confidence=max([lead["confidence"], *(each["confidence"] for each in own)]),
        first_time=_time(min(each["first_us"] for each in group)),
        last_time=_time(max(each["last_us"] for each in group)),
        activities=sum(each["activities"] for each in group),
        attempts=sum(each["attempts"] for each in group),
        summary=summary(story, own, group),
        reasons=reasons(lead, own),
        pairs=tuple(
            Pair(
                each["src_ip"] or None,
                each["dest_ip"] or None,
                _time(each["first_us"]),
                _time(each["last_us"]),
                each["score"],
            )
            for each in group
        ),
        evidence=tuple(each for one in group for each in activities.get(_key(one), ())),
        detections=tuple(
            each | {"src_ip": each["src_ip"] or None, "dest_ip": each["dest_ip"] or None} for each in done
        ),
        next=tuple(next_steps(story, done)),
        benign_if=tuple(benign_if(story, done)),
    )


def _time(time_us: int) -> datetime:
    return EPOCH + timedelta(microseconds=time_us)
