"""Several findings closed at once: those that are ticked in the list, after a page that says which and how many."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from rpcsight.baseline.workspace import Workspace
from rpcsight.errors import UsageError
from rpcsight.triage.kept import close_each
from rpcsight.triage.search import hits_of
from rpcsight.web.pages.finding import VERDICTS, checked_reason
from rpcsight.web.pages.findings import ASKED, short
from rpcsight.web.pages.frame import MOST_TICKED, Desk, Frames, TickedFields
from rpcsight.web.pages.rendering import to

__all__ = ["add"]

FAULTY, OVERTAKEN = 400, 409
CLOSING = tuple(each for each in VERDICTS if each[0] != "open")
DECIDED = """
select distinct subject from audit where number > $seen and subject in (select unnest($ids::varchar[]))
"""


def add(made: APIRouter, desk: Desk, frames: Frames) -> None:
    """Add the page and its form."""

    @made.get("/findings/close")
    def ask(request: Request) -> Response:
        ids = list(dict.fromkeys(request.query_params.getlist("id")))[:MOST_TICKED]
        asked = {name: request.query_params.get(name, "") for name in ASKED}
        with desk.reading() as workspace:
            values = _about(workspace, ids)
        return _shown(frames, request, values | {"asked": asked})

    @made.post("/findings/close")
    def close(request: Request, form: TickedFields) -> Response:
        given = form.fields
        who = frames.sender(request, given)
        asked = {name: given.get(name, "") for name in ASKED}
        verdict, seen = given.get("verdict", ""), given.get("seen", "")
        try:
            reason = checked_reason(given.get("reason", ""))
            _check(verdict)
        except UsageError as wrong:
            with desk.reading() as workspace:
                values = _about(workspace, form.ids, given)
            return _shown(frames, request, values | {"asked": asked, "problem": wrong.what}, FAULTY)
        with desk.writing() as workspace:
            late = _decided_since(workspace, form.ids, seen)
            done = close_each(workspace, [each for each in form.ids if each not in late], verdict, reason, who)
            values = _about(workspace, late, given) if late else {}
        count = sum(each.is_changed for each in done)
        if late:
            problem = f"{count} closed as {verdict}. Of these somebody decided meanwhile: look again."
            return _shown(frames, request, values | {"asked": asked, "problem": problem}, OVERTAKEN)
        return RedirectResponse(to("findings", asked, done=verdict, count=str(count)), 303)


def _check(verdict: str) -> None:
    if verdict not in dict(CLOSING):
        raise UsageError("verdict", "choose a verdict")


def _about(workspace: Workspace, ids: Sequence[str], given: Any = None) -> dict[str, Any]:  # noqa: ANN401
    """The findings, and what was given into the form."""
    (row,) = workspace.rows("select coalesce(max(number), 0) as seen from audit")
    return {
        "rows": [short(each) for each in hits_of(workspace, ids)],
        "seen": row["seen"],
        "verdicts": CLOSING,
        "given": {name: (given or {}).get(name, "") for name in ("verdict", "reason")},
        "problem": "",
    }


def _decided_since(workspace: Workspace, ids: Sequence[str], seen: str) -> list[str]:
    """Which of them somebody decided about since the page was made."""
    number = int(seen) if seen.isascii() and seen.isdecimal() and len(seen) < len("0" * 19) else 0
    there = {row["subject"] for row in workspace.rows(DECIDED, {"seen": number, "ids": list(ids)})}
    return [each for each in dict.fromkeys(ids) if each in there]


def _shown(frames: Frames, request: Request, values: dict[str, Any], status: int = 200) -> Response:
    back = to("findings", values["asked"])
    if not values["rows"]:
        values["problem"] = values["problem"] or "No finding is ticked, or none of them is there any longer."
        status = max(status, FAULTY)
    return frames.show(request, "close", values | {"back": back}, status=status)
