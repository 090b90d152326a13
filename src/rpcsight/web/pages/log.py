"""What the audit log and the settings show."""

from typing import Any

from pydantic import BaseModel

from rpcsight.baseline.workspace import Workspace
from rpcsight.web.pages.rendering import to

__all__ = ["listed", "sections"]

MOST = 100
ROWS = """
    select number, at_us, subject, action, reason, who, subject in (select finding_id from finding) as is_finding
    from audit
    where number < $before
    order by number desc
    limit $limit
"""
ALL = 2**62


def listed(workspace: Workspace, before: int | None) -> dict[str, Any]:
    """A page of the log, the newest first; from before a row's number on."""
    start = max(0, min(ALL if before is None else before, ALL))
    rows = workspace.rows(ROWS, {"before": start, "limit": MOST + 1})
    following = to("log", before=rows[MOST - 1]["number"]) if len(rows) > MOST else ""
    return {"rows": rows[:MOST], "listing": {"first": "" if before is None else to("log"), "next": following}}


def sections(settings: BaseModel) -> list[tuple[str, list[tuple[str, str]]]]:
    """Settings by section, as in a settings file."""
    made: list[tuple[str, list[tuple[str, str]]]] = []
    for name, value in settings.model_dump(mode="json").items():
        if isinstance(value, dict):
            made.append((name, [(key, _told(each)) for key, each in value.items()]))
    return made


def _told(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)
