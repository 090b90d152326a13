"""Who comes in, and who does not: each against a real server."""

import re
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from rpcsight.errors import UsageError
from rpcsight.web import server
from rpcsight.web.options import WebSettings
from rpcsight.web.security import COOKIE, Security
from rpcsight.web.tokens import TokenFile
from tests.served import HOSTILE, client, corp, refusal, running, token

pytestmark = pytest.mark.xdist_group("server")
CLOSE = "findings/a100000000000000/close"
VERDICT = {"verdict": "benign", "reason": "known"}
ENTRY = {"reason": "fine", "owner": "me", "expires": "never", "client": ["10.0.1.2"], "server": ["10.0.2.1"]}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server for this machine alone."""
    with running(corp(tmp_path_factory.mktemp("here"))) as address:
        yield address


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("tokens")
    made = {scope: token(folder, scope, "--scope", scope) for scope in ("read", "triage", "admin")}
    return made | {"file": str(folder / "tokens.json")}


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory, tokens: dict[str, str]) -> Iterator[str]:
    """A server that asks for tokens."""
    with running(corp(tmp_path_factory.mktemp("asking")), "--token-file", tokens["file"]) as address:
        yield address


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def raw(address: str, text: str, wait_s: float = 5) -> str:
    """What a server answers to bytes that no client of HTTP would send."""
    place = urlsplit(address)
    with socket.create_connection((place.hostname, place.port), timeout=wait_s) as made:
        made.sendall(text.encode("latin-1"))
        parts = []
        with suppress(TimeoutError):
            while part := made.recv(65536):
                parts.append(part)
    return b"".join(parts).decode("latin-1")


def test_without_tokens_it_only_listens_on_this_machine(tmp_path: Path) -> None:
    workspace = corp(tmp_path)
    assert "nobody would be asked who they are" in refusal(workspace, "--host", "0.0.0.0")  # noqa: S104
    assert "holds no token" in refusal(workspace, "--host", "0.0.0.0", "--token-file", str(tmp_path / "none.json"))  # noqa: S104
    assert "is no name of such a header" in refusal(workspace, "--trust-header", "Host")
    assert "needs --tls-key" in refusal(workspace, "--tls-cert", str(workspace))


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost"}, 200),
        ({"Host": "evil.example"}, 400),
        ({"Host": "127.0.0.1.evil.example"}, 400),
        ({"Host": "10.0.0.1"}, 400),
        ({"Host": "127.0.0.1:1"}, 400),
    ],
)
def test_a_name_of_somebody_elses_that_leads_here_is_refused(here: str, headers: dict[str, str], status: int) -> None:
    assert httpx.get(f"{here}api/v1/findings", headers=headers, trust_env=False).status_code == status


def test_two_hosts_or_none_are_refused(here: str) -> None:
    place = urlsplit(here).netloc
    two = raw(here, f"GET /api/v1/findings HTTP/1.1\r\nHost: {place}\r\nHost: evil.example\r\n\r\n")
    none = raw(here, "GET /api/v1/findings HTTP/1.0\r\n\r\n")
    assert [each.split(" ")[1] for each in (two, none)] == ["400", "400"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
    ],
)
def test_pages_of_other_sites_change_nothing_here(here: str, headers: dict[str, str], status: int) -> None:
    with client(here, **headers) as asks:
        assert asks.post(CLOSE, json=VERDICT).status_code == status


def test_a_form_of_another_site_is_no_json(here: str) -> None:
    with client(here) as asks:
        answer = asks.post(
            CLOSE, content='{"verdict": "benign", "reason": "x"}', headers={"Content-Type": "text/plain"}
        )
    assert answer.status_code == 422


def test_tokens_allow_what_their_scope_says(asking: str, tokens: dict[str, str]) -> None:
    def statuses(headers: dict[str, str]) -> list[int]:
        with client(asking, **headers) as asks:
            return [
                asks.get("findings").status_code,
                asks.post(CLOSE, json=VERDICT).status_code,
                asks.post("allow/preview", json=ENTRY).status_code,
                asks.post("allow", json=ENTRY).status_code,
            ]

    assert statuses({}) == [401, 401, 401, 401]
    assert statuses(bearer(tokens["read"])) == [200, 403, 200, 403]
    assert statuses(bearer(tokens["triage"])) == [200, 200, 200, 403]
    assert statuses(bearer(tokens["admin"])) == [200, 200, 200, 200]


def test_the_log_names_who_had_the_token(asking: str, tokens: dict[str, str]) -> None:
    with client(asking, **bearer(tokens["triage"])) as asks:
        asks.post("findings/a200000000000000/close", json=VERDICT)
        assert asks.get("log", params={"subject": "a200000000000000"}).json()["log"][0]["who"] == "triage"


def test_a_token_that_is_over_or_removed_is_none(tmp_path: Path) -> None:
    file = TokenFile(tmp_path / "tokens.json")
    old, kept = file.add("old", "admin", 1), file.add("kept", "read", None)
    yesterday = (datetime.now(UTC).date() - timedelta(days=1)).isoformat()
    today = (datetime.now(UTC).date() + timedelta(days=1)).isoformat()
    file.path.write_text(file.path.read_text().replace(today, yesterday))
    again = TokenFile(file.path)
    assert (again.find(old), again.find(kept) is not None) == (None, True)
    again.remove("kept")
    assert again.find(kept) is None


def test_tokens_are_kept_hashed_for_their_owner_alone(tmp_path: Path) -> None:
    secret = token(tmp_path, "anna")
    file = tmp_path / "tokens.json"
    assert secret not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_who_guesses_has_to_wait(tmp_path: Path, tokens: dict[str, str]) -> None:
    with running(corp(tmp_path), "--token-file", tokens["file"]) as address, client(address) as asks:
        answers = [asks.get("findings", headers=bearer(f"rps_{number}")) for number in range(6)]
        right = asks.get("findings", headers=bearer(tokens["read"]))
    assert [each.status_code for each in (*answers, right)] == [401, 401, 401, 401, 401, 429, 429]
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 61


def test_a_browser_logs_in_and_out(asking: str, tokens: dict[str, str]) -> None:
    with httpx.Client(base_url=asking, trust_env=False) as browser:
        away = browser.get("/findings?q=svcctl")
        assert (away.status_code, away.headers["location"]) == (303, "/login?next=/findings%3Fq%3Dsvcctl")
        assert browser.post("/login", data={"token": "rps_wrong"}).status_code == 403
        entered = browser.post("/login", data={"token": tokens["triage"], "next": "//evil.example"})
        assert (entered.status_code, entered.headers["location"]) == (303, "/")
        flags = {each.strip().lower() for each in entered.headers["set-cookie"].split(";")[1:]}
        assert {"httponly", "samesite=strict", "path=/"} <= flags
        assert browser.get("/api/v1/findings").status_code == 200
        assert browser.post(f"/api/v1/{CLOSE}", json=VERDICT).status_code == 403  # no token of the page
        assert browser.post("/logout").status_code == 403
        assert browser.get("/api/v1/findings").status_code == 200


def test_a_session_that_was_made_up_is_none(tmp_path: Path) -> None:
    file = TokenFile(tmp_path / "tokens.json")
    text = file.add("anna", "triage", 1)
    security = Security(WebSettings(token_file=file.path), b"key")
    made = security.log_in(text, "10.0.0.1")
    assert made is not None

    def who(value: str, more: str = "") -> str | None:
        found = security.visitor([(b"cookie", f"{COOKIE}={value}{more}".encode())], "10.0.0.1")
        return found.name if found else None

    value = made[0]
    assert (who(value), who(value[:-1] + "0" + "0"), who(f"x{value}"), who("."), who("")) == (
        "anna",
        None,
        None,
        None,
        None,
    )
    assert who(value, f"; {COOKIE}=x") is None
    file.remove("anna")
    assert who(value) is None


def test_the_proxys_header_is_believed_from_the_proxy_alone(tmp_path: Path) -> None:
    workspace = corp(tmp_path)
    with (
        running(workspace, "--trust-header", "X-Remote-User", "--trust-scope", "read") as address,
        client(address) as asks,
    ):
        assert asks.get("findings").status_code == 401
        assert asks.get("findings", headers={"X-Remote-User": "anna"}).status_code == 200
        assert asks.post(CLOSE, json=VERDICT, headers={"X-Remote-User": "anna"}).status_code == 403
        for headers in (
            [("X-Remote-User", "anna"), ("X-Remote-User", "root")],
            [("X-Remote-User", "anna"), ("X_Remote_User", "root")],
            [("X-Remote-User", "anna, root")],
            [("X-Remote-User", "a" * 200)],
        ):
            assert asks.get("findings", headers=headers).status_code == 400
        assert (
            asks.get("findings", headers={"X-Forwarded-For": "127.0.0.1", "X_Remote_User": "root"}).status_code == 400
        )
    with (
        running(workspace, "--trust-header", "X-Remote-User", "--trust-from", "10.9.9.9") as address,
        client(address) as asks,
    ):
        assert asks.get("findings", headers={"X-Remote-User": "anna"}).status_code == 403


def test_a_request_in_another_is_refused(here: str) -> None:
    place = urlsplit(here).netloc
    smuggled = "GET /api/v1/findings HTTP/1.1\r\nHost: evil.example\r\n\r\n"
    answer = raw(
        here,
        f"POST /api/v1/{CLOSE} HTTP/1.1\r\nHost: {place}\r\nContent-Length: {len(smuggled)}\r\n"
        f"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n{smuggled}",
    )
    assert re.findall(r"HTTP/1\.1 (\d+)", answer)[0] in {"400", "422"}
    assert '"findings"' not in answer


def test_large_bodies_and_addresses_are_refused(here: str) -> None:
    with client(here) as asks:
        declared = asks.post(CLOSE, json=VERDICT | {"reason": "x" * 70_000})
        chunked = asks.post(CLOSE, content=iter([b"x" * 10_000] * 10), headers={"Content-Type": "application/json"})
        long = asks.get("findings", params={"q": "x" * 31_000})
    assert [each.status_code for each in (declared, chunked, long)] == [413, 413, 414]
    assert declared.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "path",
    [
        "static/../../../../etc/passwd",
        "static/..%2f..%2f..%2fetc%2fpasswd",
        "static/%2e%2e/%2e%2e/pyproject.toml",
        "static//etc/passwd",
        "static/..\\..\\desk.py",
        "api/v1/findings/..%2f..%2fetc%2fpasswd",
    ],
)
def test_no_path_leads_out(here: str, path: str) -> None:
    place = urlsplit(here).netloc
    answer = raw(here, f"GET /{path} HTTP/1.1\r\nHost: {place}\r\nConnection: close\r\n\r\n")
    assert answer.split(" ")[1] in {"400", "404"}
    assert "root:" not in answer


def test_slow_clients_are_left(here: str, monkeypatch: pytest.MonkeyPatch) -> None:
    place = urlsplit(here)
    begins = {
        "nothing": "",
        "half a head": "GET /api/v1/health HTTP/1.1\r\nHost: x\r\n",
        "half a body": f"POST /api/v1/{CLOSE} HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Length: 50\r\n\r\n{{",
    }
    waits = {}
    with ExitStack() as stack:
        there = (place.hostname, place.port)
        clients = {name: stack.enter_context(socket.create_connection(there, server.HEAD_S + 20)) for name in begins}
        for name, text in begins.items():
            clients[name].sendall(text.encode())
        began = time.monotonic()
        for name, made in clients.items():
            said = b""
            while b"408" not in said and (part := made.recv(4096)):
                said += part
            waits[name] = (time.monotonic() - began < server.HEAD_S + 15, said[9:12])
    assert waits == {"nothing": (True, b""), "half a head": (True, b""), "half a body": (True, b"408")}


def test_every_answer_says_what_browsers_may_do(here: str) -> None:
    for path in ("api/v1/findings", "api/v1/nothing", "nothing"):
        headers = httpx.get(here + path, trust_env=False).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert (headers["x-content-type-options"], headers["x-frame-options"]) == ("nosniff", "DENY")
        assert ("server" in headers, headers["cache-control"]) == (False, "no-store")


def test_what_attackers_wrote_stays_text(here: str) -> None:
    answer = httpx.get(f"{here}api/v1/findings", params={"q": "status:all id:a3"}, trust_env=False)
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["findings"][0]["summary"] == HOSTILE


def test_nobody_is_told_of_secrets(tmp_path: Path, tokens: dict[str, str]) -> None:
    with (
        running(corp(tmp_path), "--token-file", tokens["file"]) as address,
        client(address, **bearer(tokens["admin"])) as asks,
    ):
        told = "".join(asks.get(path).text for path in ("settings", "log", "inputs", "baseline", "openapi.json"))
    assert not [each for each in (*tokens.values(), str(tmp_path)) if each in told]


def test_a_proxys_address_has_to_be_one() -> None:
    with pytest.raises(UsageError, match="is no address"):
        WebSettings(trust_header="X-Remote-User", trust_from=("proxy",)).checked()


def test_a_page_of_nobodys_is_a_page_of_what_went_wrong(here: str) -> None:
    answer = httpx.get(f"{here}findings", headers={"Host": "evil.example"}, trust_env=False)
    assert (answer.status_code, "this server has another name" in answer.text) == (400, True)


def test_where_nobody_can_log_in_nobody_is_sent_to_do_so(tmp_path: Path) -> None:
    with running(corp(tmp_path), "--trust-header", "X-Remote-User") as address:
        assert httpx.get(f"{address}findings", trust_env=False).status_code == 401


@pytest.mark.parametrize("name", ["hunt", "", "-x", "a\nb", "x" * 65])
def test_names_that_no_token_has(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="is no name"):
        TokenFile(tmp_path / "tokens.json").add(name, "read", 1)
