"""Every route there is, without naming one: nothing changes for who may not change it, or whom another site sent."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from starlette.routing import Route

from rpcsight.web.app import make, plain_app
from rpcsight.web.desk import Desk
from rpcsight.web.options import WebSettings
from rpcsight.web.security import TRIES, Refused, Security
from rpcsight.web.tokens import TokenFile
from tests.served import corp

HERE = "http://127.0.0.1:8135"
SAFE = {"GET", "HEAD"}
HARMLESS = {"/api/v1/allow/preview", "/logout"}
"""What readers may send: nothing in the workspace changes."""


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> WebSettings:
    return WebSettings(token_file=tmp_path_factory.mktemp("tokens") / "tokens.json")


@pytest.fixture(scope="module")
def tokens(settings: WebSettings) -> dict[str, str]:
    assert settings.token_file is not None
    return {scope: TokenFile(settings.token_file).add(scope, scope, 1) for scope in ("read", "triage", "admin")}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return corp(tmp_path_factory.mktemp("routes"))


@pytest.fixture
def browser(workspace: Path, settings: WebSettings) -> Iterator[TestClient]:
    with TestClient(
        make(Desk(workspace), settings), base_url=HERE, client=("127.0.0.1", 5), follow_redirects=False
    ) as made:  # type: ignore[arg-type]
        yield made


@pytest.fixture(scope="module")
def routes(workspace: Path, settings: WebSettings) -> set[tuple[str, str]]:
    """Method and path of all that are not only read."""
    app = plain_app(Desk(workspace), Security(settings))
    routers = [app, *(each.original_router for each in app.routes if hasattr(each, "original_router"))]
    every = [each for router in routers for each in router.routes if isinstance(each, Route)]
    found = {(method, each.path_format) for each in every for method in each.methods or () if method not in SAFE}
    known = {
        "/login",
        "/logout",
        "/findings/{finding_id}/triage",
        "/allow",
        "/api/v1/allow",
        "/api/v1/findings/{finding_id}/close",
    }
    assert known <= {path for _, path in found}
    return found


def sent(browser: TestClient, method: str, path: str, csrf: str = "", **headers: str) -> int:
    """The status of a change that is whole but for what is left out here."""
    there = path.format(finding_id="a100000000000000", entry_id="x")
    if path.startswith("/api/"):
        given = {"X-CSRF-Token": csrf} if csrf else {}
        return browser.request(
            method, there, json={"verdict": "benign", "reason": "x"}, headers=headers | given
        ).status_code
    fields = {"csrf": csrf, "verdict": "benign", "reason": "x", "seen": "0", "token": "rps_x"}
    return browser.request(method, there, data=fields, headers=headers).status_code


def logged_in(browser: TestClient, secret: str) -> str:
    """A session; what its pages send along."""
    assert browser.post("/login", data={"token": secret}).status_code == 303
    return browser.get("/findings").text.partition('name="csrf" value="')[2].partition('"')[0]


def test_nobody_changes_anything(browser: TestClient, routes: set[tuple[str, str]]) -> None:
    statuses = {path: sent(browser, method, path) for method, path in routes}
    assert statuses == {path: 403 if path == "/login" else 401 for _, path in routes}


def test_a_session_changes_nothing_without_a_token_of_its_pages(
    browser: TestClient, routes: set[tuple[str, str]], tokens: dict[str, str]
) -> None:
    csrf = logged_in(browser, tokens["admin"])
    others = Security(WebSettings(), b"another key")
    assert len(csrf) == 64
    for wrong in ("", "0" * 64, csrf[:-1], others._signed("csrf", "session admin x")):
        assert {sent(browser, method, path, wrong) for method, path in routes} == {403}
    twice = [("X-CSRF-Token", csrf), ("X-CSRF-Token", csrf)]
    assert browser.post("/api/v1/findings/a100000000000000/close", json={}, headers=twice).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_no_other_site_changes_anything_even_with_the_token(
    browser: TestClient, routes: set[tuple[str, str]], tokens: dict[str, str], headers: dict[str, str]
) -> None:
    csrf = logged_in(browser, tokens["admin"])
    assert {sent(browser, method, path, csrf, **headers) for method, path in routes} == {403}


def test_who_may_read_changes_nothing(
    browser: TestClient, routes: set[tuple[str, str]], tokens: dict[str, str]
) -> None:
    csrf = logged_in(browser, tokens["read"])
    changing = {(method, path) for method, path in routes if path not in {*HARMLESS, "/login"}}
    assert {sent(browser, method, path, csrf) for method, path in changing} == {403}


def test_who_may_triage_hides_nothing_of_tomorrow(
    browser: TestClient, routes: set[tuple[str, str]], tokens: dict[str, str]
) -> None:
    csrf = logged_in(browser, tokens["triage"])
    hiding = {(method, path) for method, path in routes if "allow" in path and path not in HARMLESS}
    assert {path for _, path in hiding} >= {
        "/allow",
        "/allow/{entry_id}/remove",
        "/api/v1/allow",
        "/api/v1/allow/{entry_id}/remove",
    }
    assert {sent(browser, method, path, csrf) for method, path in hiding} == {403}


def test_who_logged_out_has_left_with_every_copy_of_the_cookie(browser: TestClient, tokens: dict[str, str]) -> None:
    csrf = logged_in(browser, tokens["read"])
    copied = dict(browser.cookies)
    assert browser.post("/logout", data={"csrf": csrf}).status_code == 303
    browser.cookies.update(copied)
    assert browser.get("/api/v1/findings").status_code == 401
    browser.cookies.clear()
    logged_in(browser, tokens["read"])
    assert browser.get("/api/v1/findings").status_code == 200


def test_addresses_of_one_site_guess_together(settings: WebSettings, tokens: dict[str, str]) -> None:
    security = Security(settings)
    for number in range(TRIES):
        assert security.log_in("rps_wrong", f"2001:db8::{number + 1:x}:1") is None
    with pytest.raises(Refused, match="too many wrong tokens"):
        security.log_in(tokens["read"], "2001:db8::ffff")
    found = security.log_in(tokens["read"], "2001:db8:0:1::1")
    assert found is not None
    assert found[1].name == "read"
