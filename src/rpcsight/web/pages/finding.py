"""What the page of one finding shows: all of it, and what the workspace knows beside it."""

from collections.abc import Mapping, Sequence
from typing import Any

from rpcsight.baseline.workspace import Workspace
from rpcsight.errors import UsageError
from rpcsight.report.pictures import finding_timeline
from rpcsight.triage.kept import Kept, chosen
from rpcsight.triage.matching import Facts, facts_of, microseconds
from rpcsight.triage.search import hits_of
from rpcsight.triage.telling import History
from rpcsight.web import asking
from rpcsight.web.pages.findings import short
from rpcsight.web.pages.rendering import to

__all__ = ["VERDICTS", "checked_reason", "complete", "decided", "described", "kept", "similar"]

Values = dict[str, Any]

DRAWN = {
    "pairs": ("src_ip", "dest_ip", "first_time", "last_time", "score"),
    "detections": ("src_ip", "dest_ip", "start_time", "analytic", "technique", "operation"),
    "evidence": ("src_ip", "dest_ip", "start_time", "dest_port", "service", "operation"),
}
"""What drawings look at in the lists of a finding."""
LONGEST_REASON = 500
MOST_PAIRS = 50
MOST_KNOWN = 10
MOST_EARLIER = 10
MOST_SIMILAR = 5
MORE = {
    "target": "target",
    "user_name": "account",
    "host": "host",
    "image_path": "program",
    "command_line": "command line",
}


SAME = (
    "place",
    "day",
    "score",
    "severity",
    "confidence",
    "status",
    "has_grown",
    "allowed_by",
    "service",
    "first_us",
    "last_us",
    "summary",
)
VERDICTS = (
    ("benign", "counts for the baseline from now on"),
    ("malicious", "an attack: stays held back"),
    ("duplicate", "told by another finding"),
    ("open", "look at it again"),
)


def described(kept: Kept, known: History) -> Values:
    """A finding and its history, for the template."""
    document = kept.finding()
    facts = known.facts
    roles = {kept.src_ip: document.get("client_role"), kept.dest_ip: document.get("server_role")}
    reasons: Sequence[Mapping[str, Any]] = document.get("reasons") or ()
    pairs: Sequence[Mapping[str, Any]] = document.get("pairs") or ()
    told = {name: getattr(kept, name) for name in SAME}
    it = told | {
        "id": kept.finding_id,
        "client": _host(kept.src_ip, facts, roles),
        "server": _host(kept.dest_ip, facts, roles),
        "tier": document.get("tier"),
        "techniques": list(dict.fromkeys(document.get("techniques") or ())),
        "d3fend": document.get("d3fend") or (),
        "reasons": reasons,
        "most_points": max((abs(each["points"]) for each in reasons), default=0.0),
        "activities": document.get("activities") or 0,
        "attempts": document.get("attempts") or 0,
        "smb": document.get("smb") or 0,
        "deeds": [_deed(each) for each in document.get("detections") or ()],
        "connections": [_connection(each) for each in document.get("evidence") or ()],
        "pairs": [_pair(each, facts, roles) for each in pairs[:MOST_PAIRS]],
        "pairs_left": max(0, len(pairs) - MOST_PAIRS),
        "next": document.get("next") or (),
        "benign_if": document.get("benign_if") or (),
    }
    met = [
        {
            "client": _host(pair.src_ip or None, facts, roles),
            "server": _host(pair.dest_ip or None, facts, roles),
            "met": known.known.get((pair.src_ip, pair.dest_ip)),
        }
        for pair in facts_of(document).pairs[:MOST_KNOWN]
    ]
    earlier = [_short(each, facts) for each in known.earlier[:MOST_EARLIER]]
    return {
        "it": it,
        "known": {"span": known.span, "pairs": met, "earlier": earlier, "log": known.log},
        "seen": len(known.log),
        "verdicts": VERDICTS,
        "allow_address": _allow_address(kept),
        "timeline": finding_timeline(
            complete(document), "timeline", "First and last activity of each pair; marks are what was recorded"
        ),
    }


def kept(workspace: Workspace, finding_id: str) -> Kept:
    """The finding of an id.

    Raises:
        UsageError: there is none.
    """
    (found,) = chosen(workspace, [finding_id])
    return found


