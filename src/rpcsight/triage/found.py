"""A finding as it stands, and what a search gives: findings in a list, groups of them, and pages of both."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Group", "Groups", "Hit", "Page", "Standing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A finding that is kept, as it stands now.

    Args:
        finding_id: its id.
        day: its day, in days since 1970 UTC.
        place: its rank that day, from 1; None where it was not ranked.
        score, severity, confidence, src_ip, dest_ip, service, first_us, last_us, summary: as in the finding; times in microseconds.
        status: of `kept.STATUSES`; open, too, where the entry that covered it has expired.
        allowed_by: id of the entry that covers it.
        kept_us: when a hunt first found it.
        has_grown: pairs or days came to it after people closed it.
    """

    finding_id: str
    day: int
    place: int | None
    score: float
    severity: str
    confidence: float
    src_ip: str | None
    dest_ip: str | None
    service: str | None
    first_us: int
    last_us: int
    summary: str
    status: str
    allowed_by: str | None
    kept_us: int
    has_grown: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit(Standing):
    """A finding in a list.

    Args:
        pairs: how many clients and servers it is about.
        techniques: ATT&CK ids, the weightiest first.
        reasons: the largest parts of its score: name, points, text.
        client_role, server_role: as the finding says.
        client_name, server_name: as the asset file says; None where it does not.
    """

    pairs: int
    techniques: tuple[str, ...]
    reasons: tuple[dict[str, Any], ...]
    client_role: str | None
    server_role: str | None
    client_name: str | None
    server_name: str | None


@dataclass(frozen=True, slots=True)
class Page:
    """Some findings, and what else there is.

    Args:
        hits: in the order that was asked for.
        next: the cursor of the next page; None on the last.
        total: how many findings the query finds.
        statuses: how many it would find in each status, if it did not ask for one; and how many of them have `grown`.
        severities: how many of each severity, likewise; the least first.
    """

    hits: tuple[Hit, ...]
    next: str | None
    total: int
    statuses: Mapping[str, int]
    severities: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Group:
    """Findings that have something in common.

    Args:
        value: what; `?` where no record tells.
        term: what to add to the query to find these alone.
        findings: how many.
        best: the highest score.
        severity: the highest.
        first_us, last_us: first and last activity.
    """

    value: str
    term: str
    findings: int
    best: float
    severity: str
    first_us: int
    last_us: int


@dataclass(frozen=True, slots=True)
class Groups:
    """Some groups, that of the highest score first; the cursor of the next; how many there are."""

    groups: tuple[Group, ...]
    next: str | None
    total: int
