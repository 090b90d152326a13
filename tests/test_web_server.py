"""The server itself, with an application of the test's own: clients that keep it waiting."""

import socket
import threading
from typing import Any

import pytest

from rpcsight.web import server
from rpcsight.web.options import WebSettings

LARGE = b"x" * 8_000_000


def test_who_takes_nothing_of_an_answer_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "TAKE_S", 0.2)
    was_left = threading.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": LARGE, "more_body": True})
        await send({"type": "http.response.body", "body": b""})  # waits until there is room
        was_left.set()

    settings = WebSettings(port=0)
    taken = server.listening(settings)
    made = server.serving(app, settings)
    thread = threading.Thread(target=made.run, args=([taken],), daemon=True)
    thread.start()
    try:
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.settimeout(20)
            client.connect(taken.getsockname())
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert was_left.wait(20)
        with socket.create_connection(taken.getsockname(), timeout=20) as client:
            was_left.clear()
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            sizes = 0
            while part := client.recv(1 << 20):
                sizes += len(part)
            assert sizes > len(LARGE)
    finally:
        made.should_exit = True
        thread.join(20)