def checked_reason(reason: str) -> str:
    """A reason that says something.

    Raises:
        UsageError: it is empty, too long, or more than a line.
    """
    made = reason.strip()
    if not made or len(made) > LONGEST_REASON or not made.isprintable():
        raise UsageError("reason", f"the reason needs a text of one line, up to {LONGEST_REASON} characters")
    return made


def complete(document: Mapping[str, Any]) -> Values:
    """A finding with all that drawings ask for: one that an earlier version kept may lack some."""
    lists = {
        name: [dict.fromkeys(fields) | dict(each) for each in document.get(name) or ()]
        for name, fields in DRAWN.items()
    }
    for pair in lists["pairs"]:
        pair["score"] = pair["score"] or 0.0
    return {"src_ip": None, "dest_ip": None, **document, **lists}


def decided(workspace: Workspace, finding_id: str) -> list[Values]:
    """What was decided about a finding, in order."""
    return workspace.rows("select who, action from audit where subject = $id order by number", {"id": finding_id})


def similar(workspace: Workspace, kept: Kept) -> list[Values]:
    """Findings of other hosts that resemble one, of any status, the most alike first."""
    return [short(each) for each in hits_of(workspace, asking.similar(workspace, kept.finding_id, MOST_SIMILAR))]


def _allow_address(kept: Kept) -> str:
    """The allow-list's form, filled with what would cover a finding."""
    subject = facts_of(kept.finding())
    query = {
        "client": sorted({pair.src_ip for pair in subject.pairs if pair.src_ip})[:MOST_PAIRS],
        "server": sorted({pair.dest_ip for pair in subject.pairs if pair.dest_ip})[:MOST_PAIRS],
        "service": sorted(subject.services) if subject.knows_services else [],
    }
    return to("allow/new", {name: ", ".join(values) for name, values in query.items()})


def _host(address: str | None, facts: Facts, roles: Mapping[str | None, str | None]) -> Values:
    name = facts.names.get(address or "")
    role = roles.get(address) or facts.roles.get(address or "")
    return {"ip": address, "name": name, "role": role if address else None}


def _pair(pair: Mapping[str, Any], facts: Facts, roles: Mapping[str | None, str | None]) -> Values:
    return {
        "client": _host(pair.get("src_ip"), facts, roles),
        "server": _host(pair.get("dest_ip"), facts, roles),
        "score": float(pair.get("score") or 0.0),
        "first_us": _us(pair.get("first_time")),
        "last_us": _us(pair.get("last_time")),
    }


def _deed(deed: Mapping[str, Any]) -> Values:
    what = deed.get("operation") or "activity"
    of = f" of {deed['service']}" if deed.get("service") else ""
    events = deed.get("events") or 1
    times = f", {events:,} times" if events > 1 else ""
    return {
        "start_us": _us(deed.get("start_time")),
        "what": f"{what}{of}{times}",
        "technique": deed.get("technique"),
        "weight": f"{deed.get('weight') or 0:g}",
        "analytic": deed.get("analytic"),
        "more": [(label, deed[name]) for name, label in MORE.items() if deed.get(name)],
        "place": _place(deed),
    }


def _connection(row: Mapping[str, Any]) -> Values:
    service = row.get("service") or ""
    operation = f" {row['operation']}" if row.get("operation") else ""
    gap = f", {row['gap_s']:.3f} s after the mapper" if row.get("gap_s") is not None else ""
    return {
        "start_us": _us(row.get("start_time")),
        "client": _end(row.get("src_ip"), row.get("src_port")),
        "server": _end(row.get("dest_ip"), row.get("dest_port")),
        "service": f"{service}{operation}".strip(),
        "basis": f"{row.get('basis') or 'connection'}{gap}",
        "place": _place(row),
    }


def _end(address: str | None, port: int | None) -> str:
    told = f"[{address}]" if address and ":" in address and port is not None else address or "?"
    return told if port is None else f"{told}:{port}"


def _place(row: Mapping[str, Any]) -> str:
    source = row.get("source") or row.get("observer") or "source unknown"
    return f"{source}, flow {row['flow_id']}" if row.get("flow_id") else str(source)


def _short(kept: Kept, facts: Facts) -> Values:
    return {
        "id": kept.finding_id,
        "score": kept.score,
        "severity": kept.severity,
        "status": kept.status,
        "has_grown": kept.has_grown,
        "client": _host(kept.src_ip, facts, {}),
        "server": _host(kept.dest_ip, facts, {}),
        "service": kept.service,
        "first_us": kept.first_us,
    }


def _us(time: object) -> int | None:
    return microseconds(time) if time else None
