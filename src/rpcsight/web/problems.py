"""Errors as answers: problem+json (RFC 9457) of the API, a page or a line of text of all else."""

from collections.abc import MutableMapping
from typing import Any
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from pydantic import BaseModel

from rpcsight.errors import BusyError, RpcsightError, UsageError
from rpcsight.web.root import route, under
from rpcsight.web.security import Refused

__all__ = ["API", "KIND", "Problem", "answer", "is_api", "of_error", "told"]

API = "/api/"
KIND = "application/problem+json"
BUSY_WAIT_S = 2
UNKNOWN = 500


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str = ""


def is_api(path: str) -> bool:
    """Whether programs ask."""
    return path.startswith(API)


def of_error(error: RpcsightError) -> Refused:
    """What an error of ours is over HTTP."""
    if isinstance(error, BusyError):
        return Refused(503, error.what, error.hint, BUSY_WAIT_S)
    if isinstance(error, UsageError):
        return Refused(400, f"{error.where}: {error.what}", error.hint)
    return Refused(UNKNOWN, "the workspace can't be used", "the server's log says why")


async def answer(scope: MutableMapping[str, Any], receive: Any, send: Any, refused: Refused) -> None:  # noqa: ANN401
    """Answer a request that is refused."""
    request = Request(scope, receive)
    await told(request, refused)(scope, receive, send)


def told(request: Request, refused: Refused) -> Response:
    """An error as what the asker understands."""
    headers = {"Retry-After": str(refused.wait_s)} if refused.wait_s else {}
    if refused.status == 401:  # noqa: PLR2004
        headers["WWW-Authenticate"] = "Bearer"
    if is_api(route(request.scope)):
        made = Problem(title=refused.title, status=refused.status, detail=refused.detail)
        return JSONResponse(made.model_dump(), refused.status, headers, media_type=KIND)
    state = getattr(request.scope.get("app"), "state", None)
    if refused.status == 401 and request.method == "GET" and getattr(state, "has_login", False):  # noqa: PLR2004
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(under(f"/login?next={quote(request.url.path + query, safe='/')}"), 303)
    page = getattr(state, "error_page", None)
    if page is not None:
        response: Response = page(request, refused.status, refused.title, refused.detail)
        response.headers.update(headers)
        return response
    text = "\n".join(each for each in (refused.title, refused.detail) if each)
    return PlainTextResponse(f"{text}\n", refused.status, headers)
