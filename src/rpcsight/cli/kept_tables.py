"""Findings that are kept, as tables for people and for machines."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

    from rpcsight.triage.kept import Kept
    from rpcsight.triage.matching import Facts

__all__ = ["SHORT_ID", "as_table", "log_overview", "overview"]

SHORT_ID = 8
"""Digits of an id that people are shown."""
REASONS_TOLD = 3


def overview(found: "list[Kept]", facts: "Facts") -> "pa.Table":
    """Findings in a few columns, for people."""
    import pyarrow as pa

    from rpcsight.triage.telling import clock

    rows = [
        {
            "id": each.finding_id[:SHORT_ID],
            "score": f"{each.score:.0f}",
            "severity": each.severity,
            "status": f"{each.status}, grown" if each.has_grown else each.status,
            "client": facts.names.get(each.src_ip or "", each.src_ip) or "?",
            "server": facts.names.get(each.dest_ip or "", each.dest_ip) or "?",
            "service": each.service or "",
            "first": clock(each.first_us)[:-3],
            "why": _why(each),
        }
        for each in found
    ]
    return pa.Table.from_pylist(rows, pa.schema([(name, pa.string()) for name in rows[0]])) if rows else pa.table({})


def _why(found: "Kept") -> str:
    """The largest parts of the score, else what happened."""
    from rpcsight.findings.words import weightiest

    reasons = found.finding().get("reasons") or ()
    return weightiest(((each["points"], each["text"]) for each in reasons), REASONS_TOLD) or found.summary


def as_table(found: "list[Kept]") -> "pa.Table":
    """Findings with what is said of them, for machines."""
    import pyarrow as pa

    time = pa.timestamp("us")
    pair = pa.struct([("src_ip", pa.string()), ("dest_ip", pa.string()), ("first_time", time), ("last_time", time)])
    schema = pa.schema(
        [
            ("finding_id", pa.string()),
            ("status", pa.string()),
            ("has_grown", pa.bool_()),
            ("allowed_by", pa.string()),
            ("rank", pa.int32()),
            ("score", pa.float64()),
            ("severity", pa.string()),
            ("confidence", pa.float64()),
            ("src_ip", pa.string()),
            ("dest_ip", pa.string()),
            ("pairs", pa.list_(pair)),
            ("service", pa.string()),
            ("techniques", pa.list_(pa.string())),
            ("first_time", pa.timestamp("us")),
            ("last_time", pa.timestamp("us")),
            ("summary", pa.string()),
            ("kept_time", pa.timestamp("us")),
        ]
    )
    rows: list[dict[str, object]] = []
    for each in found:
        document = each.finding()
        row: dict[str, object] = {name: getattr(each, name, None) for name in schema.names}
        row |= {"rank": each.place, "pairs": _pairs(document), "techniques": document.get("techniques")}
        for name in ("first", "last", "kept"):
            row[f"{name}_time"] = _time(getattr(each, f"{name}_us"))
        rows.append(row)
    return pa.Table.from_pylist(rows, schema)


def log_overview(log: "pa.Table") -> "pa.Table":
    """The audit log in columns that fit a terminal, for people."""
    import pyarrow as pa

    rows = [
        {
            "time": f"{row['time']:%Y-%m-%d %H:%M}",
            "id": row["subject"][:SHORT_ID],
            "who": row["who"],
            "action": row["action"],
            "about": row["reason"],
        }
        for row in log.to_pylist()
    ]
    return pa.Table.from_pylist(rows, pa.schema([(name, pa.string()) for name in rows[0]])) if rows else pa.table({})


def _pairs(document: dict[str, Any]) -> "list[dict[str, object]]":
    """All clients and servers of a finding, as `hunt` writes them."""
    from rpcsight.triage.matching import facts_of

    return [
        {
            "src_ip": each.src_ip,
            "dest_ip": each.dest_ip,
            "first_time": _time(each.first_us),
            "last_time": _time(each.last_us),
        }
        for each in facts_of(document).pairs
    ]


def _time(microseconds: int) -> datetime:
    from rpcsight.triage.matching import EPOCH

    return EPOCH.replace(tzinfo=None) + timedelta(microseconds=microseconds)
