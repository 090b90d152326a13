"""Who asks, and what they may do: this machine's people, clients with a token, browsers that logged in, or whom a proxy names."""

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_network

from fastapi import Request

from rpcsight.web.options import LOOPBACK_NAMES, WebSettings, address_of, is_loopback
from rpcsight.web.tokens import NOBODYS, Token, TokenFile, allows

__all__ = ["COOKIE", "CSRF_HEADER", "SESSION_S", "Headers", "Refused", "Security", "Visitor"]

COOKIE = "rpcsight_session"
CSRF_HEADER = "x-csrf-token"
VISITOR = "rpcsight.visitor"
SESSION_S = 12 * 3600
TRIES, TRY_S = 5, 60.0
"""So many wrong tokens an address may send in so many seconds."""
MOST_ADDRESSES = 10_000
MOST_ENDED = 100_000
SITE = 64
"""Bits of an IPv6 address that a network gives to one site: whoever has it, has all addresses in it."""
LONGEST_NAME = 100
LONGEST_COOKIE = 1000
HERE = "this machine"
UNSET = "(null)"
"""What Apache makes of a variable that is not set."""

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks.

    Args:
        name: for the log.
        scope: of `SCOPES`.
        way: how that is known: loopback, token, session or proxy.
        session: of a browser's session, its name; of others what stands for it.
    """

    name: str
    scope: str
    way: str
    session: str = ""

    @property
    def can_leave(self) -> bool:
        """Whether there is a session to end."""
        return self.way == "session"

    @property
    def can_triage(self) -> bool:
        """Whether they may close findings."""
        return allows(self.scope, "triage")

    @property
    def can_admin(self) -> bool:
        """Whether they may change the allow-list."""
        return allows(self.scope, "admin")


class Refused(Exception):
    """A request that goes no further.

    Args:
        status: of HTTP.
        title: what is wrong, in a few words.
        detail: what to do.
        wait_s: when to try again; 0 where that is no use.
    """

    def __init__(self, status: int, title: str, detail: str = "", wait_s: int = 0) -> None:
        super().__init__(title)
        self.status = status
        self.title = title
        self.detail = detail
        self.wait_s = wait_s


class Security:
    """Tells who asks.

    Args:
        settings: whom to trust.
        key: signs sessions; they end with the process, as no key outlives it.
    """

    def __init__(self, settings: WebSettings, key: bytes | None = None) -> None:
        self.settings = settings
        self._key = key or secrets.token_bytes(32)
        self._tokens = TokenFile(settings.token_file) if settings.token_file else None
        self._proxies = {address_of(each) for each in settings.trust_from} - {None}
        self._wrong: OrderedDict[str, list[float]] = OrderedDict()
        self._ended: OrderedDict[str, float] = OrderedDict()

    @property
    def has_login(self) -> bool:
        """Whether a browser can log in with a token."""
        return self._tokens is not None

    def visitor(self, headers: Headers, peer: str) -> Visitor | None:
        """Who sent a request; None: nobody that is known.

        Raises:
            Refused: what says who it is contradicts itself, or was wrong too often.
        """
        settings = self.settings
        if settings.trust_header is not None:
            found = self._named_by_proxy(headers, peer)
            if found is not None:
                return found
        if settings.is_open:
            return Visitor(HERE, "admin", "loopback", "loopback") if is_loopback(peer) else None
        given = _values(headers, b"authorization")
        if len(given) > 1:
            raise Refused(400, "two Authorization headers")
        if given:
            return self._with_token(given[0], peer)
        return self._in_session(headers)

    def check_host(self, headers: Headers, port: int) -> None:
        """See to it that a browser means us: a name of somebody else's that leads here is refused (DNS rebinding).

        Raises:
            Refused: it does not.
        """
        given = _values(headers, b"host")
        host = given[0].lower() if len(given) == 1 else ""
        if not host or host not in self.hosts(port):
            raise Refused(400, "this server has another name", "serve --name NAME lets browsers use a name")

    def hosts(self, port: int) -> set[str]:
        """All that may stand in Host."""
        own = set(self.settings.names)
        host = self.settings.host
        own |= set(LOOPBACK_NAMES) if is_loopback(host) else {f"[{host}]" if ":" in host else host}
        if host in {"0.0.0.0", "::"}:  # noqa: S104
            own |= set(LOOPBACK_NAMES)
        lower = {each.lower() for each in own}
        return lower | {f"{each}:{port}" for each in lower}

    def check_origin(self, headers: Headers) -> None:
        """See to it that a request that changes something comes from a page of ours, or from no browser.

        Raises:
            Refused: it comes from another site.
        """
        site = _values(headers, b"sec-fetch-site")
        if any(each not in {"same-origin", "none"} for each in site):
            raise Refused(403, "sent by a page of another site")
        host = next(iter(_values(headers, b"host")), "").lower()
        for each in _values(headers, b"origin"):
            scheme, _, origin = each.lower().partition("://")
            if origin != host or (self.settings.is_secure and scheme != "https"):
                raise Refused(403, "sent by a page of another site")

    def log_in(self, text: str, peer: str) -> tuple[str, Visitor] | None:
        """A session for who has a token: the cookie's value, and who it is; None: it is no token.

        Raises:
            Refused: this address was wrong too often.
        """
        found = self._checked(text.strip(), peer)
        if found is None:
            return None
        session = secrets.token_hex(8)
        value = json.dumps([found.digest, session, int(time.time())], separators=(",", ":")).encode()
        body = base64.urlsafe_b64encode(value).decode().rstrip("=")  # a cookie with that would be put in quotes
        return f"{body}.{self._signed('session', body)}", Visitor(found.name, found.scope, "session", session)

    def log_out(self, visitor: Visitor) -> None:
        """End a session: whoever else has its cookie has nothing any more."""
        now = time.time()
        self._ended[visitor.session] = now
        while now - next(iter(self._ended.values())) > SESSION_S or len(self._ended) > MOST_ENDED:
            self._ended.popitem(last=False)

    @staticmethod
    def caller(request: Request) -> Visitor | None:
        """Who sent a request that got this far; None before they logged in."""
        return request.scope.get(VISITOR)

    def csrf(self, request: Request) -> str:
        """What a form of a page for them sends along."""
        visitor = self.caller(request)
        return self.csrf_of(visitor) if visitor else ""

    def csrf_of(self, visitor: Visitor) -> str:
        """What shows that a request comes from a page that was made for them."""
        return self._signed("csrf", f"{visitor.way} {visitor.name} {visitor.session}")

    def check_csrf(self, request: Request, given: str) -> None:
        """Refuse a form that no page of ours sent.

        Raises:
            Refused: so it is.
        """
        visitor = self.caller(request)
        if visitor is None or not self.is_csrf(visitor, given):
            raise Refused(403, "the form is out of date", "open the page again")

    def is_csrf(self, visitor: Visitor, given: str) -> bool:
        """Whether this comes from a page that was made for them."""
        return hmac.compare_digest(given.encode(errors="replace"), self.csrf_of(visitor).encode())

    def _named_by_proxy(self, headers: Headers, peer: str) -> Visitor | None:
        name = (self.settings.trust_header or "").lower().encode()
        given = _values(headers, name)
        alike = [key for key, _ in headers if key.replace(b"_", b"-") == name and key != name]
        if alike or len(given) > 1:
            raise Refused(400, "the proxy's header is there twice", "the proxy has to remove it from what clients send")
        if not given:
            return None
        if address_of(peer) not in self._proxies:
            raise Refused(403, "the proxy's header came from elsewhere", "serve --trust-from ADDRESS names the proxy")
        who = given[0].strip().encode("latin-1").decode("utf-8", "surrogateescape")
        if not who or len(who) > LONGEST_NAME or not who.isprintable() or "," in who or who in (*NOBODYS, UNSET):
            raise Refused(400, "the proxy's header names nobody")
        return Visitor(who, self.settings.trust_scope, "proxy", "proxy")

    def _with_token(self, given: str, peer: str) -> Visitor | None:
        kind, _, text = given.partition(" ")
        found = self._checked(text.strip(), peer) if kind.lower() == "bearer" else None
        return Visitor(found.name, found.scope, "token", found.digest) if found else None

    def _in_session(self, headers: Headers) -> Visitor | None:
        cookies = [
            value.strip()
            for line in _values(headers, b"cookie")
            for part in line.split(";")
            for name, _, value in [part.partition("=")]
            if name.strip() == COOKIE
        ]
        if len(cookies) != 1 or len(cookies[0]) > LONGEST_COOKIE or self._tokens is None:
            return None
        body, _, signature = cookies[0].rpartition(".")
        if not hmac.compare_digest(signature.encode(errors="replace"), self._signed("session", body).encode()):
            return None
        digest, session, began = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        if session in self._ended:
            return None
        found = self._tokens.of_digest(digest) if time.time() - began < SESSION_S else None
        return Visitor(found.name, found.scope, "session", session) if found else None

    def _checked(self, text: str, peer: str) -> Token | None:
        """The token that this is; who is wrong too often waits."""
        now, site = time.monotonic(), _site(peer)
        wrong = [each for each in self._wrong.get(site, ()) if now - each < TRY_S]
        if len(wrong) >= TRIES:
            wait_s = int(TRY_S - (now - wrong[0])) + 1
            raise Refused(429, "too many wrong tokens", f"try again in {wait_s} seconds", wait_s)
        found = self._tokens.find(text) if self._tokens else None
        if found is None:
            self._wrong[site] = [*wrong, now]
            self._wrong.move_to_end(site)
            while len(self._wrong) > MOST_ADDRESSES:
                self._wrong.popitem(last=False)
        return found

    def _signed(self, purpose: str, text: str) -> str:
        return hmac.new(self._key, f"{purpose}\0{text}".encode(errors="replace"), hashlib.sha256).hexdigest()


def _site(peer: str) -> str:
    found = address_of(peer)
    return str(ip_network((int(found), SITE), strict=False)) if isinstance(found, IPv6Address) else peer


def _values(headers: Headers, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in headers if key == name]
