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

TECHNIQUES, SHARES = ("T1021",), ("T1021.002",)
"""Remote Services: all that flows alone can say of RPC; and of SMB alone."""
ANALYSIS = "D3-RTA"
"""RPC Traffic Analysis: what finding RPC in flows is."""
EPOCH = datetime(1970, 1, 1)

Story = Mapping[str, Any]
Key = tuple[str, str, int]
Hosts = Mapping[tuple[str, int], tuple[str, str]]
SIDES = ("src_ip", "dest_ip")
LONGEST = 64
"""Characters of a name that the host itself chose."""


def findings_of(
    groups: Iterable[list[Story]],
    details: Iterable[Story] = (),
    evidence: Iterable[Story] = (),
    detections: Iterable[Story] = (),
    d3fend: Mapping[str, Iterable[str]] | None = None,
    hosts: Hosts | None = None,
) -> list[Finding]:
    """One finding a group, in the order of the groups; ranks count within the day.

    Args:
        groups: of `join.joined`, the most unusual first.
        details: rows of `steps/story_detail.sql`.
        evidence: rows of `steps/evidence.sql`, in its order.
        detections: rows of `steps/pair_detection.sql`, in its order.
        d3fend: D3FEND ids by analytic.
        hosts: of hosts that leases tell, their address and name at a time: then clients and servers of the rows are such hosts.
    """
    known = {_key(each): each for each in details}
    activities, deeds = _by_story(evidence), _by_story(detections)
    ranks: dict[int, int] = {}
    found: list[Finding] = []
    for group in groups:
        day = group[0]["day"]
        ranks[day] = ranks.get(day, 0) + 1
        found.append(_finding(group, known, activities, deeds, d3fend or {}, ranks[day], hosts or {}))
    return found


def _key(row: Story) -> Key:
    return row["src_ip"], row["dest_ip"], row["story_no"]


def _is_other_client(story: Story, lead: Story) -> bool:
    """It only began to use the same server."""
    return story["dest_ip"] == lead["dest_ip"] and story["src_ip"] != lead["src_ip"]


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
    hosts: Hosts,
) -> Finding:
    lead = group[0]
    spoken = [_spoken(each, hosts) for each in group]
    story = {**lead, **details.get(_key(lead), {}), **{side: spoken[0][side] for side in SIDES}}
    done = tuple(each for one in group for each in deeds.get(_key(one), ()))
    own = deeds.get(_key(lead), ())
    told = next((each for each in done if each["service"]), None)
    named = dict.fromkeys(
        each["technique"] for each in sorted(done, key=lambda each: -each["weight"] * each["confidence"])
    )
    analyses = {ANALYSIS, *(one for each in done for one in d3fend.get(each["analytic"], ()))}
    day = (EPOCH + timedelta(days=lead["day"])).date().isoformat()
    own_part = [each for each in group if not _is_other_client(each, lead)]
    is_rpc = any(each["activities"] or each["attempts"] for each in group)
    remote = TECHNIQUES if is_rpc else SHARES
    has_flows = is_rpc or any(each["smb"] for each in group)
    return Finding(
        finding_id=stable_id(lead["src_ip"], lead["dest_ip"], day),
        day=day,
        rank=rank,
        src_ip=_address(lead, "src_ip", hosts),
        dest_ip=_address(lead, "dest_ip", hosts),
        src_host=_host(lead, "src_ip", hosts),
        dest_host=_host(lead, "dest_ip", hosts),
        client_role=lead["client_role"],
        server_role=lead["server_role"],
        service=told["service"] if told else story.get("service"),
        tier=told["tier"] if told else story.get("tier"),
        techniques=tuple(dict.fromkeys((*named, *(remote if has_flows or not named else ())))),
        d3fend=tuple(sorted(analyses)),
        score=lead["score"],
        severity=severity(lead, done, len(own_part)),
        confidence=max([lead["confidence"], *(each["confidence"] for each in own)]),
        first_time=_time(min(each["first_us"] for each in own_part)),
        last_time=_time(max(each["last_us"] for each in own_part)),
        activities=sum(each["activities"] for each in group),
        attempts=sum(each["attempts"] for each in group),
        smb=sum(each["smb"] for each in group),
        summary=summary(story, own, spoken),
        reasons=reasons(lead, own),
        pairs=tuple(
            Pair(
                _address(each, "src_ip", hosts),
                _address(each, "dest_ip", hosts),
                _time(each["first_us"]),
                _time(each["last_us"]),
                each["score"],
                _host(each, "src_ip", hosts),
                _host(each, "dest_ip", hosts),
            )
            for each in group
        ),
        evidence=tuple(_placed(each, hosts) for one in group for each in activities.get(_key(one), ())),
        detections=tuple(_placed(each, hosts) for each in done),
        next=tuple(next_steps(story, done)),
        benign_if=tuple(benign_if(story, done)),
    )


def _address(row: Story, side: str, hosts: Hosts) -> str | None:
    """The address of a story's client or server when it began."""
    return hosts.get((row[side], row["first_us"]), (row[side], ""))[0] or None


def _host(row: Story, side: str, hosts: Hosts) -> str | None:
    """The host that leases tell; None where none does."""
    return row[side] if (row[side], row["first_us"]) in hosts else None


def _spoken(row: Story, hosts: Hosts) -> dict[str, Any]:
    """A story with its hosts as people are told of them: the address, and beside it the name of the host."""
    told = dict(row)
    for side in SIDES:
        if found := hosts.get((row[side], row["first_us"])):
            told[side] = f"{found[0]} ({found[1][:LONGEST] or row[side]})"
    return told


def _placed(row: Story, hosts: Hosts) -> dict[str, Any]:
    """A row of evidence or of a detection with the addresses that were recorded."""
    at_us = (row["start_time"] - EPOCH) // timedelta(microseconds=1) if hosts else 0
    return {**row, **{side: hosts.get((row[side], at_us), (row[side], ""))[0] or None for side in SIDES}}


def _time(time_us: int) -> datetime:
    return EPOCH + timedelta(microseconds=time_us)
