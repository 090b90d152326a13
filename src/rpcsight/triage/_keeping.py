"""What a hunt's findings become in a workspace: rows, pairs that nobody has seen, and the best scores of each day."""

from collections.abc import Iterable, Mapping
from typing import Any

from rpcsight.baseline.workspace import Workspace
from rpcsight.schema.triage import TRIAGE
from rpcsight.triage.audit import now_us, table
from rpcsight.triage.documents import as_json
from rpcsight.triage.matching import DAY_US, day_of, facts_of, microseconds

__all__ = ["OF_IDS", "VERDICTS", "keep_pairs", "keep_scores", "news", "row_of", "rows_of"]

VERDICTS = ("benign", "malicious", "duplicate")
OF_IDS = "finding_id in (select unnest($ids::varchar[]))"
MOST_DAYS = 400
"""Days of one pair of a finding: more than a year is no story."""
MOST_PLACES = 1000
"""Best scores of a day that are kept."""
SAME = ("score", "severity", "last_us")
"""What of a closed finding people hear of when it changes, besides pairs."""


def rows_of(workspace: Workspace, ids: Iterable[str]) -> list[dict[str, Any]]:
    """The rows of some findings."""
    sql = f"select * from finding where rowid in (select rowid from finding where {OF_IDS})"
    return workspace.rows(sql, {"ids": list(ids)})


def row_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """A row of `finding`: open, found now."""
    first, last = microseconds(document["first_time"]), microseconds(document["last_time"])
    return {
        "finding_id": document["finding_id"],
        "day": _day(document),
        "place": document.get("rank"),
        "score": float(document["score"]),
        "severity": document["severity"],
        "confidence": float(document["confidence"]),
        "src_ip": document["src_ip"],
        "dest_ip": document["dest_ip"],
        "service": document["service"],
        "first_us": first,
        "last_us": last,
        "summary": document["summary"],
        "document": as_json(document),
        "status": "open",
        "allowed_by": None,
        "kept_us": now_us(),
    }


def _day(document: Mapping[str, Any]) -> int:
    day = document.get("day")
    return microseconds(document["first_time"]) // DAY_US if day is None else day_of(day)


def keep_pairs(
    workspace: Workspace, documents: Mapping[str, Mapping[str, Any]], before: Mapping[str, Mapping[str, Any]]
) -> set[str]:
    """Add pairs and days that are new; those of closed findings nobody has seen. The ids of findings that got any."""
    sql = "select finding_id, src_ip, dest_ip, day from finding_pair where finding_id in (select unnest($ids))"
    there = {tuple(row.values()) for row in workspace.rows(sql, {"ids": list(documents)})}
    made: list[tuple[object, ...]] = []
    for name, document in documents.items():
        is_later = name in before and before[name]["status"] in VERDICTS
        days = {
            (pair.client, pair.server, day)
            for pair in facts_of(document).pairs
            for day in range(
                pair.first_us // DAY_US, min(pair.last_us // DAY_US, pair.first_us // DAY_US + MOST_DAYS) + 1
            )
        }
        made += [(name, *each, is_later) for each in sorted(days) if (name, *each) not in there]
    workspace.store.insert("finding_pair", table(TRIAGE["finding_pair"], made))
    return {str(each[0]) for each in made}


def news(before: Mapping[str, Any], row: Mapping[str, Any], *, is_grown: bool) -> str:
    """What is new of a finding, in words; empty where nothing is that people care for."""
    if not is_grown and all(before[name] == row[name] for name in SAME):
        return ""
    more = ", on pairs or days that were not part of it" if is_grown else ""
    return f"score {before['score']:g} -> {row['score']:g}{more}"


def keep_scores(workspace: Workspace, rows: Mapping[str, Mapping[str, Any]], hunted: set[int]) -> None:
    """The best scores of each day, of the findings that no entry covers."""
    allowed = {row["finding_id"] for row in rows_of(workspace, rows) if row["status"] == "allowed"}
    by_day: dict[int, list[float]] = {}
    for name, row in rows.items():
        if name not in allowed:
            by_day.setdefault(row["day"], []).append(row["score"])
    days = sorted(hunted | {row["day"] for row in rows.values()})
    workspace.store.run("delete from day_score where day in (select unnest($days))", {"days": days})
    made = [
        (day, place, score)
        for day, scores in sorted(by_day.items())
        for place, score in enumerate(sorted(scores, reverse=True)[:MOST_PLACES], 1)
    ]
    workspace.store.insert("day_score", table(TRIAGE["day_score"], made))
