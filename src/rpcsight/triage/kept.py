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
from rpcsight.triage._keeping import OF_IDS, VERDICTS, keep_pairs, keep_scores, news, row_of, rows_of
from rpcsight.triage.allowing import apply, live
from rpcsight.triage.audit import HUNT, changing, note, table
from rpcsight.triage.found import Standing
from rpcsight.triage.matching import day_of
from rpcsight.triage.words import drop_words, keep_words

__all__ = [
    "STATUSES",
    "VERDICTS",
    "Closed",
    "Kept",
    "chosen",
    "close",
    "close_each",
    "findings",
    "keep",
    "named",
    "reopen",
]

STATUSES = ("open", *VERDICTS, "allowed")
LEAST_ID = 4
WHOLE_ID = 16
LAST_LETTER = "\U0010ffff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept(Standing):
    """A finding that is kept, with all that is in it, as JSON."""

    document: str

    def finding(self) -> dict[str, Any]:
        """The whole finding as plain values; times are texts."""
        return json.loads(self.document)


@dataclass(frozen=True, slots=True)
class Closed:
    """What became of a finding that was to be closed.

    Args:
        finding_id: its id.
        before: its status then; None where there is no such finding.
        is_changed: False, too, where it had this verdict already, and nothing came to it since.
    """

    finding_id: str
    before: str | None
    is_changed: bool


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
    rows = {each["finding_id"]: row_of(each) for each in documents}
    if len(rows) != len(documents):
        raise ValueError("two findings have the same id")
    with changing(workspace):
        before = {row["finding_id"]: row for row in rows_of(workspace, rows)}
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
        grown = keep_pairs(workspace, given, before)
        apply(workspace, is_followed=True)
        closed = [
            (name, news(before[name], rows[name], is_grown=name in grown))
            for name in changed
            if before[name]["status"] in VERDICTS
        ]
        note(workspace, [each for each in closed if each[1]], "seen again", HUNT)
        keep_scores(workspace, rows, {day_of(each) for each in hunted_days})


def findings(workspace: Workspace, ids: Iterable[str] | None = None) -> list[Kept]:
    """Those of some ids that are kept, else all; the best first."""
    holding = {each.id for each in live(workspace)}
    names = ", ".join(column.name for column in TRIAGE["finding"])
    which = "true" if ids is None else OF_IDS
    these = "true" if ids is None else f"rowid in (select rowid from finding where {OF_IDS})"
    given: dict[str, object] = {} if ids is None else {"ids": sorted(ids)}
    rows = workspace.rows(f"select {names} from finding where {these} order by score desc, first_us, finding_id", given)
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
    sql = f"""
        select finding_id from finding where {OF_IDS}
        union
        select finding_id from finding
        where len($begins::varchar[]) > 0 and len(list_filter($begins::varchar[], lambda each: starts_with(finding_id, each))) > 0
    """
    given = {"ids": begins, "begins": [each for each in begins if len(each) < WHOLE_ID]}
    return named(findings(workspace, [row["finding_id"] for row in workspace.rows(sql, given)]), prefixes)


def close(workspace: Workspace, prefixes: Sequence[str], verdict: str, reason: str, who: str) -> list[Kept]:
    """Close findings. What is benign counts for the baseline from now on; anything else stays held back.

    Returns:
        the findings, as they were.

    Raises:
        UsageError: an id or the verdict is none.
    """
    if verdict not in VERDICTS:
        raise UsageError("--as", f"{verdict!r} is no verdict", f"one of: {', '.join(VERDICTS)}")
    found = chosen(workspace, prefixes)
    with changing(workspace, [each.finding_id for each in found]):
        _decide(workspace, found, verdict, f"closed as {verdict}", reason, who)
    return found


def close_each(workspace: Workspace, ids: Sequence[str], verdict: str, reason: str, who: str) -> list[Closed]:
    """Close several findings, by their whole ids: a row of the log each. Doing it again changes nothing.

    Returns:
        what became of each, in order; an id that is named twice counts once.

    Raises:
        UsageError: the verdict is none.
    """
    there = {each.finding_id: each for each in findings(workspace, ids)}
    due = [
        name
        for name in dict.fromkeys(ids)
        if name in there and (there[name].status != verdict or there[name].has_grown)
    ]
    close(workspace, due, verdict, reason, who)
    return [Closed(name, there[name].status if name in there else None, name in due) for name in dict.fromkeys(ids)]


def reopen(workspace: Workspace, prefixes: Sequence[str], reason: str, who: str) -> list[Kept]:
    """Open closed findings again.

    Returns:
        the findings, as they were.

    Raises:
        UsageError: an id is none, the finding is open, or an entry of the allow-list covers it: it would be allowed again at once.
    """
    found = chosen(workspace, prefixes)
    for each in found:
        if each.status == "open":
            raise UsageError(each.finding_id, "is open", "rpcsight findings close closes it")
    _refuse_allowed(found)
    ids = [each.finding_id for each in found]
    with changing(workspace, ids):
        _decide(workspace, found, "open", "reopened", reason, who)
        apply(workspace, who, ids=ids, is_followed=True)
        _refuse_allowed(chosen(workspace, ids))
    return found


def _refuse_allowed(found: Sequence[Kept]) -> None:
    for each in found:
        if each.status == "allowed":
            what = f"is allowed by entry {each.allowed_by}"
            raise UsageError(each.finding_id, what, f"rpcsight allow remove {each.allowed_by} --reason …")


def _decide(workspace: Workspace, found: Sequence[Kept], status: str, action: str, reason: str, who: str) -> None:
    ids = [each.finding_id for each in found]
    workspace.store.run(
        "update finding set status = $status, allowed_by = null where finding_id in (select unnest($ids))",
        {"status": status, "ids": ids},
    )
    seen = "update finding_pair set is_later = false where finding_id in (select unnest($ids))"
    workspace.store.run(seen, {"ids": ids})
    note(workspace, [(each.finding_id, reason) for each in found], action, who)


def _now(row: dict[str, Any], holding: set[str]) -> dict[str, Any]:
    """A finding's row, open where its entry no longer holds and nobody has applied that yet."""
    if row["status"] == "allowed" and row["allowed_by"] not in holding:
        return row | {"status": "open", "allowed_by": None}
    return row
