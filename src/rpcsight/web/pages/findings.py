"""What the list of findings shows: a page of them, or groups; the addresses of other ones."""

import re
from collections.abc import Mapping
from typing import Any

from rpcsight.baseline.workspace import Workspace
from rpcsight.errors import UsageError
from rpcsight.triage.query import KEYS
from rpcsight.triage.search import GROUPS, SORTS, Group, Hit, groups, search
from rpcsight.web.pages.rendering import to

__all__ = ["ASKED", "listed", "row", "short"]

Values = dict[str, Any]

LABELS = {
    "score": "highest score",
    "time": "latest activity",
    "day": "latest day",
    "client": "client",
    "server": "server",
    "status": "status",
    "severity": "severity",
}
COLUMNS = (("Score", "score"), ("Finding", "client"), ("Last, UTC", "time"), ("Status", "status"))
WAYS = {"asc": "ascending", "desc": "descending"}
ASKED = ("q", "sort", "order", "group", "cursor")


def listed(workspace: Workspace, query: Mapping[str, str]) -> Values:
    """A page of the list, by the query of its address; what is wrong with that is told on it."""
    asked = {name: query.get(name, "") for name in ASKED}
    asked["sort"] = asked["sort"] or "score"
    values: Values = {
        "asked": asked,
        "sorts": [(name, LABELS.get(name, name)) for name in SORTS],
        "groups": list(GROUPS),
        "keys": KEYS,
        "problem": "",
        "rows": [],
        "grouped": None,
        "total": 0,
        "statuses": [],
        "severities": [],
        "columns": [],
        "listing": {"first": "", "next": ""},
        "is_empty": False,
        "is_ticked": query.get("ticked") == "all",
        "tick_address": to("findings", asked, ticked="all"),
    }
    try:
        return values | _found(workspace, asked)
    except UsageError as wrong:
        return values | {"problem": f"{wrong.what}; {wrong.hint}" if wrong.hint else wrong.what}


def row(hit: Hit) -> Values:
    """A finding in the list."""
    return short(hit) | {
        "summary": hit.summary,
        "reasons": hit.reasons,
        "more_pairs": max(0, hit.pairs - 1),
    }


def short(hit: Hit) -> Values:
    """A finding in a line."""
    return {
        "id": hit.finding_id,
        "score": hit.score,
        "severity": hit.severity,
        "status": hit.status,
        "has_grown": hit.has_grown,
        "client": {"ip": hit.src_ip, "name": hit.client_name, "role": hit.client_role},
        "server": {"ip": hit.dest_ip, "name": hit.server_name, "role": hit.server_role},
        "service": hit.service,
        "first_us": hit.first_us,
        "last_us": hit.last_us,
    }


def _found(workspace: Workspace, asked: Mapping[str, str]) -> Values:
    sort, order = asked["sort"], asked["order"] or None
    cursor = asked["cursor"] or None
    is_grouped = bool(asked["group"])
    page = search(workspace, asked["q"], sort, order, None if is_grouped else cursor)
    kept = {name: asked[name] for name in ASKED if name != "cursor"}
    made: Values = {
        "total": page.total,
        "statuses": _filters(kept, "status", page.statuses, usual="open", all_of="grown"),
        "severities": _filters(kept, "severity", dict(reversed(list(page.severities.items()))), usual="", all_of=""),
        "columns": _columns(kept, sort, order),
        "is_empty": not any(page.statuses.values()) and not asked["q"],
    }
    following = page.next
    if is_grouped:
        found = groups(workspace, asked["q"], asked["group"], cursor)
        made["grouped"] = [_group(each, kept) for each in found.groups]
        made["groups_total"] = found.total
        following = found.next
    else:
        made["rows"] = [row(each) for each in page.hits]
    made["listing"] = {
        "first": to("findings", kept) if cursor else "",
        "next": to("findings", kept, cursor=following) if following else "",
    }
    return made


def _group(each: Group, kept: Mapping[str, str]) -> Values:
    query = f"{kept['q']} {each.term}".strip()
    return {
        "value": each.value,
        "findings": each.findings,
        "best": each.best,
        "severity": each.severity,
        "last_us": each.last_us,
        "address": to("findings", {**kept, "q": query, "group": ""}),
    }


def _columns(kept: Mapping[str, str], sort: str, order: str | None) -> list[tuple[str, str, str]]:
    """Titles, where they lead, and how the table is sorted by them now."""
    made: list[tuple[str, str, str]] = []
    for label, name in COLUMNS:
        usual = SORTS[name][1]
        now = (order or usual) if name == sort else ""
        other = ("asc" if now == "desc" else "desc") if now else ""
        address = to("findings", {**kept, "sort": name, "order": "" if other == usual else other})
        made.append((label, address, WAYS.get(now, "")))
    return made


def _filters(
    kept: Mapping[str, str], key: str, counts: Mapping[str, int], *, usual: str, all_of: str
) -> list[tuple[str, int, str, bool]]:
    """Links to the same search with another status or severity."""
    now = re.findall(rf"(?<!\S){key}:(\S+)", kept["q"])
    rest = re.sub(rf"(?<!\S)-?{key}(?::|>=|<=)\S+", "", kept["q"])
    rest = " ".join(rest.split())
    is_other = rest != " ".join(kept["q"].split())
    everything = sum(count for name, count in counts.items() if name != all_of)
    made = [(name, count, f"{key}:{name}") for name, count in counts.items() if count or name in now or name == usual]
    made.append(("all", everything, f"{key}:all" if usual else ""))
    return [
        (
            name,
            count,
            to("findings", {**kept, "q": f"{rest} {'' if name == usual else term}".strip()}),
            now == [name] if is_other else name == (usual or "all"),
        )
        for name, count, term in made
    ]
