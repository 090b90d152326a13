"""Findings of a workspace searched, sorted, grouped and paged, in SQL: a page of a hundred thousand takes milliseconds."""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from rpcsight.baseline.workspace import Workspace
from rpcsight.errors import UsageError
from rpcsight.triage._conditions import HAS_GROWN, STATUS, Conditions, conditions, hit_of
from rpcsight.triage.found import Group, Groups, Hit, Page, Standing
from rpcsight.triage.query import NOTHING, SEVERITIES, parsed, term

__all__ = [
    "GROUPS",
    "MOST",
    "ORDERS",
    "SORTS",
    "Group",
    "Groups",
    "Hit",
    "Page",
    "groups",
    "hits_of",
    "ids_of",
    "search",
]

MOST = 200
"""Rows of a page."""
LONGEST_CURSOR = 2000
ORDERS = ("desc", "asc")
SORTS = {
    "score": ("score", "desc"),
    "day": ("day", "desc"),
    "time": ("last_us", "desc"),
    "client": ("client_order", "asc"),
    "server": ("server_order", "asc"),
    "status": ("list_position(['open', 'malicious', 'allowed', 'benign', 'duplicate'], state)", "asc"),
    "severity": ("weight", "desc"),
}
"""What findings are sorted by, and in which order if nothing else is said; then by id."""
BY_NAME = {"client", "server"}
"""These sort by a text, all others by a number."""
FAR = 2**62
GROUPS = {
    "client": "select finding_id, coalesce(src_ip, '') as value from hit",
    "server": "select finding_id, coalesce(dest_ip, '') as value from hit",
    "host": """
        select finding_id, src_ip as value from finding_pair where finding_id in (select finding_id from hit)
        union select finding_id, dest_ip from finding_pair where finding_id in (select finding_id from hit)
    """,
    "day": "select finding_id, strftime(date '1970-01-01' + day, '%Y-%m-%d') as value from hit",
    "service": """
        select finding_id, unnest(string_split(trim(services, chr(10)), chr(10))) as value
        from finding_word where finding_id in (select finding_id from hit)
    """,
    "technique": """
        select finding_id, unnest(string_split(trim(techniques, chr(10)), chr(10))) as value
        from finding_word where finding_id in (select finding_id from hit)
    """,
}
"""What findings are grouped by; one that belongs to several values is in several groups."""


