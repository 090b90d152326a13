"""What the search box looks into: of each finding that is kept its hosts, services, techniques and words, ready to be searched."""

import ipaddress
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from rpcsight.baseline.workspace import Workspace
from rpcsight.schema.column import names
from rpcsight.schema.triage import TRIAGE
from rpcsight.triage.audit import table
from rpcsight.triage.documents import as_json
from rpcsight.triage.matching import facts_of

__all__ = ["BETWEEN", "drop_words", "fill", "keep_words", "lacking"]

BETWEEN = "\n"
"""Stands before and after each of several values of one text."""
MOST_WORDS = 20_000
"""Characters of a finding that are searched."""
MOST_TECHNIQUES = 50
REASONS_TOLD = 3
AT_ONCE = 2_000
TOLD = ("user_name", "target", "image_path", "command_line", "host", "pipe")
"""What records say beside hosts and services, that people search for."""


def keep_words(workspace: Workspace, documents: Iterable[Mapping[str, Any]]) -> None:
    """Keep what is searched of findings that have none of it yet."""
    rows = [_row(each) for each in documents]
    workspace.store.insert("finding_word", table(TRIAGE["finding_word"], rows))


def drop_words(workspace: Workspace, ids: list[str]) -> None:
    """Forget what is searched of findings."""
    workspace.store.run("delete from finding_word where finding_id in (select unnest($ids))", {"ids": ids})


def lacking(workspace: Workspace) -> int:
    """How many findings nothing is searched of: they were kept by an earlier version."""
    known = "anti join finding_word using (finding_id)" if _is_there(workspace) else ""
    return workspace.rows(f"select count(*) as rows from finding {known}")[0]["rows"]


def fill(workspace: Workspace) -> None:
    """Keep what is searched of all findings."""
    if not _is_there(workspace):
        workspace.store.run("drop table if exists finding_word")
        workspace.store.create("finding_word", TRIAGE["finding_word"])
    sql = "select document from finding anti join finding_word using (finding_id) limit $most"
    while rows := workspace.rows(sql, {"most": AT_ONCE}):
        with workspace.store.transaction():
            keep_words(workspace, [json.loads(row["document"]) for row in rows])


def _is_there(workspace: Workspace) -> bool:
    """Whether the table is there, and as this version makes it."""
    sql = "select column_name from information_schema.columns where table_name = 'finding_word'"
    return {row["column_name"] for row in workspace.rows(sql)} == set(names(TRIAGE["finding_word"]))


def _row(document: Mapping[str, Any]) -> tuple[object, ...]:
    subject = facts_of(document)
    hosts = dict.fromkeys(address for pair in subject.pairs for address in (pair.src_ip, pair.dest_ip) if address)
    techniques = sorted({str(each).lower() for each in document.get("techniques") or ()})
    shown = [*(document.get("detections") or ()), *(document.get("evidence") or ())]
    told = dict.fromkeys(str(each[name]) for each in shown for name in TOLD if each.get(name))
    words = [
        str(document["finding_id"]),
        str(document["summary"]),
        *hosts,
        *sorted(subject.services),
        *sorted(subject.operations),
        *techniques,
        *told,
    ]
    return (
        document["finding_id"],
        _in_order(document.get("src_ip")),
        _in_order(document.get("dest_ip")),
        len(subject.pairs),
        _marked(sorted(subject.services)),
        _marked(techniques),
        BETWEEN.join(words).lower()[:MOST_WORDS],
        as_json(
            {
                "client_role": document.get("client_role"),
                "server_role": document.get("server_role"),
                "techniques": list(document.get("techniques") or ())[:MOST_TECHNIQUES],
                "reasons": sorted(map(_plain, document.get("reasons") or ()), key=lambda each: -each["points"])[
                    :REASONS_TOLD
                ],
            }
        ),
    )


def _plain(reason: Any) -> dict[str, Any]:  # noqa: ANN401
    return (
        {name: reason[name] for name in ("name", "points", "text")} if isinstance(reason, Mapping) else asdict(reason)
    )


def _marked(values: Iterable[str]) -> str:
    listed = [each.replace(BETWEEN, " ") for each in values]
    return BETWEEN.join(("", *listed, "")) if listed else ""


def _in_order(address: str | None) -> str:
    """A text by which addresses stand in the order of their numbers, IPv4 first, and what is none last."""
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return f"9{address or ''}"
    return f"{found.version}{int(found):039d}"
