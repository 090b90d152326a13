"""What every request passes before anything is done with it, and every answer afterwards: bounds, names, rights, headers."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from rpcsight.web.problems import answer, is_api
from rpcsight.web.root import ROOT, placed, route
from rpcsight.web.security import CSRF_HEADER, VISITOR, Headers, Refused, Security, Visitor
from rpcsight.web.tokens import allows

__all__ = ["LARGEST_BODY", "Guard"]

LARGEST_BODY = 64 * 1024
BODY_S = 10.0
"""How long a client may take to send one."""
LONGEST_TARGET = 30 * 1024
SAFE = {"GET", "HEAD", "OPTIONS", "TRACE"}
PUBLIC = ("/login", "/static/", "/api/v1/health")
"""What may be seen before anybody said who they are."""
ADMIN = ("/allow", "/api/v1/allow")
"""What only `admin` may change: what hides findings of tomorrow."""
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = (
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
)
TLS_ONLY = ("strict-transport-security", "max-age=31536000")

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


class Guard:
    """Stands before an application.

    Args:
        app: the application.
        security: tells who asks.
    """

    def __init__(self, app: App, security: Security) -> None:
        self._app = app
        self._security = security

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        ROOT.set(self._security.settings.root_path)
        scope = placed(scope, self._security.settings.root_path)

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *self._headers(scope, message)]
            await send(message)

        scope["app"] = self._app
        try:
            body = await self._admit(scope, receive)
        except Refused as refused:
            await answer(scope, receive, dressed, refused)
            return
        await self._app(scope, _replayed(body, receive), dressed)

    async def _admit(self, scope: MutableMapping[str, Any], receive: Receive) -> bytes:
        """See who it is and what is asked; the body."""
        headers: Headers = scope["headers"]
        if len(scope["raw_path"]) + len(scope["query_string"]) > LONGEST_TARGET:
            raise Refused(414, "the address is too long")
        security = self._security
        security.check_host(headers, (scope.get("server") or ("", 0))[1] or 0)
        visitor = security.visitor(headers, (scope.get("client") or ("", 0))[0])
        path, method = route(scope), scope["method"]
        is_public = any(path == each or (each.endswith("/") and path.startswith(each)) for each in PUBLIC)
        if method not in SAFE:
            security.check_origin(headers)
        if visitor is None and not is_public:
            raise Refused(401, "who are you?", "send a token: Authorization: Bearer rps_…")
        if visitor is not None and not is_public and method not in SAFE:
            _check_right(security, scope, visitor)
        scope[VISITOR] = visitor
        return await _body(headers, receive)

    def _headers(self, scope: MutableMapping[str, Any], message: Message) -> Headers:
        there = {name.lower() for name, _ in message.get("headers", ())}
        added = [*HEADERS, *([TLS_ONLY] if scope.get("scheme") == "https" else [])]
        if b"cache-control" not in there:
            added.append(("cache-control", "no-store"))
        return [(name.encode(), value.encode()) for name, value in added if name.encode() not in there]


def _check_right(security: Security, scope: MutableMapping[str, Any], visitor: Visitor) -> None:
    """See to it that they may change what they ask to."""
    path = route(scope)
    needed = "admin" if any(path == each or path.startswith(f"{each}/") for each in ADMIN) else "triage"
    if path in {"/logout", "/api/v1/allow/preview"}:
        needed = "read"
    if not allows(visitor.scope, needed):
        raise Refused(403, f"needs the scope {needed}", f"yours is {visitor.scope}")
    if is_api(path) and visitor.way in {"session", "proxy"}:  # pages check the field of their form
        given = [value.decode("latin-1") for name, value in scope["headers"] if name == CSRF_HEADER.encode()]
        if len(given) != 1 or not security.is_csrf(visitor, given[0]):
            raise Refused(403, "needs the page's token", f"send it as {CSRF_HEADER}")


async def _body(headers: Headers, receive: Receive) -> bytes:
    """All of a request's body, if that is not too large and comes soon."""
    declared = [value for name, value in headers if name == b"content-length"]
    if any(not each.isdigit() or int(each[:12]) > LARGEST_BODY for each in declared):
        raise Refused(413, f"more than {LARGEST_BODY} bytes")
    if not declared and not any(name == b"transfer-encoding" for name, _ in headers):
        return b""
    parts: list[bytes] = []
    try:
        async with asyncio.timeout(BODY_S):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Refused(400, "left before all was said")
                parts.append(message.get("body", b""))
                if sum(map(len, parts)) > LARGEST_BODY:
                    raise Refused(413, f"more than {LARGEST_BODY} bytes")
                if not message.get("more_body", False):
                    return b"".join(parts)
    except TimeoutError:
        raise Refused(408, "too slow") from None


def _replayed(body: bytes, receive: Receive) -> Receive:
    """A request whose body was read already."""
    given = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return given.pop() if given else await receive()

    return again
