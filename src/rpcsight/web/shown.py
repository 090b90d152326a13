"""Rows of a workspace as the API shows them."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from rpcsight.triage.allowing import Listed
from rpcsight.triage.audit import today
from rpcsight.triage.found import Group, Hit
from rpcsight.triage.kept import Kept
from rpcsight.triage.matching import EPOCH
from rpcsight.triage.telling import day_text
from rpcsight.web.models import AllowEntry, Earlier, FindingRow, FindingWhole, GroupRow, LogRow, Part

__all__ = ["earlier", "entry", "finding", "group", "instant", "logged", "timed", "whole"]

TIMES = ("at_us", "first_us", "last_us", "learned_us")


def instant(time_us: int) -> str:
    """Microseconds since 1970 as ISO-8601."""
    return (EPOCH + timedelta(microseconds=time_us)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def finding(hit: Hit) -> FindingRow:
    """A finding in a list."""
    return FindingRow(
        finding_id=hit.finding_id,
        day=day_text(hit.day),
        rank=hit.place,
        score=hit.score,
        severity=hit.severity,
        confidence=hit.confidence,
        client=hit.src_ip,
        client_name=hit.client_name,
        client_role=hit.client_role,
        server=hit.dest_ip,
        server_name=hit.server_name,
        server_role=hit.server_role,
        pairs=hit.pairs,
        service=hit.service,
        techniques=list(hit.techniques),
        first_time=instant(hit.first_us),
        last_time=instant(hit.last_us),
        summary=hit.summary,
        reasons=[Part(name=each["name"], points=each["points"], text=each["text"]) for each in hit.reasons],
        status=hit.status,
        allowed_by=hit.allowed_by,
        has_grown=hit.has_grown,
        kept_time=instant(hit.kept_us),
    )


def group(found: Group) -> GroupRow:
    """A group of findings."""
    return GroupRow(
        value=found.value,
        query=found.term,
        findings=found.findings,
        score=found.best,
        severity=found.severity,
        first_time=instant(found.first_us),
        last_time=instant(found.last_us),
    )


def whole(found: Kept) -> FindingWhole:
    """A finding with all that is in it."""
    return FindingWhole(
        finding_id=found.finding_id,
        status=found.status,
        allowed_by=found.allowed_by,
        has_grown=found.has_grown,
        kept_time=instant(found.kept_us),
        finding=found.finding(),
    )


def earlier(found: Kept) -> Earlier:
    """Another finding of the same pair."""
    return Earlier(
        finding_id=found.finding_id,
        status=found.status,
        score=found.score,
        severity=found.severity,
        first_time=instant(found.first_us),
        last_time=instant(found.last_us),
        summary=found.summary,
    )


def logged(row: Mapping[str, Any]) -> LogRow:
    """A row of the audit log."""
    return LogRow(
        number=row["number"],
        time=instant(row["at_us"]),
        who=row["who"],
        action=row["action"],
        subject=row["subject"],
        reason=row["reason"],
    )


def entry(listed: Listed) -> AllowEntry:
    """An entry of the allow-list."""
    given = listed.entry.model_dump(mode="json")
    return AllowEntry(
        entry_id=listed.entry.id,
        entry={name: value for name, value in given.items() if value not in (None, [], False)},
        added_time=instant(listed.added_us),
        is_live=listed.entry.is_live(today()),
        findings=listed.hits,
        last_time=None if listed.last_us is None else instant(listed.last_us),
    )


def timed(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row whose times are texts."""
    made: dict[str, Any] = {}
    for name, value in row.items():
        is_time = name in TIMES
        made[f"{name.removesuffix('_us')}_time" if is_time else name] = (
            instant(value) if is_time and value is not None else value
        )
    return made
