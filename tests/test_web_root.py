"""Below a path of a reverse proxy's name: every address that the server gives out leads through the proxy."""

import http.client
import json
import re
import socket
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import urlsplit

import httpx
import pytest

from rpcsight.errors import UsageError
from rpcsight.web.options import WebSettings
from rpcsight.web.tokens import TokenFile
from tests.served import corp, running

pytestmark = pytest.mark.xdist_group("server")
ROOT = "/rpcsight"
NAME = "soc.example"
FINDING = "a100000000000000"
CLOSE = f"{ROOT}/api/v1/findings/{FINDING}/close"
GROUPED = f"{ROOT}/findings?q=status:all&group=host&sort=score"
ONE = re.compile("(findings|hosts)/(?!new)[^/]+")
"""One finding and one host stand for all."""
VERDICT = {"verdict": "benign", "reason": "known"}


class Proxy(BaseHTTPRequestHandler):
    """As docs/serve.md says: takes the prefix away, keeps Host, and says who logged in with the proxy."""

    upstream = ""
    listening: ClassVar[list[socket.socket]] = []

    def forward(self) -> None:
        """Ask the server, and hand its answer on."""
        if not self.path.startswith(f"{ROOT}/"):
            self.send_error(404, "not ours")
            return
        headers = {name: value for name, value in self.headers.items() if name.lower() != "x-remote-user"}
        if headers.get("Authorization", "").startswith("Basic "):
            headers["X-Remote-User"] = headers.pop("Authorization").removeprefix("Basic ")
        asked = http.client.HTTPConnection(self.upstream, timeout=30)
        body = self.rfile.read(int(headers.get("Content-Length", 0)))
        asked.request(self.command, self.path.removeprefix(ROOT), body, headers)
        answer = asked.getresponse()
        if self.path.endswith("/events"):
            self.listening.append(asked.sock)
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in {"connection", "date", "transfer-encoding"}:
                self.send_header(name, value)
        self.end_headers()
        while part := answer.read1(65536):
            self.wfile.write(part)
            self.wfile.flush()

    do_GET = do_POST = forward  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class Addresses(HTMLParser):
    """The addresses in a page, and the fields of its forms."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.read: set[str] = set()
        self.sent: set[str] = set()
        self.fields: dict[str, str] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.read |= {given[name] for name in ("href", "src", "data-live", "data-events") if given.get(name)}
        if tag == "form":
            (self.sent if given["method"] == "post" else self.read).add(given["action"])
        if tag == "input" and given.get("type") == "hidden":
            self.fields[given["name"]] = given["value"]


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> TokenFile:
    return TokenFile(tmp_path_factory.mktemp("tokens") / "tokens.json")


@pytest.fixture(scope="module")
def secret(tokens: TokenFile) -> str:
    return tokens.add("berta", "triage", 1)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, tokens: TokenFile, secret: str) -> Iterator[str]:
    options = (
        *("--root-path", f"{ROOT}/", "--name", NAME, "--behind-tls", "--token-file", str(tokens.path)),
        *("--trust-header", "X-Remote-User", "--trust-scope", "admin"),
    )
    with running(corp(tmp_path_factory.mktemp("below")), *options) as server:
        handler = type("Ours", (Proxy,), {"upstream": urlsplit(server).netloc})
        with ThreadingHTTPServer(("127.0.0.1", 0), handler) as proxy:
            threading.Thread(target=proxy.serve_forever, daemon=True).start()
            yield f"http://127.0.0.1:{proxy.server_port}"
            proxy.shutdown()
            for each in Proxy.listening:
                each.shutdown(socket.SHUT_RDWR)


def browser(address: str, **headers: str) -> httpx.Client:
    return httpx.Client(base_url=address, headers={"Host": NAME, **headers}, timeout=30, trust_env=False)


@pytest.fixture
def anna(address: str) -> Iterator[httpx.Client]:
    with browser(address, Authorization="Basic anna") as made:
        yield made


def test_every_link_of_every_page_leads_through_the_proxy(anna: httpx.Client) -> None:
    asked = [f"{ROOT}/", f"{ROOT}/findings/{FINDING}", GROUPED, f"{ROOT}/nothing"]
    seen: dict[str, int] = {}
    strays, forms = set(), set()
    while asked:
        here = asked.pop(0)
        kind = here if here == GROUPED else ONE.sub(r"\1/*", here.partition("?")[0])
        if kind in seen:
            continue
        if kind.endswith("/events"):
            seen[kind] = 200  # in a test of its own
            continue
        answer = anna.get(here)
        seen[kind] = answer.status_code
        found = {answer.headers["location"]} if answer.status_code == 303 else set[str]()
        if answer.headers.get("content-type", "").startswith("text/html"):
            page = Addresses(answer.text)
            found |= page.read
            forms |= page.sent
        strays |= {each for each in (*found, *forms) if not each.startswith((f"{ROOT}/", "#"))}
        asked += () if here == GROUPED else sorted(each.partition("#")[0] for each in found if not each.startswith("#"))
    assert strays == set()
    assert {kind for kind, status in seen.items() if status not in {200, 303}} == {f"{ROOT}/nothing"}
    names = ("findings", "hosts", "map", "baseline", "inputs", "allow", "log", "settings", "allow/new", "findings/new")
    files = ("api/v1/events", "static/style.css", "static/drawing.css", "static/page.js", "static/icon.svg")
    assert {f"{ROOT}/{each}" for each in (*names, *files, "findings/*", "findings/*/new", "hosts/*")} <= set(seen)
    assert {f"{ROOT}/findings/{FINDING}/triage"} <= forms


def test_a_form_is_sent_through_the_proxy(anna: httpx.Client) -> None:
    page = Addresses(anna.get(f"{ROOT}/findings/a200000000000000").text)
    (there,) = (each for each in page.sent if each.endswith("/triage"))
    origin = {"Origin": f"https://{NAME}", "Sec-Fetch-Site": "same-origin"}
    done = anna.post(there, data=page.fields | VERDICT, headers=origin)
    assert (done.status_code, done.headers["location"]) == (303, f"{ROOT}/findings/a200000000000000?done=benign")
    assert "Closed as benign" in anna.get(done.headers["location"]).text
    assert anna.get(f"{ROOT}/api/v1/log").json()["log"][0]["who"] == "anna"


def test_the_api_describes_itself_below_the_path(anna: httpx.Client) -> None:
    document = anna.get(f"{ROOT}/api/v1/openapi.json").json()
    assert (document["servers"], "/api/v1/findings" in document["paths"]) == ([{"url": ROOT}], True)
    missing = anna.get(f"{ROOT}/api/v1/nothing")
    assert (missing.status_code, missing.headers["content-type"]) == (404, "application/problem+json")
    refused = anna.request("PUT", f"{ROOT}/findings")
    assert refused.status_code == 501  # the proxy's


def test_events_come_through_the_proxy(anna: httpx.Client) -> None:
    with anna.stream("GET", f"{ROOT}/api/v1/events") as answer:
        for line in answer.iter_lines():
            if line.startswith("data: "):
                assert json.loads(line.removeprefix("data: "))["findings"] == 5
                return
    pytest.fail("no event came")


def test_who_logs_in_comes_back_below_the_path(address: str, secret: str) -> None:
    with browser(address) as berta:
        away = berta.get(f"{ROOT}/findings?q=svcctl")
        assert (away.status_code, away.headers["location"]) == (303, f"{ROOT}/login?next={ROOT}/findings%3Fq%3Dsvcctl")
        page = Addresses(berta.get(away.headers["location"]).text)
        assert (page.sent, page.fields["next"]) == ({f"{ROOT}/login"}, f"{ROOT}/findings?q=svcctl")
        elsewhere = berta.post(f"{ROOT}/login", data={"token": secret, "next": "/other/application"})
        assert elsewhere.headers["location"] == f"{ROOT}/"
        entered = berta.post(f"{ROOT}/login", data=page.fields | {"token": secret})
        assert (entered.status_code, entered.headers["location"]) == (303, f"{ROOT}/findings?q=svcctl")
        value, *flags = entered.headers["set-cookie"].split("; ")
        assert {each.lower() for each in flags} == {
            "httponly",
            "max-age=43200",
            f"path={ROOT}",
            "samesite=strict",
            "secure",
        }
        berta.headers["Cookie"] = value  # httpx keeps Secure ones from plain HTTP
        csrf = Addresses(berta.get(f"{ROOT}/findings").text).fields["csrf"]
        assert berta.post(CLOSE, json=VERDICT).status_code == 403
        assert berta.post(CLOSE, json=VERDICT, headers={"X-CSRF-Token": csrf}).status_code == 200
        assert berta.post(f"{ROOT}/allow", data={"csrf": csrf}).status_code == 403
        left = berta.post(f"{ROOT}/logout", data={"csrf": csrf})
        assert (left.headers["location"], f"Path={ROOT}" in left.headers["set-cookie"]) == (f"{ROOT}/login", True)


@pytest.mark.parametrize("path", ["rpcsight", "/", "/a//b", "/a/../b", "/a b", "/a?b", "/ä", "//evil.example", "/a\n"])
def test_paths_that_are_none(path: str) -> None:
    with pytest.raises(UsageError, match="is no such path"):
        WebSettings(root_path=path).checked()
