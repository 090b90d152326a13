"""The allow-list of a workspace: added to, taken from, and applied to the findings that are kept."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import date
from typing import Any

from rpcsight.baseline.settling import following
from rpcsight.baseline.workspace import Workspace
from rpcsight.errors import UsageError
from rpcsight.schema.triage import TRIAGE
from rpcsight.triage.audit import HUNT, note, now_us, table, today
from rpcsight.triage.covered import covered, judge
from rpcsight.triage.entries import Entry
from rpcsight.triage.matching import Facts, Subject, covering, facts_of

__all__ = [
    "Listed",
    "Preview",
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
]

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


@dataclass(frozen=True, slots=True)
class Preview:
    """What an entry would do.

    Args:
        ids: the findings that it would cover, whatever their status; the highest scores first.
        statuses: how many of them are of each status.
        others: why other open findings of its clients are not covered, and how many of each; the most first.
    """

    ids: list[str]
    statuses: Mapping[str, int]
    others: Mapping[str, int]


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
    sql = "select ip, role, name from known_host where ip in (select unnest($addresses))"
    rows = workspace.rows(sql, {"addresses": sorted(addresses)})
    return Facts({row["ip"]: row["role"] for row in rows}, {row["ip"]: row["name"] for row in rows if row["name"]})


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
    with workspace.store.transaction():
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
    with workspace.store.transaction():
        _drop(workspace, [found[0].id])
        note(workspace, [(found[0].id, reason)], "entry removed", who)
        return found[0], apply(workspace, who)[1]


def apply(
    workspace: Workspace,
    who: str = HUNT,
    day: date | None = None,
    ids: Sequence[str] | None = None,
    *,
    is_followed: bool = False,
) -> tuple[int, int]:
    """Bring findings that nobody closed in line with the entries that hold; within a transaction.

    Args:
        workspace: keeps them.
        who: does it.
        day: on which entries have to hold; None: today.
        ids: these findings alone.
        is_followed: the caller lets the baseline follow.

    Returns:
        how many became allowed, and how many open.
    """
    entries = {each.id: each for each in live(workspace, day)}
    which = "" if ids is None else " and finding_id in (select unnest($ids::varchar[]))"
    given: dict[str, object] = {} if ids is None else {"ids": list(ids)}
    where = f"select finding_id from finding where status in ('open', 'allowed'){which}"
    covered(workspace, entries, where, given)
    sql = f"""
        select finding_id, finding.status as before, entry_id
        from finding left join cover using (finding_id)
        where status in ('open', 'allowed'){which} and allowed_by is distinct from entry_id
        order by finding_id
    """
    changed = workspace.rows(sql, given)
    if not changed:
        return 0, 0
    with nullcontext() if is_followed else following(workspace, [row["finding_id"] for row in changed]):
        workspace.store.run(
            "update finding set status = $status, allowed_by = null where finding_id in (select unnest($ids::varchar[]))",
            {"status": "open", "ids": [row["finding_id"] for row in changed if row["entry_id"] is None]},
        )
        workspace.store.run(
            "update finding set status = 'allowed', allowed_by = cover.entry_id from cover "
            "where cover.finding_id = finding.finding_id and finding.allowed_by is distinct from cover.entry_id"
        )
    taken = [row for row in changed if row["entry_id"] is not None]
    opened = [row["finding_id"] for row in changed if row["entry_id"] is None]
    reasons = {name: f"entry {name}: {each.reason}" for name, each in entries.items()}
    note(workspace, [(row["finding_id"], reasons[row["entry_id"]]) for row in taken], "allowed", who)
    note(workspace, [(name, "no entry covers it any longer") for name in opened], "opened again", who)
    return sum(1 for row in taken if row["before"] == "open"), len(opened)


def listed(workspace: Workspace) -> list[Listed]:
    """All entries with what they cover, by id."""
    newest = workspace.rows("select max(last_us) as newest from finding_meeting")[0]["newest"]
    made: list[Listed] = []
    for each in stored(workspace):
        judge(workspace, each.entry)
        (row,) = workspace.rows("select count(*) as hits, max(last_us) as last_us from judged where why is null")
        made.append(Listed(each.entry, each.added_us, row["hits"], row["last_us"], newest))
    return made


def preview(workspace: Workspace, entry: Entry) -> Preview:
    """What an entry would do to the findings that are kept."""
    judge(workspace, entry)
    hidden = workspace.store.rows(
        "select finding_id, status from judged join finding using (finding_id) where why is null order by score desc, finding_id"
    ).to_pydict()
    others = workspace.rows(
        "select why, count(*) as findings from judged join finding using (finding_id) "
        "where why is not null and is_concerned and status = 'open' group by why order by findings desc, why"
    )
    return Preview(hidden["finding_id"], Counter(hidden["status"]), {row["why"]: row["findings"] for row in others})


def _drop(workspace: Workspace, ids: Sequence[str]) -> None:
    workspace.store.run("delete from allow where entry_id in (select unnest($ids))", {"ids": list(ids)})
