"""The application: the API, and the pages where they are there, behind the guard.

`pages.router(desk, security)` gives the pages. Two more functions are used where the module has them:
`pages.login(request, desk, security, problem, status)` is the page on which people log in (`next` in its query goes into the form; the form
sends `token` and `next` to /login), `pages.error(request, desk, security, status, title, detail)` one that says what went wrong.
"""

import logging
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from urllib.parse import parse_qs

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route

from rpcsight import __version__
from rpcsight.errors import RpcsightError
from rpcsight.web import api
from rpcsight.web.desk import Desk
from rpcsight.web.guard import Guard
from rpcsight.web.options import WebSettings
from rpcsight.web.problems import of_error, told
from rpcsight.web.root import under
from rpcsight.web.security import COOKIE, SESSION_S, Refused, Security

__all__ = ["make", "plain_app"]

log = logging.getLogger("rpcsight.web")


def make(desk: Desk, settings: WebSettings, security: Security | None = None) -> Guard:
    """The application behind its guard, as a server runs it."""
    known = security or Security(settings)
    return Guard(plain_app(desk, known), known)


def plain_app(desk: Desk, security: Security) -> FastAPI:
    """The application without its guard: nobody is asked who they are."""
    made = FastAPI(
        title="rpcsight",
        version=__version__,
        description="Findings of a workspace, and what people decide about them. Times are UTC.",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # these two would load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
    )
    made.include_router(api.router(desk, security))
    api.describe(made)
    pages = _pages()
    _add_errors(made, desk, security, pages)
    made.state.has_login = security.has_login
    if security.has_login:
        _add_login(made, desk, security, pages)
    if pages is not None:
        made.include_router(pages.router(desk, security))
    return made


def _pages() -> ModuleType | None:
    name = "rpcsight.web.pages"
    return import_module(name) if find_spec(name) else None


def _add_errors(made: FastAPI, desk: Desk, security: Security, pages: ModuleType | None) -> None:
    page = getattr(pages, "error", None)
    if page is not None:
        made.state.error_page = lambda request, status, title, detail: page(
            request, desk, security, status, title, detail
        )

    @made.exception_handler(Refused)
    def refused(request: Request, error: Refused) -> Response:
        return told(request, error)

    @made.exception_handler(RpcsightError)
    def ours(request: Request, error: RpcsightError) -> Response:
        found = of_error(error)
        if found.status >= 500:  # noqa: PLR2004
            log.warning("%r", str(error))
        return told(request, found)

    @made.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        return told(request, Refused(422, f"{place[:200]}: {first['msg'][:300]}"))

    @made.exception_handler(HTTPException)
    def http(request: Request, error: HTTPException) -> Response:
        response = told(request, Refused(error.status_code, str(error.detail)))
        response.headers.update(error.headers or {})
        if error.status_code == 405:  # noqa: PLR2004
            response.headers["Allow"] = ", ".join(_methods(made, request))
        return response

    @made.exception_handler(Exception)
    def unknown(request: Request, error: Exception) -> Response:
        log.error("%s %r: %s", request.method, request.url.path, type(error).__name__)
        return told(request, Refused(500, "an error of the server's", "the server's log says more"))


def _methods(made: FastAPI, request: Request) -> list[str]:
    """What may be done with a path: the framework names the methods of the first route alone that has it."""
    routers = [made.router, *(getattr(each, "original_router", None) for each in made.routes)]
    routes = [each for router in routers if router is not None for each in router.routes if isinstance(each, Route)]
    found = [each for each in routes if each.matches(request.scope)[0] is not Match.NONE]
    return sorted({method for each in found for method in each.methods or ()})


def _add_login(made: FastAPI, desk: Desk, security: Security, pages: ModuleType | None) -> None:
    page = getattr(pages, "login", None)

    def shown(request: Request, problem: str = "", status: int = 200) -> Response:
        if page is not None:
            return page(request, desk, security, problem, status)
        return PlainTextResponse(f"{problem}\nlog in: POST token=rps_… to /login\n", status)

    @made.get("/login", include_in_schema=False)
    def form(request: Request) -> Response:
        return shown(request)

    @made.post("/login", include_in_schema=False)
    async def enter(request: Request) -> Response:
        fields = parse_qs((await request.body()).decode("utf-8", "replace"), max_num_fields=10)
        peer = request.client.host if request.client else ""
        try:
            found = security.log_in(fields.get("token", [""])[0], peer)
        except Refused as refused:
            response = shown(request, f"{refused.title}: {refused.detail}", refused.status)
            response.headers["Retry-After"] = str(refused.wait_s)
            return response
        if found is None:
            return shown(request, "this is no token, or it no longer holds", 403)
        response = RedirectResponse(_within(fields.get("next", [""])[0]), 303)
        _set_cookie(response, security, found[0], SESSION_S)
        return response

    @made.post("/logout", include_in_schema=False)
    async def leave(request: Request) -> Response:
        fields = parse_qs((await request.body()).decode("utf-8", "replace"), max_num_fields=10)
        security.check_csrf(request, fields.get("csrf", [""])[0])
        visitor = security.caller(request)
        if visitor is not None and visitor.can_leave:
            security.log_out(visitor)
        response = RedirectResponse(under("/login"), 303)
        _set_cookie(response, security, "", 0)
        return response


def _set_cookie(response: Response, security: Security, value: str, age_s: int) -> None:
    secure = security.settings.is_secure
    path = security.settings.root_path or "/"
    response.set_cookie(COOKIE, value, max_age=age_s, path=path, httponly=True, samesite="strict", secure=secure)


def _within(path: str) -> str:
    """An address of this server, whatever was asked for."""
    home = under("/")
    is_ours = path.startswith(home) and not path.startswith("//") and "\\" not in path and path.isprintable()
    return path if is_ours else home
