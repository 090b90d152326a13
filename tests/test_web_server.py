"""The server itself, with an application of the test's own: clients that keep it waiting, and what it logs."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from rpcsight.web import server
from rpcsight.web.options import WebSettings

LARGE = b"x" * 8_000_000


@contextmanager
def running(app: Any, *, is_loud: bool = False) -> Iterator[tuple[str, int]]:
    """A server in a thread; where it listens."""
    settings = WebSettings(port=0)
    taken = server.listening(settings)
    made = server.serving(app, settings, is_loud)
    thread = threading.Thread(target=made.run, args=([taken],), daemon=True)
    thread.start()
    try:
        yield taken.getsockname()
    finally:
        made.should_exit = True
        thread.join(20)


def asked(place: tuple[str, int], target: str) -> bytes:
    """All that a server answers."""
    with socket.create_connection(place, timeout=20) as client:
        client.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        parts = []
        while part := client.recv(1 << 20):
            parts.append(part)
    return b"".join(parts)


def test_who_takes_nothing_of_an_answer_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "TAKE_S", 0.2)
    was_left = threading.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": LARGE, "more_body": True})
        await send({"type": "http.response.body", "body": b""})  # waits until there is room
        was_left.set()

    with running(app) as place:
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(place)
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert was_left.wait(20)
        assert len(asked(place, "/")) > len(LARGE)


def test_requests_are_told_on_standard_error_in_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    with running(app, is_loud=True) as place:
        asked(place, "/a%0d%0aINFO:%20b%1b[2J?c=%0ad")
    said = capsys.readouterr()
    (line,) = (each for each in said.err.splitlines() if "GET" in each)
    assert (said.out, line.partition(" - ")[2]) == ("", '"GET /a%0D%0AINFO%3A%20b%1B%5B2J?c=%0ad HTTP/1.1" 404')
