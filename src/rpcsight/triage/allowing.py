"""The allow-list of a workspace: added to, taken from, and applied to the findings that are kept."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from rpcsight.baseline.workspace import Workspace
from rpcsight.errors import UsageError
from rpcsight.schema.column import Column
from rpcsight.schema.triage import TRIAGE
from rpcsight.triage.audit import HUNT, changing, note, now_us, table, today
from rpcsight.triage.entries import Entry
from rpcsight.triage.matching import Facts, Subject, concerns, covering, facts_of, why_not

__all__ = [
    "Listed",
    "Stored",
    "add",
    "allowed",
    "apply",
    "known_facts",
    "listed",
    "live",
    "preview",
    "remove",
    "stored",
    "subjects",
]

CHANGE = (Column("finding_id", "VARCHAR", ""), Column("status", "VARCHAR", ""), Column("allowed_by", "VARCHAR", ""))
LEAST_ID = 4
"""Digits of an id that are enough, where no other begins so."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An entry of a workspace, and when it was added (microseconds since 1970 UTC)."""

    entry: Entry
    added_us: int


@dataclass(frozen=True, slots=True)
class Listed:
    """An entry, and what it does.

    Args:
        entry: the entry.
        added_us: when it was added.
        hits: how many of the findings that are kept it covers, live or not.
        last_us: last activity of those; None where there are none.
        newest_us: last activity of all findings.
    """

    entry: Entry
    added_us: int
    hits: int
    last_us: int | None
    newest_us: int | None


def stored(workspace: Workspace) -> list[Stored]:
    """All entries, by id."""
    rows = workspace.rows("select document, added_us from allow order by entry_id")
    return [Stored(Entry.model_validate_json(row["document"]), row["added_us"]) for row in rows]


def live(workspace: Workspace, day: date | None = None) -> list[Entry]:
    """The entries that hold on a day; today if none is given."""
    return [each.entry for each in stored(workspace) if each.entry.is_live(day or today())]


def allowed(
    entries: Workspace | Iterable[Entry],
    documents: Iterable[Mapping[str, Any]],
    roles: Mapping[str, str] | None = None,
    names: Mapping[str, str] | None = None,
) -> list[str | None]:
    """Which entry covers each finding.

    Args:
        entries: the entries that hold; or the workspace whose they are.
        documents: findings as plain values.
        roles: role by address; the workspace's, if none are given.
        names: name by address; likewise.

    Returns:
        for each finding the id of the entry that covers all of it (the first by id), or None.
    """
    found = [facts_of(each) for each in documents]
    if isinstance(entries, Workspace):
        known = known_facts(entries, found)
        entries = live(entries)
    else:
        known = Facts()
    facts = Facts(known.roles if roles is None else roles, known.names if names is None else names)
    holding = list(entries)
    return [covering(holding, each, facts) for each in found]


def known_facts(workspace: Workspace, found: Iterable[Subject]) -> Facts:
    """What the workspace knows of the hosts of findings."""
    addresses = {host for each in found for pair in each.pairs for host in (pair.client, pair.server)}
    there = workspace.rows("select column_name from information_schema.columns where table_name = 'known_host'")
    name = "name" if {"column_name": "name"} in there else "cast(null as varchar)"
    sql = f"select ip, role, {name} as name from known_host where ip in (select unnest($addresses))"
    rows = workspace.rows(sql, {"addresses": sorted(addresses)})
    return Facts({row["ip"]: row["role"] for row in rows}, {row["ip"]: row["name"] for row in rows if row["name"]})


def subjects(workspace: Workspace, where: str = "true") -> dict[str, Subject]:
    """What entries look at, of the findings that are kept, by id."""
    rows = workspace.rows(f"select finding_id, document from finding where {where} order by finding_id")
    return {row["finding_id"]: facts_of(json.loads(row["document"])) for row in rows}


def add(workspace: Workspace, entries: Sequence[Entry], who: str, *, is_replacing: bool = False) -> tuple[int, int]:
    """Add entries, or renew those that cover the same, and apply the list.

    Args:
        workspace: is changed as a whole or not at all.
        entries: what to add.
        who: does it.
        is_replacing: all others are removed.

    Returns:
        how many findings became allowed, and how many open.
    """
    with changing(workspace):
        there = {each.entry.id: each for each in stored(workspace)}
        given = {each.id: each for each in entries}
        if is_replacing:
            gone = [name for name in there if name not in given]
            _drop(workspace, gone)
            note(workspace, [(name, "not in the imported list") for name in gone], "entry removed", who)
        changed = {name: each for name, each in given.items() if name not in there or there[name].entry != each}
        _drop(workspace, [name for name in changed if name in there])
        rows = [
            (name, each.model_dump_json(), there[name].added_us if name in there else now_us())
            for name, each in changed.items()
        ]
        workspace.store.insert("allow", table(TRIAGE["allow"], rows))
        for action, is_known in (("entry added", False), ("entry changed", True)):
            done = [(name, each.reason) for name, each in changed.items() if (name in there) == is_known]
            note(workspace, done, action, who)
        return apply(workspace, who)


