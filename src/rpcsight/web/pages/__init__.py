"""The pages of the web interface: what people read, and forms that work without JavaScript."""

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from rpcsight.web.pages import bulk, deciding, reading
from rpcsight.web.pages.frame import Desk, Frames, Security
from rpcsight.web.pages.rendering import asset, to

__all__ = ["error", "login", "router"]

FOR_A_DAY = "max-age=86400"


def router(desk: Desk, security: Security) -> APIRouter:
    """All pages, over a workspace."""
    made = APIRouter(include_in_schema=False)
    frames = Frames(desk, security)
    made.add_api_route("/", _start)
    made.add_api_route("/static/{name}", _static)
    bulk.add(made, desk, frames)
    deciding.add_findings(made, desk, frames)
    deciding.add_entries(made, desk, frames)
    reading.add(made, desk, frames)
    return made


def login(request: Request, desk: Desk, security: Security, problem: str = "", status: int = 200) -> Response:
    """The page on which people log in; its form leads back to where they wanted to go."""
    values = {"problem": problem, "next": request.query_params.get("next", "")}
    return Frames(desk, security).show(request, "login", values, status=status)


def error(request: Request, desk: Desk, security: Security, status: int, title: str, detail: str) -> Response:
    """A page that says what went wrong, and what to do."""
    return Frames(desk, security).show(request, "error", {"title": title, "detail": detail}, status=status)


def _start() -> Response:
    return RedirectResponse(to("findings"), 303)


def _static(name: str) -> Response:
    found = asset(name)
    if found is None:
        raise HTTPException(404, "there is no such file")
    return Response(found[0], media_type=found[1], headers={"Cache-Control": FOR_A_DAY})
