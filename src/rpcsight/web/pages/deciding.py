"""Findings and the allow-list: read, and decided about with forms."""

from collections.abc import Mapping

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from rpcsight.errors import UsageError
from rpcsight.triage import allowing as allow_list
from rpcsight.triage.kept import close, reopen
from rpcsight.triage.telling import history
from rpcsight.web.pages import allowing, finding, live
from rpcsight.web.pages.findings import listed
from rpcsight.web.pages.frame import Desk, Fields, Frames, Once
from rpcsight.web.pages.rendering import to

__all__ = ["add_entries", "add_findings"]

OPEN = "open"
FAULTY, OVERTAKEN = 400, 409


def add_findings(made: APIRouter, desk: Desk, frames: Frames) -> None:
    """Add the list, the page of one, and its triage."""

    @made.get("/findings")
    def findings(request: Request) -> Response:
        with desk.reading() as workspace:
            values = listed(workspace, request.query_params)
            watch = live.start(workspace)
        return frames.show(request, "findings", values, status=FAULTY if values["problem"] else 200, watch=watch)

    @made.get("/findings/new")
    def new_findings(since: int = 0) -> Response:
        with desk.reading() as workspace:
            return JSONResponse({"text": live.new_findings(workspace, since)})

    @made.get("/findings/{finding_id}/new")
    def news(finding_id: str, since: int = 0) -> Response:
        with desk.reading() as workspace:
            return JSONResponse({"text": live.news_of(workspace, finding_id, since)})

    @made.get("/findings/{finding_id}")
    def one(request: Request, finding_id: str) -> Response:
        return _finding(desk, frames, request, finding_id)

    @made.post("/findings/{finding_id}/triage")
    def triage(request: Request, finding_id: str, form: Fields) -> Response:
        who = frames.sender(request, form)
        verdict, reason = form.get("verdict", ""), form.get("reason", "")
        try:
            problem = _decided(desk, finding_id, verdict, finding.checked_reason(reason), form.get("seen", ""), who)
        except UsageError as wrong:
            return _finding(desk, frames, request, finding_id, form, _told(wrong), FAULTY)
        if problem:
            return _finding(desk, frames, request, finding_id, form, problem, OVERTAKEN)
        return RedirectResponse(to(["findings", finding_id], done=verdict), 303)


def add_entries(made: APIRouter, desk: Desk, frames: Frames) -> None:
    """Add the allow-list, and the form of an entry with what it would do."""
    of_entries = Once(desk, lambda workspace: {"entries": allowing.entries(workspace)})

    @made.get("/allow")
    def entries(request: Request) -> Response:
        return frames.show(request, "allow", of_entries())

    @made.get("/allow/new")
    def form_of_entry(request: Request) -> Response:
        return _form(desk, frames, request, dict(request.query_params))

    @made.post("/allow")
    def add(request: Request, form: Fields) -> Response:
        who = frames.sender(request, form)
        try:
            entry = allowing.asked(form, is_preview=False)
        except UsageError as wrong:
            return _form(desk, frames, request, form, _told(wrong))
        with desk.writing() as workspace:
            allow_list.add(workspace, [entry], who)
        return RedirectResponse(to("allow", done="added"), 303)

    @made.post("/allow/{entry_id}/remove")
    def remove(request: Request, entry_id: str, form: Fields) -> Response:
        who = frames.sender(request, form)
        reason = finding.checked_reason(form.get("reason", ""))
        with desk.writing() as workspace:
            allow_list.remove(workspace, entry_id, reason, who)
        return RedirectResponse(to("allow", done="removed"), 303)


def _finding(
    desk: Desk,
    frames: Frames,
    request: Request,
    finding_id: str,
    given: Mapping[str, str] | None = None,
    problem: str = "",
    status: int = 200,
) -> Response:
    """The page of a finding; with what was given into its form, and what is wrong with that."""
    with desk.reading() as workspace:
        try:
            kept = finding.kept(workspace, finding_id)
        except UsageError as wrong:
            raise HTTPException(404, wrong.what) from wrong
        known = history(workspace, kept)
        values = finding.described(kept, known) | {"similar": finding.similar(workspace, kept)}
    filled = {name: (given or {}).get(name, "") for name in ("verdict", "reason")}
    values |= {"given": filled, "problem": problem}
    return frames.show(request, "finding", values, status=status, watch=live.start_of(kept.finding_id, len(known.log)))


def _decided(desk: Desk, finding_id: str, verdict: str, reason: str, seen: str, who: str) -> str:
    """Close a finding, or open it again, if nobody did anything since the page was made; else what was done."""
    with desk.writing() as workspace:
        kept = finding.kept(workspace, finding_id)
        log = finding.decided(workspace, kept.finding_id)
        if seen != str(len(log)):
            last = log[-1] if log else {"who": "somebody", "action": "changed"}
            return f"{last['who']} was faster: {last['action']}. Nothing of yours was kept: look again, and decide."
        if verdict == OPEN:
            reopen(workspace, [kept.finding_id], reason, who)
        else:
            close(workspace, [kept.finding_id], verdict, reason, who)
    return ""


def _form(desk: Desk, frames: Frames, request: Request, given: Mapping[str, str], problem: str = "") -> Response:
    """The form of an entry, and what it would do once it says something."""
    values = allowing.form(given) | {"preview": None, "scope_fields": allowing.SCOPE_FIELDS}
    if any(given.get(name) for name in allowing.SCOPE_FIELDS):
        try:
            entry = allowing.asked(given, is_preview=True)
            with desk.reading() as workspace:
                values["preview"] = allowing.previewed(workspace, entry)
        except UsageError as wrong:
            problem = problem or _told(wrong)
    return frames.show(request, "allow_new", values | {"problem": problem}, status=FAULTY if problem else 200)


def _told(wrong: UsageError) -> str:
    return f"{wrong.what}; {wrong.hint}" if wrong.hint else wrong.what
