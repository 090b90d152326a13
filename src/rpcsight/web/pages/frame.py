"""What all pages have around them: who reads, which pages there are, what was just done; and the forms they send."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Protocol
from urllib.parse import parse_qsl

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse

from rpcsight.baseline.workspace import Workspace
from rpcsight.errors import UsageError
from rpcsight.settings import Settings
from rpcsight.triage.audit import today
from rpcsight.web.pages.rendering import page, to
from rpcsight.web.root import route

__all__ = ["MOST_TICKED", "Desk", "Fields", "Frames", "Once", "Security", "TickedFields"]

PAGES = (
    ("findings", "Findings"),
    ("hosts", "Hosts"),
    ("map", "Map"),
    ("baseline", "Baseline"),
    ("inputs", "What was read"),
    ("allow", "Allow-list"),
    ("log", "Log"),
    ("settings", "Settings"),
)
DONE = {
    "benign": "Closed as benign: it counts for the baseline from now on.",
    "malicious": "Closed as malicious: it stays held back from the baseline.",
    "duplicate": "Closed as duplicate.",
    "open": "Open again.",
    "added": "The entry was added.",
    "removed": "The entry was removed; what only it covered is open again.",
}
"""What is told after a form was sent; the address names it by its key, so that nobody can put other words there."""
FORM = "application/x-www-form-urlencoded"
MOST_FIELDS = 50
MOST_TICKED = 200
NOBODY_ASKED = "loopback"


class Desk(Protocol):
    """What pages ask of the workspace."""

    path: Path
    settings: Settings

    def changed_us(self) -> int:
        """When it was written last, in microseconds since 1970."""
        ...

    def stamp(self) -> tuple[int, int]:
        """What changes whenever the file does."""
        ...

    def reading(self) -> AbstractContextManager[Workspace]:
        """The workspace, to be read."""
        ...

    def writing(self) -> AbstractContextManager[Workspace]:
        """The workspace, to be changed."""
        ...


class Caller(Protocol):
    """Who asks."""

    @property
    def name(self) -> str:
        """For the log."""
        ...

    @property
    def way(self) -> str:
        """How that is known: `loopback` where nobody was asked."""
        ...

    @property
    def can_leave(self) -> bool:
        """Whether there is a session to end."""
        ...

    @property
    def can_triage(self) -> bool:
        """Whether they may close findings."""
        ...

    @property
    def can_admin(self) -> bool:
        """Whether they may change the allow-list."""
        ...


class Security(Protocol):
    """What pages ask of who asks."""

    def caller(self, request: Request) -> Caller | None:
        """Who it is; None before they logged in."""
        ...

    def csrf(self, request: Request) -> str:
        """What a form of a page for them sends along."""
        ...

    def check_csrf(self, request: Request, given: str) -> None:
        """Refuse a form that no page of ours sent."""
        ...


@dataclass(frozen=True, slots=True)
class Ticked:
    """The fields of a form, and the findings that are ticked in it, by id."""

    fields: Mapping[str, str]
    ids: Sequence[str]


async def fields(request: Request) -> dict[str, str]:
    """The fields of a form that was sent.

    Raises:
        UsageError: it is none.
    """
    return dict(await _pairs(request, MOST_FIELDS))


async def ticked(request: Request) -> Ticked:
    """A form with several findings.

    Raises:
        UsageError: it is none.
    """
    pairs = await _pairs(request, MOST_TICKED + MOST_FIELDS)
    return Ticked(dict(pairs), [value for name, value in pairs if name == "id"][:MOST_TICKED])


async def _pairs(request: Request, most: int) -> list[tuple[str, str]]:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise UsageError("form", f"is no {FORM}")
    try:
        text = (await request.body()).decode("utf-8")
        return parse_qsl(text, keep_blank_values=True, max_num_fields=most, errors="strict")
    except ValueError as cause:
        raise UsageError("form", "can't be read") from cause


Fields = Annotated[dict[str, str], Depends(fields)]
TickedFields = Annotated[Ticked, Depends(ticked)]


class Once:
    """What takes seconds of a large workspace: made once for each state of the file, and day.

    Args:
        desk: opens the workspace.
        make: what to make of it.
    """

    def __init__(self, desk: Desk, make: Callable[[Workspace], dict[str, Any]]) -> None:
        self._desk = desk
        self._make = make
        self._last: tuple[object, dict[str, Any]] | None = None

    def __call__(self) -> dict[str, Any]:
        """It, of the file as it is now."""
        state = (self._desk.stamp(), today())
        last = self._last
        if last is not None and last[0] == state:
            return last[1]
        with self._desk.reading() as workspace:
            made = self._make(workspace)
        self._last = (state, made)
        return made


class Frames:
    """Makes whole pages.

    Args:
        desk: opens the workspace.
        security: knows who asks.
    """

    def __init__(self, desk: Desk, security: Security) -> None:
        self._desk = desk
        self._security = security

    def show(
        self, request: Request, name: str, values: Mapping[str, Any], *, status: int = 200, watch: str | None = None
    ) -> HTMLResponse:
        """A page of a template.

        Args:
            request: who asks.
            name: of the template.
            values: what it shows.
            status: of HTTP.
            watch: where the page asks for what came since.
        """
        around = self._around(request) | {"live": watch or ""}
        here = route(request.scope).strip("/").partition("/")[0]
        current = next((title for name, title in PAGES if name == here), "")
        text = page(name, {"problem": "", **values, "frame": around, "here": current})
        return HTMLResponse(text, status, headers={"Cache-Control": "no-store"})

    def sender(self, request: Request, form: Mapping[str, str]) -> str:
        """Who sent a form, for the log; it has to come from a page of ours."""
        self._security.check_csrf(request, form.get("csrf", ""))
        caller = self._security.caller(request)
        return caller.name if caller else ""

    def _around(self, request: Request) -> dict[str, Any]:
        caller = self._security.caller(request)
        return {
            "pages": [(to(name), title) for name, title in PAGES] if caller else (),
            "person": caller.name if caller else "",
            "owner": caller.name if caller and caller.way != NOBODY_ASKED else "",
            "can_leave": caller.can_leave if caller else False,
            "can_triage": caller.can_triage if caller else False,
            "can_admin": caller.can_admin if caller else False,
            "csrf": self._security.csrf(request),
            "workspace": str(self._desk.path) if caller else "",
            "changed_us": self._desk.changed_us() if caller else None,
            "done": _done(request.query_params.get("done", ""), request.query_params.get("count", "")),
        }


def _done(key: str, count: str) -> str:
    """What was done; of several findings with how many."""
    if not (count.isascii() and count.isdecimal() and len(count) < len("0000")):
        return DONE.get(key, "")
    told = "Nothing was changed: they were closed so already." if count == "0" else DONE.get(key, "")
    return f"{count} {'finding' if count == '1' else 'findings'}. {told}" if told and count != "0" else told