def remove(workspace: Workspace, prefix: str, reason: str, who: str) -> tuple[Entry, int]:
    """Remove an entry; what only it covered is open again.

    Returns:
        the entry, and how many findings are open again.

    Raises:
        UsageError: there is none of that id, or there are several.
    """
    found = [each.entry for each in stored(workspace) if len(prefix) >= LEAST_ID and each.entry.id.startswith(prefix)]
    if len(found) != 1:
        what = "several entries begin" if found else f"no entry begins (with {LEAST_ID} digits or more)"
        raise UsageError("allow", f"{what} with {prefix!r}", "rpcsight allow list shows the ids")
    with changing(workspace):
        _drop(workspace, [found[0].id])
        note(workspace, [(found[0].id, reason)], "entry removed", who)
        return found[0], apply(workspace, who)[1]


def apply(workspace: Workspace, who: str = HUNT, day: date | None = None) -> tuple[int, int]:
    """Bring findings that nobody closed in line with the entries that hold; within a transaction.

    Returns:
        how many became allowed, and how many open.
    """
    rows = workspace.rows("select finding_id, status, allowed_by from finding where status in ('open', 'allowed')")
    entries = live(workspace, day)
    if not entries and all(row["status"] == "open" for row in rows):
        return 0, 0
    found = subjects(workspace, "status in ('open', 'allowed')")
    facts = known_facts(workspace, found.values())
    reasons = {each.id: f"entry {each.id}: {each.reason}" for each in entries}
    ids = {name: covering(entries, each, facts) for name, each in found.items()}
    changed = [row["finding_id"] for row in rows if ids[row["finding_id"]] != row["allowed_by"]]
    if not changed:
        return 0, 0
    made = [(name, "allowed" if ids[name] else "open", ids[name]) for name in sorted(changed)]
    _set(workspace, made)
    note(workspace, [(name, reasons[by]) for name, _, by in made if by], "allowed", who)
    opened = [name for name, _, by in made if not by]
    note(workspace, [(name, "no entry covers it any longer") for name in opened], "opened again", who)
    before = {row["finding_id"]: row["status"] for row in rows}
    return sum(1 for name, _, by in made if by and before[name] == "open"), len(opened)


def listed(workspace: Workspace) -> list[Listed]:
    """All entries with what they cover, by id."""
    found = subjects(workspace)
    facts = known_facts(workspace, found.values())
    last = {name: max(pair.last_us for pair in each.pairs) for name, each in found.items()}
    newest = max(last.values(), default=None)
    made: list[Listed] = []
    for each in stored(workspace):
        hits = [last[name] for name, one in found.items() if why_not(each.entry, one, facts) is None]
        made.append(Listed(each.entry, each.added_us, len(hits), max(hits, default=None), newest))
    return made


def preview(workspace: Workspace, entry: Entry) -> tuple[list[str], dict[str, int]]:
    """What an entry would do.

    Returns:
        ids of the findings that it would cover, whatever their status; and of the other open findings of its clients why they are
        not covered, and how many of each.
    """
    found = subjects(workspace)
    facts = known_facts(workspace, found.values())
    is_open = {row["finding_id"] for row in workspace.rows("select finding_id from finding where status = 'open'")}
    hidden: list[str] = []
    reasons: dict[str, int] = {}
    for name, each in found.items():
        reason = why_not(entry, each, facts)
        if reason is None:
            hidden.append(name)
        elif name in is_open and concerns(entry, each, facts):
            reasons[reason] = reasons.get(reason, 0) + 1
    return hidden, dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0])))


def _drop(workspace: Workspace, ids: Sequence[str]) -> None:
    workspace.store.run("delete from allow where entry_id in (select unnest($ids))", {"ids": list(ids)})


def _set(workspace: Workspace, made: list[tuple[str, str, str | None]]) -> None:
    """Give findings the status and the entry that are said of each."""
    workspace.store.run("create or replace temp table change (finding_id VARCHAR, status VARCHAR, allowed_by VARCHAR)")
    workspace.store.insert("change", table(CHANGE, made))
    workspace.store.run(
        "update finding set status = change.status, allowed_by = change.allowed_by from change "
        "where change.finding_id = finding.finding_id"
    )
    workspace.store.run("drop table change")
