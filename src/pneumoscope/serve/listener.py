"""uvicorn, with patience that ends: for a request's head, for a client that does not read."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from pneumoscope.errors import UsageError

HEAD_SECONDS = 20.0
# Longer than clients keep a connection by themselves, or they would send into one just closed.
_KEEP_ALIVE_SECONDS = 65
UNREAD_SECONDS = 30.0
CONNECTIONS = 1024
_GRACE_SECONDS = 30


class Patient(H11Protocol):
    """A connection that is closed when a request's head takes more than ``HEAD_SECONDS``.

    uvicorn itself waits for ever: its limit is for the time between two requests alone.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a head."""
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS:
            transport.abort()
            return
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        """Take bytes; the wait for a head ends with the whole head, not with some byte of it."""
        before = self.cycle
        super().data_received(data)
        if self.cycle is not before:
            self._stop_waiting()
        elif self.cycle is None or self.cycle.response_complete:
            self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing to wait for any more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection, with what its client has not read after a while."""
        super().timeout_keep_alive_handler()
        self.loop.call_later(UNREAD_SECONDS, self.transport.abort)

    def _wait_for_head(self) -> None:
        if self._head is None:
            self._head = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; ``UsageError`` where the address is taken or not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=CONNECTIONS)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or "it is no address"
        raise UsageError(
            f"{host}:{port} cannot be listened on ({why}); name another --host or --port."
        ) from error


def make_server(app: ASGIApp) -> uvicorn.Server:
    """A server for ``app`` that logs nothing of a request by itself."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=Patient,
            ws="none",
            lifespan="on",
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
    )


def run(app: ASGIApp, listening: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM; requests in work are answered first."""
    # uvicorn sends itself the signal again when it has stopped: being asked to stop is no failure.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    make_server(app).run(sockets=[listening])
