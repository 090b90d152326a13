"""From the rows of `steps/story.sql` and `steps/evidence.sql` to findings, best first."""

import hashlib
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

from rpcsight.findings import Finding
from rpcsight.findings.score import confidence, reasons, severity
from rpcsight.findings.words import Rows, summary

__all__ = ["findings_of", "stable_id"]

TECHNIQUES = ("T1021",)
"""Remote Services: all that flows alone can say."""
ANALYSIS = "D3-RTA"
"""RPC Traffic Analysis: what finding RPC in flows is."""


def findings_of(
    stories: Iterable[Mapping[str, Any]],
    evidence: Iterable[Mapping[str, Any]],
    detections: Iterable[Mapping[str, Any]] = (),
    d3fend: Mapping[str, Iterable[str]] | None = None,
) -> list[Finding]:
    """One finding a client and server, best first (score, then hosts).

    Args:
        stories: rows of `steps/story.sql`.
        evidence: rows of `steps/evidence.sql`, in its order.
        detections: rows of `steps/pair_detection.sql`, in its order.
        d3fend: D3FEND ids by analytic.
    """
    activities, deeds = _by_pair(evidence), _by_pair(detections)
    pairs = ((story, (story["src_ip"], story["dest_ip"])) for story in stories)
    found = [_finding(story, activities.get(pair, ()), deeds.get(pair, ()), d3fend or {}) for story, pair in pairs]
    return sorted(found, key=lambda each: (-each.score, each.src_ip or "", each.dest_ip or ""))


def _by_pair(rows: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], Rows]:
    return {
        pair: tuple(dict(each) for each in group)
        for pair, group in groupby(rows, key=lambda row: (row["src_ip"], row["dest_ip"]))
    }


def stable_id(src_ip: str, dest_ip: str, service: str | None) -> str:
    """The id that the same client, server and service have in every run: 16 hexadecimal digits."""
    return hashlib.sha256("\0".join((src_ip, dest_ip, service or "")).encode()).hexdigest()[:16]


def _finding(story: Mapping[str, Any], evidence: Rows, deeds: Rows, d3fend: Mapping[str, Iterable[str]]) -> Finding:
    parts = reasons(story, deeds)
    score = round(sum(part.points for part in parts), 1)
    told = next((each for each in deeds if each["service"]), None)
    named = dict.fromkeys(each["technique"] for each in deeds)
    analyses = {ANALYSIS, *(one for each in deeds for one in d3fend.get(each["analytic"], ()))}
    return Finding(
        finding_id=stable_id(story["src_ip"], story["dest_ip"], None),
        src_ip=story["src_ip"] or None,
        dest_ip=story["dest_ip"] or None,
        service=told["service"] if told else story["service"],
        tier=told["tier"] if told else story["tier"],
        techniques=(*named, *(TECHNIQUES if story["activities"] or story["attempts"] or not named else ())),
        d3fend=tuple(sorted(analyses)),
        score=score,
        severity=severity(score),
        confidence=max([confidence(story), *(each["confidence"] for each in deeds)]),
        first_time=story["first_time"],
        last_time=story["last_time"],
        activities=story["activities"],
        attempts=story["attempts"],
        summary=summary(story, deeds),
        reasons=parts,
        evidence=evidence,
        detections=tuple(
            each | {"src_ip": each["src_ip"] or None, "dest_ip": each["dest_ip"] or None} for each in deeds
        ),
    )
