"""Findings: activities of one client and server together, scored by what the input itself shows, with reasons that sum to the score."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Finding", "Reason", "as_table", "overview"]


TELLING = 5.0
"""Points from which a reason is told in the overview by itself."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One part of a score.

    Args:
        name: which part, as in `findings/score.py`.
        points: what it adds.
        text: why, with its numbers, in words.
    """

    name: str
    points: float
    text: str


@dataclass(frozen=True, slots=True)
class Finding:
    """RPC between one client and one server, and why it deserves a look.

    Args:
        finding_id: stable: the same client, server and service give the same id in every run.
        src_ip: the client; None where only the server's log tells, and not who called.
        dest_ip: the server; None where it is many.
        service: the RPC service where records tell it, else None.
        tier: how that is known: decoded, process or learned; None where it is not.
        techniques: ATT&CK technique ids this activity can be part of, the weightiest first.
        d3fend: D3FEND ids of the analyses that found it.
        score: 0 to 100, the sum of the reasons' points.
        severity: info, low, medium or high, by score.
        confidence: 0 to 1, how sure it is that this is RPC.
        first_time: first activity, UTC.
        last_time: last activity, UTC.
        activities: how many endpoint connections.
        attempts: how many unanswered ones beside them.
        summary: what happened, in one sentence.
        reasons: parts of the score, largest first.
        evidence: the first activities, columns as in `schema.RPC_ACTIVITY`.
        detections: what was done, the weightiest first, columns as in `schema.DETECTION`.
    """

    finding_id: str
    src_ip: str | None
    dest_ip: str | None
    service: str | None
    tier: str | None
    techniques: tuple[str, ...]
    d3fend: tuple[str, ...]
    score: float
    severity: str
    confidence: float
    first_time: datetime
    last_time: datetime
    activities: int
    attempts: int
    summary: str
    reasons: tuple[Reason, ...]
    evidence: tuple[dict[str, Any], ...]
    detections: tuple[dict[str, Any], ...]

    def to_dict(self) -> dict[str, Any]:
        """The finding as plain values, keys in the order of the fields."""
        return asdict(self) | {"techniques": list(self.techniques), "d3fend": list(self.d3fend)}


def as_table(found: "list[Finding]") -> "pa.Table":
    """All findings with all their fields, for machines."""
    import pyarrow as pa

    from rpcsight.findings._arrow import FINDING_SCHEMA

    return pa.Table.from_pylist([each.to_dict() for each in found], FINDING_SCHEMA)


def overview(found: "list[Finding]") -> "pa.Table":
    """The findings in a few columns, for people."""
    import pyarrow as pa

    rows = [
        {
            "score": f"{each.score:.0f}",
            "severity": each.severity,
            "client": each.src_ip or "?",
            "server": each.dest_ip or "?",
            "conns": each.activities,
            "first": each.first_time.strftime("%Y-%m-%d %H:%M"),
            "why": _why(each),
        }
        for each in found
    ]
    return pa.Table.from_pylist(rows)


def _why(finding: Finding) -> str:
    """The telling reasons and the sum of the others, in whole points that add up to the score as it is shown."""
    parts = [(reason.text, reason.points) for reason in finding.reasons if reason.points >= TELLING]
    smaller = sum(reason.points for reason in finding.reasons if reason.points < TELLING)
    parts.append(("and smaller ones" if parts else "nothing unusual in this input", smaller))
    points = _whole([points for _, points in parts], round(finding.score))
    told = [f"{text} (+{whole})" for (text, _), whole in zip(parts, points, strict=True) if whole]
    return "; ".join(told) or parts[0][0]


def _whole(points: list[float], total: int) -> list[int]:
    """The points rounded so that they sum to the total: those with the largest fractions are rounded up."""
    whole = [int(each) for each in points]
    by_fraction = sorted(range(len(points)), key=lambda place: whole[place] - points[place])
    for place in by_fraction[: max(0, total - sum(whole))]:
        whole[place] += 1
    return whole
