"""The server itself: uvicorn, which closes connections of clients that keep it waiting."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import uvicorn
from uvicorn.config import LOGGING_CONFIG
from uvicorn.protocols.http.h11_impl import H11Protocol

from rpcsight.errors import UsageError
from rpcsight.web.guard import App
from rpcsight.web.options import WebSettings

__all__ = ["Impatient", "ImpatientLoop", "address", "listening", "run"]

HEAD_S = 10
"""How long a client may take from its connection, or the begin of a request, to the end of its headers, and for a TLS handshake."""
TAKE_S = 20
"""How long a client may take nothing of an answer that waits for it."""
KEEP_S = 5
LEAVE_S = 3
MOST_CONNECTIONS = 200
LARGEST_HEAD = 32 * 1024
BACKLOG = 128
LOGGED = LOGGING_CONFIG | {"handlers": dict.fromkeys(("default", "access"), LOGGING_CONFIG["handlers"]["default"])}
"""All on standard error: uvicorn tells requests on standard output."""


class Impatient(H11Protocol):
    """HTTP/1.1 that doesn't wait for ever: uvicorn's own keeps connections open that never send headers, or never take an answer."""

    _patience: asyncio.TimerHandle | None = None
    _untaken: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Take what came; a request whose headers are whole has been waited for."""
        super().data_received(data)
        if self._is_waiting():
            if self._patience is None:
                self._wait()
        else:
            self._stop()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop()
        self._stop_looking()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Look from now on whether the client takes what was written."""
        super().pause_writing()
        self._look(self.transport.get_write_buffer_size() + 1)

    def resume_writing(self) -> None:
        """It did."""
        self._stop_looking()
        super().resume_writing()

    def _look(self, before: int) -> None:
        left = self.transport.get_write_buffer_size()
        if left < before:
            self._untaken = self.loop.call_later(TAKE_S, self._look, left)
        else:
            self.transport.abort()

    def _stop_looking(self) -> None:
        if self._untaken is not None:
            self._untaken.cancel()
            self._untaken = None

    def _is_waiting(self) -> bool:
        return str(self.conn.their_state) == "IDLE"

    def _wait(self) -> None:
        self._patience = self.loop.call_later(HEAD_S, self._give_up)

    def _stop(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _give_up(self) -> None:
        self._patience = None
        if self._is_waiting() and not self.transport.is_closing():
            self.transport.close()


class ImpatientLoop(asyncio.SelectorEventLoop):
    """An event loop whose TLS handshakes don't last for a minute: uvicorn has no option for that."""

    async def create_server(self, *arguments: Any, **options: Any) -> asyncio.Server:  # type: ignore[override]  # noqa: ANN401
        """Listen."""
        if options.get("ssl") is not None:
            options.setdefault("ssl_handshake_timeout", HEAD_S)
        return await super().create_server(*arguments, **options)


def listening(settings: WebSettings) -> socket.socket:
    """The socket of the server, taken before anything is promised.

    Raises:
        UsageError: somebody else has it, or the address is none of this machine's.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((settings.host, settings.port))
        made.listen(BACKLOG)
    except OSError as cause:
        made.close()
        what = f"{settings.host}:{settings.port} can't be listened on ({cause.strerror})"
        raise UsageError("--port", what, "another server runs there? serve --port 8136") from cause
    return made


def address(settings: WebSettings, taken: socket.socket) -> str:
    """Where browsers find the server."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"{'https' if settings.certificate else 'http'}://{host}:{taken.getsockname()[1]}/"


def run(app: App, settings: WebSettings, taken: socket.socket, is_loud: bool = False) -> None:
    """Serve until somebody stops it.

    Args:
        app: what answers.
        settings: how it is reached.
        taken: the socket.
        is_loud: each request is told on standard error.
    """
    serving(app, settings, is_loud).run([taken])


def serving(app: App | Callable[..., object], settings: WebSettings, is_loud: bool = False) -> uvicorn.Server:
    """The server, not yet running."""
    return uvicorn.Server(
        uvicorn.Config(
            app,  # type: ignore[arg-type]
            http=Impatient,
            ws="none",
            loop="rpcsight.web.server:ImpatientLoop",
            lifespan="off",
            proxy_headers=False,  # nobody but the guard says who a client is
            server_header=False,
            access_log=is_loud,
            log_config=LOGGED,
            log_level="info" if is_loud else "warning",
            timeout_keep_alive=KEEP_S,
            timeout_graceful_shutdown=LEAVE_S,
            limit_concurrency=MOST_CONNECTIONS,
            h11_max_incomplete_event_size=LARGEST_HEAD,
            ssl_certfile=settings.certificate,
            ssl_keyfile=settings.key,
        )
    )
