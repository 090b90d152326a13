"""TLS: what is promised over it, against a real server with a certificate of the test's own."""

import asyncio
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx
import pytest
import trustme

from rpcsight.cli import app
from rpcsight.cli.outcome import outcome
from rpcsight.errors import UsageError
from rpcsight.web import server
from rpcsight.web.options import WebSettings
from rpcsight.web.tokens import TokenFile
from tests.served import corp, running

pytestmark = pytest.mark.xdist_group("server")
VERDICT = {"verdict": "benign", "reason": "known"}


class Files(NamedTuple):
    """PEM files."""

    authority: trustme.CA
    certificate: Path
    key: Path
    other: Path
    locked: Path
    text: Path


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    folder, authority = tmp_path_factory.mktemp("tls"), trustme.CA()
    made = Files(authority, *(folder / f"{name}.pem" for name in ("certificate", "key", "other", "locked", "text")))
    issued = authority.issue_cert("127.0.0.1")
    made.certificate.write_bytes(b"".join(each.bytes() for each in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(made.key)
    authority.issue_cert("127.0.0.1").private_key_pem.write_to_path(made.other)
    made.locked.write_text(made.key.read_text().replace("BEGIN ", "BEGIN ENCRYPTED ").replace("EC ", ""))
    made.text.write_text("-----BEGIN nothing")
    return made


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    path = tmp_path_factory.mktemp("tokens") / "tokens.json"
    return TokenFile(path).add("anna", "triage", 1), str(path)


@pytest.fixture(scope="module")
def address(files: Files, secret: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    options = ("--token-file", secret[1], "--tls-cert", str(files.certificate), "--tls-key", str(files.key))
    with running(corp(tmp_path_factory.mktemp("served")), *options) as made:
        yield made


@pytest.fixture
def browser(address: str, files: Files) -> Iterator[httpx.Client]:
    context = ssl.create_default_context()
    files.authority.configure_trust(context)
    with httpx.Client(base_url=address, verify=context, trust_env=False, timeout=30) as made:
        yield made


def test_pages_and_api_answer_over_tls_alone(browser: httpx.Client, address: str, secret: tuple[str, str]) -> None:
    assert address.startswith("https://127.0.0.1:")
    entered = browser.post("/login", data={"token": secret[0], "next": "/findings?q=svcctl"})
    assert (entered.status_code, entered.headers["location"]) == (303, "/findings?q=svcctl")
    flags = {each.strip().lower() for each in entered.headers["set-cookie"].split(";")[1:]}
    assert flags == {"httponly", "max-age=43200", "path=/", "samesite=strict", "secure"}
    answers = [browser.get(each) for each in ("/findings", "/api/v1/findings", "/static/style.css", "/nothing")]
    assert [each.status_code for each in answers] == [200, 200, 200, 404]
    assert {each.headers["strict-transport-security"] for each in (entered, *answers)} == {"max-age=31536000"}
    form = browser.get("/findings/a100000000000000").text
    fields = {name: form.partition(f'name="{name}" value="')[2].partition('"')[0] for name in ("csrf", "seen")}
    closing = {**fields, **VERDICT}
    origin = {"Origin": address.rstrip("/"), "Sec-Fetch-Site": "same-origin"}
    plain = {"Origin": address.rstrip("/").replace("https:", "http:")}
    refused = browser.post("/findings/a100000000000000/triage", data=closing, headers=plain)
    closed = browser.post("/findings/a100000000000000/triage", data=closing, headers=origin)
    assert (refused.status_code, closed.status_code) == (403, 303)
    left = browser.post("/logout", data={"csrf": fields["csrf"]}, headers=origin)
    assert "Secure" in left.headers["set-cookie"]


def test_who_does_not_trust_the_certificate_sends_nothing(address: str) -> None:
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(address, trust_env=False)


def test_plain_http_is_not_answered(address: str, browser: httpx.Client) -> None:
    place = urlsplit(address)
    with socket.create_connection((place.hostname, place.port), timeout=20) as made:
        made.sendall(f"GET /api/v1/health HTTP/1.1\r\nHost: {place.netloc}\r\n\r\n".encode())
        said = b""
        while part := made.recv(4096):
            said += part
    assert b"HTTP" not in said
    assert browser.get("/api/v1/health").status_code == 200


def test_who_begins_no_handshake_is_left(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "HEAD_S", 0.2)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)

    async def waited() -> bytes:
        loop = asyncio.get_running_loop()
        made = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0, ssl=context)
        async with made:
            reader, writer = await asyncio.open_connection(*made.sockets[0].getsockname())
            try:
                return await asyncio.wait_for(reader.read(), 20)
            finally:
                writer.close()

    with asyncio.Runner(loop_factory=server.ImpatientLoop) as runner:
        assert runner.run(waited()) == b""


@pytest.mark.parametrize(
    ("certificate", "key", "told"),
    [
        ("certificate", "none", "--tls-key: there is no file"),
        ("none", "key", "--tls-cert: there is no file"),
        ("certificate", "other", "--tls-key: .*other.pem' is not the key of .*certificate.pem'"),
        ("key", "certificate", "--tls-cert: .*key.pem' holds no certificate"),
        ("certificate", "certificate", "--tls-key: .*certificate.pem' holds no private key"),
        ("text", "key", "--tls-cert: .*text.pem' holds no certificate"),
        ("certificate", "locked", "--tls-key: .*locked.pem' has a password"),
        ("certificate", "/proc/self/mem", "--tls-key: '/proc/self/mem' can't be read"),
    ],
)
def test_files_that_no_server_can_use(files: Files, certificate: str, key: str, told: str) -> None:
    paths = [getattr(files, each, files.text.parent / each) for each in (certificate, key)]
    with pytest.raises(UsageError, match=told):
        WebSettings(certificate=paths[0], key=paths[1]).checked()


def test_a_certificate_that_is_cut_is_refused(files: Files, tmp_path: Path) -> None:
    cut = tmp_path / "cut.pem"
    cut.write_bytes(files.certificate.read_bytes()[:200])
    with pytest.raises(UsageError, match="can't be used for TLS"):
        WebSettings(certificate=cut, key=files.key).checked()


def test_the_command_says_so_and_ends(files: Files, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["-w", str(corp(tmp_path)), "--tls-cert", str(files.certificate), "--tls-key", str(files.other)]
    code = outcome(lambda: app(["serve", *options], prog_name="rpcsight", standalone_mode=False))
    assert (code, capsys.readouterr().err) == (
        2,
        f"error: --tls-key: {str(files.other)!r} is not the key of {str(files.certificate)!r}\n"
        "  hint: the two that belong together, in PEM\n",
    )
