"""Findings: what a client did with a server, and what belongs to that, with reasons that sum to its score."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rpcsight.findings.words import weightiest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pyarrow as pa

__all__ = ["Finding", "Pair", "Reason", "as_table", "kept_table", "overview"]


TELLING = 5.0
"""Points from which a reason is told in the overview by itself."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One part of a score.

    Args:
        name: which part, as in `findings/score.py`.
        points: what it adds, or takes away.
        text: why, with its numbers, in words.
    """

    name: str
    points: float
    text: str


@dataclass(frozen=True, slots=True)
class Pair:
    """A client and a server of a finding.

    Args:
        src_ip: the client; None where nobody tells.
        dest_ip: the server; likewise.
        first_time: first activity of the two in the story, UTC.
        last_time: last.
        score: of these two.
        src_host, dest_host: which hosts they are, where leases or their own logs tell: mac: and the hardware
            address, or host: and the name; else None.
    """

    src_ip: str | None
    dest_ip: str | None
    first_time: datetime
    last_time: datetime
    score: float
    src_host: str | None = None
    dest_host: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """RPC between a client and a server, and what belongs to it, and why it deserves a look.

    Args:
        finding_id: stable: the same client, server and day give the same id in every run.
        day: when it began, as 2026-11-22, UTC.
        rank: among the day's findings, from 1.
        src_ip: the client; None where only the server's log tells, and not who called.
        dest_ip: the server; None where it is many.
        src_host, dest_host: which hosts they are, where leases or their own logs tell: mac: and the hardware
            address, or host: and the name; else None.
        client_role, server_role: what they are, as far as is known.
        service: the RPC service where records tell it, else None.
        tier: how that is known: decoded, process or learned; None where it is not.
        techniques: ATT&CK technique ids this activity can be part of, the weightiest first.
        d3fend: D3FEND ids of the analyses that found it.
        score: the sum of the reasons' points: how unusual it is; ten points are ten times rarer.
        severity: info, low, medium or high: what it would mean if it is an attack.
        confidence: 0 to 1, how sure it is that this is RPC.
        first_time, last_time: first and last activity, UTC, of its pairs but those of other clients that only began to use
            the same server.
        activities: how many endpoint connections.
        attempts: how many unanswered ones beside them.
        smb: how many connections to SMB, in whose pipes RPC may run, beside them.
        summary: what happened, in one sentence.
        reasons: parts of the score, largest first.
        pairs: all clients and servers it is about, the most unusual first: those above.
        evidence: the first activities, columns as in `schema.RPC_ACTIVITY`.
        detections: what was done, the weightiest first, columns as in `schema.DETECTION`.
        next: what to check.
        benign_if: what would make it benign.
    """

    finding_id: str
    day: str
    rank: int
    src_ip: str | None
    dest_ip: str | None
    src_host: str | None
    dest_host: str | None
    client_role: str | None
    server_role: str | None
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
    smb: int
    summary: str
    reasons: tuple[Reason, ...]
    pairs: tuple[Pair, ...]
    evidence: tuple[dict[str, Any], ...]
    detections: tuple[dict[str, Any], ...]
    next: tuple[str, ...]
    benign_if: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The finding as plain values, keys in the order of the fields."""
        return asdict(self) | {"techniques": list(self.techniques), "d3fend": list(self.d3fend)}

    def _repr_html_(self) -> str:
        """The finding in a notebook."""
        from rpcsight.report.notebook import finding_html

        return finding_html(self.to_dict())


def as_table(found: "list[Finding]") -> "pa.Table":
    """All findings with all their fields, for machines."""
    from rpcsight.findings._arrow import table

    return table(each.to_dict() for each in found)


def kept_table(documents: "Iterable[Mapping[str, Any]]") -> "pa.Table":
    """Findings as a workspace keeps them, with `status` and `allowed_by`, for machines."""
    from rpcsight.findings._arrow import KEPT_SCHEMA, table

    return table(documents, KEPT_SCHEMA)


def overview(found: "list[Finding]") -> "pa.Table":
    """The findings in a few columns, for people."""
    import pyarrow as pa

    rows = [
        {
            "score": f"{each.score:.0f}",
            "severity": each.severity,
            "client": _told(each.src_ip, each.src_host),
            "server": _told(each.dest_ip, each.dest_host),
            "pairs": str(len(each.pairs)),
            "first": each.first_time.strftime("%Y-%m-%d %H:%M"),
            "why": _why(each),
        }
        for each in found
    ]
    return pa.Table.from_pylist(rows)


def _told(address: str | None, host: str | None) -> str:
    return f"{address or '?'} ({host})" if host else address or "?"


def _why(finding: Finding) -> str:
    """The reasons that tell most, with their points."""
    return weightiest(((each.points, each.text) for each in finding.reasons), least=TELLING) or "nothing unusual"