def search(
    workspace: Workspace,
    query: str = "",
    sort: str = "score",
    order: str | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page:
    """A page of the findings that a query finds; open ones, if it does not say else.

    Args:
        workspace: keeps them.
        query: what people typed: `triage/query.py` and docs/serve.md.
        sort: of `SORTS`.
        order: of `ORDERS`; None: the usual one.
        cursor: of the page before; findings that came since then move nothing.
        limit: most rows, up to `MOST`.

    Raises:
        UsageError: the query, what to sort by or the cursor is none.
    """
    if sort not in SORTS:
        raise UsageError("sort", f"there is no {sort!r}", f"one of: {', '.join(SORTS)}")
    key, usual = SORTS[sort]
    if order is not None and order not in ORDERS:
        raise UsageError("order", f"there is no {order!r}", f"one of: {', '.join(ORDERS)}")
    way = order or usual
    asked = f"{sort} {way} {query.strip()}"
    found = conditions(workspace, parsed(query))
    counts = _counts(workspace, found)
    after = "true"
    if cursor is not None:
        value, name = _read(cursor, asked, str if sort in BY_NAME else float)
        k, i = found.parameter(value), found.parameter(name)
        after = f"(key {'<' if way == 'desc' else '>'} {k} or (key = {k} and finding_id > {i}))"
    joined = "join finding_word using (finding_id)" if sort in BY_NAME else ""
    most = max(1, min(limit, MOST))
    sql = f"""
        {hit_of(found)}
        select *
        from (select hit.*, {key} as key from hit {joined}) as keyed
        where {after}
        order by key {way}, finding_id
        limit {most + 1}
    """
    rows = workspace.rows(sql, found.parameters)
    last = rows[most - 1] if len(rows) > most else None
    return Page(
        _hits(workspace, rows[:most]),
        None if last is None else _cursor(asked, last["key"], last["finding_id"]),
        *counts,
    )


def ids_of(workspace: Workspace, asked: Mapping[str, str]) -> set[str]:
    """The findings, in any status, that have all of these: values by keys of a query.

    Raises:
        UsageError: a value is none of its kind.
    """
    made = [*parsed("status:all")]
    for key, value in asked.items():
        try:
            made += parsed(term(key, value))
        except UsageError as error:
            raise UsageError(f"--{key}", error.what, error.hint) from None
    found = conditions(workspace, made)
    return {
        row["finding_id"] for row in workspace.rows(f"{hit_of(found)} select finding_id from hit", found.parameters)
    }


def hits_of(workspace: Workspace, ids: Sequence[str]) -> tuple[Hit, ...]:
    """Findings by their ids, in that order, as a list shows them."""
    found = conditions(workspace, ())
    sql = f"""
        select * exclude (document), {STATUS} as state, {HAS_GROWN} as has_grown
        from finding where rowid in (select rowid from finding where finding_id in (select unnest($ids::varchar[])))
    """
    rows = {row["finding_id"]: row for row in workspace.rows(sql, found.parameters | {"ids": list(ids)})}
    return _hits(workspace, [rows[each] for each in ids if each in rows])


def groups(workspace: Workspace, query: str, by: str, cursor: str | None = None, limit: int = 50) -> Groups:
    """The findings that a query finds, by what they have in common.

    Args:
        workspace: keeps them.
        query: as in `search`.
        by: of `GROUPS`.
        cursor: of the page before.
        limit: most groups, up to `MOST`.

    Raises:
        UsageError: the query, what to group by or the cursor is none.
    """
    if by not in GROUPS:
        raise UsageError("group", f"there is no {by!r}", f"one of: {', '.join(GROUPS)}")
    asked = f"group {by} {query.strip()}"
    found = conditions(workspace, parsed(query))
    after = "true"
    parameters = found.parameters
    if cursor is not None:
        best, value = _read(cursor, asked, float)
        parameters = parameters | {"best": best, "value": value}
        after = "(best < $best or (best = $best and value > $value))"
    most = max(1, min(limit, MOST))
    sql = f"""
        {hit_of(found)}, each as ({GROUPS[by]})
        select *, count(*) over () as total
        from (
          select value, count(*) as findings, max(score) as best, max(weight) as weight, min(first_us) as first_us,
            max(last_us) as last_us
          from each
          join hit using (finding_id)
          group by value
        ) as grouped
        qualify {after}
        order by best desc, value
        limit {most + 1}
    """
    rows = workspace.rows(sql, parameters)
    last = rows[most - 1] if len(rows) > most else None
    made = tuple(_group(by, row) for row in rows[:most])
    return Groups(
        made, None if last is None else _cursor(asked, last["best"], last["value"]), rows[0]["total"] if rows else 0
    )


def _group(by: str, row: Mapping[str, Any]) -> Group:
    value = row["value"] or NOTHING
    if by == "technique":
        value = value.upper()
    return Group(
        value,
        term(by, value),
        row["findings"],
        row["best"],
        SEVERITIES[row["weight"]] if row["weight"] is not None else "",
        row["first_us"],
        row["last_us"],
    )


def _counts(workspace: Workspace, found: Conditions) -> tuple[int, dict[str, int], dict[str, int]]:
    """How many there are; of each status; of each severity."""
    sql = f"""
        {hit_of(found)}
        select state, severity, has_grown, {" and ".join(found.of_status) or "true"} as is_status,
          {" and ".join(found.of_severity) or "true"} as is_severity, count(*) as rows
        from known
        group by all
    """
    total, grown = 0, 0
    statuses = dict.fromkeys(("open", "benign", "malicious", "duplicate", "allowed"), 0)
    severities: dict[str, int] = dict.fromkeys(SEVERITIES, 0)
    for row in workspace.rows(sql, found.parameters):
        if row["is_status"]:
            severities[row["severity"]] = severities.get(row["severity"], 0) + row["rows"]
        if row["is_severity"]:
            statuses[row["state"]] = statuses.get(row["state"], 0) + row["rows"]
            grown += row["rows"] if row["has_grown"] else 0
        total += row["rows"] if row["is_status"] and row["is_severity"] else 0
    return total, statuses | {"grown": grown}, severities


def _hits(workspace: Workspace, rows: Sequence[Mapping[str, Any]]) -> tuple[Hit, ...]:
    """Rows with what else a list shows of them."""
    if not rows:
        return ()
    ids = {"ids": [row["finding_id"] for row in rows]}
    sql = """
        select finding_id, pairs, shown
        from finding_word
        where rowid in (select rowid from finding_word where finding_id in (select unnest($ids::varchar[])))
    """
    shown = {row["finding_id"]: row for row in workspace.rows(sql, ids)}
    hosts = sorted({row[side] for row in rows for side in ("src_ip", "dest_ip") if row[side]})
    names = {
        row["ip"]: row["name"]
        for row in workspace.rows(
            "select ip, name from known_host where ip in (select unnest($hosts::varchar[]))",
            {"hosts": hosts},
        )
        if row["name"]
    }
    made: list[Hit] = []
    for row in rows:
        more = shown.get(row["finding_id"], {"pairs": 1, "shown": "{}"})
        told = json.loads(more["shown"])
        plain = {name: row[name] for name in Standing.__slots__ if name != "status"}
        made.append(
            Hit(
                **plain,
                status=row["state"],
                pairs=more["pairs"],
                techniques=tuple(told.get("techniques", ())),
                reasons=tuple(told.get("reasons", ())),
                client_role=told.get("client_role"),
                server_role=told.get("server_role"),
                client_name=names.get(row["src_ip"]),
                server_name=names.get(row["dest_ip"]),
            )
        )
    return tuple(made)


def _cursor(asked: str, value: object, name: str) -> str:
    """A place in the order of what was asked, for the next page."""
    text = json.dumps([_digest(asked), value, name], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read(cursor: str, asked: str, kind: type[str | float]) -> tuple[float | int | str, str]:
    """The place that a cursor names: anybody can write one, so it may hold anything."""
    wrong = UsageError("cursor", "belongs to no page of this query", "leave it out: the first page")
    if len(cursor) > LONGEST_CURSOR or not cursor.isascii():
        raise wrong
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        digest, value, name = json.loads(text)
        is_text = isinstance(value, str)
        is_value = is_text or (type(value) in {int, float} and -FAR < value < FAR)
        f"{value}{name}".encode()  # the database takes no lone surrogates
    except (binascii.Error, ValueError, TypeError, RecursionError):
        raise wrong from None
    if digest != _digest(asked) or not is_value or is_text != (kind is str) or not isinstance(name, str):
        raise wrong
    return value, name


def _digest(asked: str) -> str:
    return hashlib.sha256(asked.encode(errors="replace")).hexdigest()[:12]
