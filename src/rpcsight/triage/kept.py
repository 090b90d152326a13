"""Findings of all hunts, kept in a workspace: found again, closed with a verdict and a reason, opened again."""

import json
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from rpcsight.baseline.workspace import Workspace
from rpcsight.errors import UsageError
from rpcsight.schema.triage import TRIAGE
from rpcsight.triage.allowing import apply, live
from rpcsight.triage.audit import HUNT, changing, note, now_us, table
from rpcsight.triage.documents import as_json
from rpcsight.triage.found import Standing
from rpcsight.triage.matching import DAY_US, day_of, facts_of, microseconds
from rpcsight.triage.words import drop_words, keep_words

__all__ = ["STATUSES", "VERDICTS", "Kept", "chosen", "close", "findings", "keep", "named", "reopen"]

VERDICTS = ("benign", "malicious", "duplicate")
STATUSES = ("open", *VERDICTS, "allowed")
MOST_DAYS = 400
"""Days of one pair of a finding: more than a year is no story."""
MOST_PLACES = 1000
"""Best scores of a day that are kept."""
LEAST_ID = 4
LAST_LETTER = "\U0010ffff"
SAME = ("score", "severity", "last_us")
"""What of a closed finding people hear of when it changes, besides pairs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept(Standing):
    """A finding that is kept, with all that is in it, as JSON."""

    document: str

    def finding(self) -> dict[str, Any]:
        """The whole finding as plain values; times are texts."""
        return json.loads(self.document)


def keep(workspace: Workspace, documents: Sequence[Mapping[str, Any]], hunted_days: Iterable[int | date]) -> None:
    """Keep what a hunt found. The same hunt again changes nothing.

    A finding that is kept already gets what is new of it, and stays closed where people closed it: pairs and days that they have not seen
    are held back from the baseline all the same, until it is closed again. Findings that an entry of the allow-list covers are `allowed`.

    Args:
        workspace: is changed as a whole or not at all.
        documents: findings as plain values: `Finding.to_dict()` with `day`, `rank` and `pairs`.
        hunted_days: what was looked at: days without findings have no scores from now on.

    Raises:
        ValueError: two findings have one id.
    """
    rows = {each["finding_id"]: _row(each) for each in documents}
    if len(rows) != len(documents):
        raise ValueError("two findings have the same id")
    with changing(workspace):
        before = {row["finding_id"]: row for row in _rows(workspace, rows)}
        new = [name for name in rows if name not in before]
        changed = [name for name, row in rows.items() if name in before and row["document"] != before[name]["document"]]
        for name in changed:
            rows[name] |= {each: before[name][each] for each in ("status", "allowed_by", "kept_us")}
        workspace.store.run("delete from finding where finding_id in (select unnest($ids))", {"ids": changed})
        columns = TRIAGE["finding"]
        made = [tuple(rows[name][column.name] for column in columns) for name in (*new, *changed)]
        workspace.store.insert("finding", table(columns, made))
        drop_words(workspace, changed)
        given = {each["finding_id"]: each for each in documents}
        keep_words(workspace, [given[name] for name in (*new, *changed)])
        grown = _keep_pairs(workspace, given, before)
        apply(workspace)
        closed = [
            (name, _news(before[name], rows[name], is_grown=name in grown))
            for name in changed
            if before[name]["status"] in VERDICTS
        ]
        note(workspace, [each for each in closed if each[1]], "seen again", HUNT)
        _keep_scores(workspace, rows, {day_of(each) for each in hunted_days})


def findings(workspace: Workspace, ids: Iterable[str] | None = None) -> list[Kept]:
    """Those of some ids that are kept, else all; the best first."""
    holding = {each.id for each in live(workspace)}
    names = ", ".join(column.name for column in TRIAGE["finding"])
    which = "true" if ids is None else "finding_id in (select unnest($ids::varchar[]))"
    given: dict[str, object] = {} if ids is None else {"ids": sorted(ids)}
    rows = workspace.rows(f"select {names} from finding where {which} order by score desc, first_us, finding_id", given)
    grown = f"select distinct finding_id from finding_pair where is_later and {which}"
    later = {row["finding_id"] for row in workspace.rows(grown, given)}
    return [Kept(**_now(row, holding), has_grown=row["finding_id"] in later) for row in rows]


def named(there: Iterable[Kept], prefixes: Iterable[str]) -> list[Kept]:
    """The findings of these ids, or beginnings of ids that are no other's.

    Raises:
        UsageError: there is none of an id, or there are several.
    """
    by_id = {each.finding_id: each for each in there}
    ids = sorted(by_id)
    made: dict[str, Kept] = {}
    for prefix in (each.lower() for each in prefixes):
        found = [prefix] if prefix in by_id else []
        if not found and len(prefix) >= LEAST_ID:
            found = ids[bisect_left(ids, prefix) : bisect_left(ids, prefix + LAST_LETTER)]
        if len(found) != 1:
            what = (
                f"{len(found)} findings begin with"
                if found
                else f"no finding has an id that begins (with {LEAST_ID} digits or more) with"
            )
            raise UsageError("ID", f"{what} {prefix!r}", "rpcsight findings list --status all shows the ids")
        made[found[0]] = by_id[found[0]]
    return list(made.values())


def chosen(workspace: Workspace, prefixes: Sequence[str]) -> list[Kept]:
    """As `named`, of all that are kept, without reading all of them."""
    begins = [each.lower() for each in prefixes]
    sql = "select finding_id from finding where len(list_filter($begins::varchar[], lambda each: starts_with(finding_id, each))) > 0"
    return named(findings(workspace, [row["finding_id"] for row in workspace.rows(sql, {"begins": begins})]), prefixes)


def close(workspace: Workspace, prefixes: Sequence[str], verdict: str, reason: str, who: str) -> list[Kept]:
    """Close findings. What is benign counts for the baseline from now on; anything else stays held back.

    Returns:
        the findings, as they were.

    Raises:
        UsageError: an id or the verdict is none.
    """
    if verdict not in VERDICTS:
        raise UsageError("--as", f"{verdict!r} is no verdict", f"one of: {', '.join(VERDICTS)}")
    with changing(workspace):
        found = chosen(workspace, prefixes)
        _decide(workspace, found, verdict, f"closed as {verdict}", reason, who)
    return found


def reopen(workspace: Workspace, prefixes: Sequence[str], reason: str, who: str) -> list[Kept]:
    """Open closed findings again.

    Returns:
        the findings, as they were.

    Raises:
        UsageError: an id is none, or an entry of the allow-list covers the finding: it would be allowed again at once.
    """
    with changing(workspace):
        found = chosen(workspace, prefixes)
        for each in found:
            if each.status == "allowed":
                what = f"is allowed by entry {each.allowed_by}"
                raise UsageError(each.finding_id, what, f"rpcsight allow remove {each.allowed_by} --reason …")
        _decide(workspace, found, "open", "reopened", reason, who)
        apply(workspace, who)
    return found


def _decide(workspace: Workspace, found: Sequence[Kept], status: str, action: str, reason: str, who: str) -> None:
    ids = [each.finding_id for each in found]
    workspace.store.run(
        "update finding set status = $status, allowed_by = null where finding_id in (select unnest($ids))",
        {"status": status, "ids": ids},
    )
    seen = "update finding_pair set is_later = false where finding_id in (select unnest($ids))"
    workspace.store.run(seen, {"ids": ids})
    note(workspace, [(each.finding_id, reason) for each in found], action, who)


def _rows(workspace: Workspace, ids: Iterable[str]) -> list[dict[str, Any]]:
    return workspace.rows("select * from finding where finding_id in (select unnest($ids))", {"ids": list(ids)})


def _now(row: dict[str, Any], holding: set[str]) -> dict[str, Any]:
    """A finding's row, open where its entry no longer holds and nobody has applied that yet."""
    if row["status"] == "allowed" and row["allowed_by"] not in holding:
        return row | {"status": "open", "allowed_by": None}
    return row


def _row(document: Mapping[str, Any]) -> dict[str, Any]:
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


def _keep_pairs(
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


def _news(before: Mapping[str, Any], row: Mapping[str, Any], *, is_grown: bool) -> str:
    """What is new of a finding, in words; empty where nothing is that people care for."""
    if not is_grown and all(before[name] == row[name] for name in SAME):
        return ""
    more = ", on pairs or days that were not part of it" if is_grown else ""
    return f"score {before['score']:g} -> {row['score']:g}{more}"


def _keep_scores(workspace: Workspace, rows: Mapping[str, Mapping[str, Any]], hunted: set[int]) -> None:
    """The best scores of each day, of the findings that no entry covers."""
    allowed = {row["finding_id"] for row in _rows(workspace, rows) if row["status"] == "allowed"}
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
