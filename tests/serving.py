"""Services to test against: one that answers at once, and one behind real sockets."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import bundles
from pneumoscope.inference.reader import Reader
from pneumoscope.serve.app import create_app
from pneumoscope.serve.gate import Access
from pneumoscope.serve.limits import Limits
from pneumoscope.serve.listener import bind, make_server
from pneumoscope.serve.service import Service


def film(logit: float = 1.0, *, seed: int = 0) -> bytes:
    """A PNG film to which the service's network gives about ``logit``."""
    return bundles.brightness_film(logit, seed=seed)


def small(**changes: Any) -> Limits:
    """Limits that a test can reach."""
    few: dict[str, Any] = {
        "film_bytes": 2**20,
        "request_bytes": 2 * 2**20,
        "hand_bytes": 4 * 2**20,
        "films": 8,
        "waiting": 8,
        "upload_seconds": 5.0,
        "idle_seconds": 2.0,
    }
    return Limits(**(few | changes))


class Slow(Reader):
    """A reader that reads nothing before ``go`` is set."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.go = threading.Event()

    def read_together(self, sources: Any) -> Any:
        assert self.go.wait(20)
        return super().read_together(sources)


@contextlib.contextmanager
def live(service: Service, *, access: Access | None = None) -> Iterator[tuple[str, int]]:
    """The service behind a real socket; gives host and port."""
    with bind("127.0.0.1", 0) as listening:
        server = make_server(create_app(service, access=access))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            wait_for(lambda: server.started)
            yield listening.getsockname()[:2]
        finally:
            server.should_exit = True
            thread.join(30)
            service.close()
    assert not thread.is_alive()


def wait_for(true: Any, *, seconds: float = 20.0) -> None:
    """Return when ``true()`` is; fail after a while."""
    last = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < last
        time.sleep(0.01)


def answer_to(where: tuple[str, int], *parts: bytes, pause: float = 0.0) -> bytes:
    """What comes back for raw bytes, sent part by part, until the other side closes."""
    with socket.create_connection(where, timeout=20) as client:
        with contextlib.suppress(ConnectionError):
            for part in parts:
                client.sendall(part)
                time.sleep(pause)
        received = b""
        with contextlib.suppress(ConnectionError):
            while chunk := client.recv(65536):
                received += chunk
        return received


@pytest.fixture(scope="module")
def bundle_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle whose logit is the film's brightness."""
    path = tmp_path_factory.mktemp("served") / "brightness.pneumo"
    bundles.make_bundle(path)
    return path
