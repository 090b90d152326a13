"""The proxy's header that says who it is: nothing else of a request may pass for it."""

import html
import re
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from tests.served import corp, running

pytestmark = pytest.mark.xdist_group("server")
OURS = "X-Remote-User"
NOBODY, REFUSED = "401", "400"
REQUESTS = {
    f"{OURS}: anna": "anna",
    "x-remote-user:\tanna smith \t": "anna smith",
    f"{OURS}: J\xc3\xbcrgen \xc3\xa0 Porta": "J\u00fcrgen \u00e0 Porta",
    f"{OURS}: anna\r\nConnection: close, {OURS}": "anna",
    f"{OURS}: J\xfcrgen": REFUSED,
    f"{OURS}: anna\r\nx-remote-user: root": REFUSED,
    f"{OURS}: anna\r\n{OURS}:": REFUSED,
    f"{OURS}: anna\r\nX-REMOTE_USER: root": REFUSED,
    f"{OURS}: anna\r\nVia: a\nX-Remote-User: root": REFUSED,
    "X_Remote-User: root": REFUSED,
    "X_REMOTE_USER: root": REFUSED,
    f"{OURS} : root": REFUSED,
    f"{OURS}\t: root": REFUSED,
    f" {OURS}: root": REFUSED,
    f"{OURS}\x00: root": REFUSED,
    f"{OURS}\xa0: root": REFUSED,
    f"Via: a\r{OURS}: root": REFUSED,
    f"Via: a\x0b{OURS}: root": REFUSED,
    f"{OURS}:": REFUSED,
    f"{OURS}: \t ": REFUSED,
    f"{OURS}: (null)": REFUSED,
    f"{OURS}: this machine": REFUSED,
    f"{OURS}: hunt": REFUSED,
    f"{OURS}: anna, root": REFUSED,
    f"{OURS}: anna\x00root": REFUSED,
    f"{OURS}: anna\x1b[2J": REFUSED,
    f"{OURS}: anna\xc2\xa0": REFUSED,
    f"{OURS}: anna\xe2\x80\xae": REFUSED,
    f"{OURS}: {'a' * 101}": REFUSED,
    f"Via: a\r\n {OURS}: root": NOBODY,
    f"{OURS}s: root": NOBODY,
    f"{OURS}-: root": NOBODY,
    "X.Remote.User: root": NOBODY,
    "Remote-User: root": NOBODY,
    f"Connection: close, {OURS}": NOBODY,
    "X-Forwarded-For: 127.0.0.1\r\nForwarded: for=127.0.0.1;by=root\r\nX-Forwarded-User: root": NOBODY,
    f"Transfer-Encoding: chunked\r\nTrailer: {OURS}\r\n\r\n0\r\n{OURS}: root": NOBODY,
}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    options = ("--trust-header", OURS, "--trust-from", "127.0.0.1", "--trust-from", "0:0:0:0:0:0:0:1")
    with running(corp(tmp_path_factory.mktemp("behind")), *options) as made:
        yield made


@pytest.mark.parametrize("lines", REQUESTS, ids=ascii)
def test_who_a_request_comes_from(address: str, lines: str) -> None:
    place = urlsplit(address)
    connection = "" if "Connection:" in lines else "Connection: close\r\n"
    head = f"GET /settings HTTP/1.1\r\n{lines}\r\nHost: {place.netloc}\r\n{connection}\r\n"
    if "Trailer" in lines:
        begin, _, rest = head.partition("Transfer-Encoding")
        head = f"{begin}Host: {place.netloc}\r\n{connection}Transfer-Encoding{rest.partition('Host')[0]}\r\n"
    with socket.create_connection((place.hostname, place.port), timeout=20) as made:
        made.sendall(head.encode("latin-1"))
        said = b""
        while part := made.recv(65536):
            said += part
    text = said.decode()
    status = text.split(" ")[1]
    person = re.search(r'<div class="who">\s*<span class="soft">(.*?)</span>', text)
    assert (html.unescape(person[1]) if status == "200" and person else status) == REQUESTS[lines]


@pytest.mark.parametrize(
    "headers",
    [
        {OURS: "anna"},
        {OURS: "anna", "X-Forwarded-For": "127.0.0.1"},
        {OURS: "anna", "X-Real-IP": "127.0.0.1", "Forwarded": "for=127.0.0.1"},
    ],
)
def test_who_is_not_the_proxy_says_nothing_of_people(address: str, headers: dict[str, str]) -> None:
    with httpx.Client(transport=httpx.HTTPTransport(local_address="127.0.0.2")) as elsewhere:
        assert elsewhere.get(f"{address}settings", headers=headers).status_code == 403
        assert elsewhere.get(f"{address}settings").status_code == 401
