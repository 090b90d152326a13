"""What is asked of findings that are kept, ready for SQL: hosts, services, techniques and words, and what the allow-list looks at."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from rpcsight.baseline.workspace import Workspace
from rpcsight.schema.triage import TRIAGE
from rpcsight.triage.audit import table
from rpcsight.triage.documents import as_json
from rpcsight.triage.matching import Subject, facts_of, in_order

__all__ = ["BETWEEN", "drop_words", "keep_words"]

BETWEEN = "\n"
"""Stands before and after each of several values of one text."""
NO_BREAK = "\t"
"""Stands for a line break within a value: no entry of an allow-list has one."""
MOST_WORDS = 20_000
"""Characters of a finding that are searched."""
MOST_TECHNIQUES = 50
REASONS_TOLD = 3
TOLD = ("user_name", "target", "image_path", "command_line", "host", "pipe")
"""What records say beside hosts and services, that people search for."""


def keep_words(workspace: Workspace, documents: Iterable[Mapping[str, Any]]) -> None:
    """Keep what is asked of findings, of which nothing is kept yet."""
    known = [(each, facts_of(each)) for each in documents]
    rows = [_row(each, subject) for each, subject in known]
    workspace.store.insert("finding_word", table(TRIAGE["finding_word"], rows))
    met = [row for each, subject in known for row in _met(each["finding_id"], subject)]
    workspace.store.insert("finding_meeting", table(TRIAGE["finding_meeting"], met))


def drop_words(workspace: Workspace, ids: list[str]) -> None:
    """Forget what is asked of findings."""
    for name in ("finding_word", "finding_meeting"):
        workspace.store.run(f"delete from {name} where finding_id in (select unnest($ids::varchar[]))", {"ids": ids})


def _met(finding_id: str, subject: Subject) -> list[tuple[object, ...]]:
    return [
        (
            finding_id,
            place,
            pair.client,
            pair.server,
            pair.src_ip,
            pair.dest_ip,
            in_order(pair.src_ip),
            in_order(pair.dest_ip),
            pair.first_us,
            pair.last_us,
        )
        for place, pair in enumerate(subject.pairs)
    ]


def _row(document: Mapping[str, Any], subject: Subject) -> tuple[object, ...]:
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
        in_order(document.get("src_ip") or ""),
        in_order(document.get("dest_ip") or ""),
        len(subject.pairs),
        _marked(sorted(subject.services)),
        _marked(sorted(subject.operations)),
        subject.knows_services,
        subject.knows_operations,
        subject.weight,
        _marked(techniques),
        BETWEEN.join(words).lower()[:MOST_WORDS],
        as_json(
            {
                "client_role": document.get("client_role"),
                "server_role": document.get("server_role"),
                "techniques": list(document.get("techniques") or ())[:MOST_TECHNIQUES],
                "reasons": sorted(map(_plain, document.get("reasons") or ()), key=lambda each: -abs(each["points"]))[
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
    listed = [each.replace(BETWEEN, NO_BREAK) for each in values]
    return BETWEEN.join(("", *listed, "")) if listed else ""
