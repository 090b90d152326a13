"""The pages of the web interface: what people read, and forms that work without JavaScript."""

from fastapi import APIRouter, HTTPException, Response
from fastapi.responses import RedirectResponse

from rpcsight.web.pages import deciding, reading
from rpcsight.web.pages.frame import Desk, Frames, Security
from rpcsight.web.pages.rendering import asset

__all__ = ["router"]

FOR_A_DAY = "max-age=86400"


def router(desk: Desk, security: Security) -> APIRouter:
    """All pages, over a workspace."""
    made = APIRouter(include_in_schema=False)
    frames = Frames(desk, security)
    made.add_api_route("/", _start)
    made.add_api_route("/static/{name}", _static)
    deciding.add_findings(made, desk, frames)
    deciding.add_entries(made, desk, frames)
    reading.add(made, desk, frames)
    return made


def _start() -> Response:
    return RedirectResponse("/findings", 303)


def _static(name: str) -> Response:
    found = asset(name)
    if found is None:
        raise HTTPException(404, "there is no such file")
    return Response(found[0], media_type=found[1], headers={"Cache-Control": FOR_A_DAY})
