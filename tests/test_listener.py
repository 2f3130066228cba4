"""What real sockets bring: slow clients, halves of uploads, crowds, a stop in the middle."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pneumoscope.errors import UsageError
from pneumoscope.inference.bundle import load_bundle
from pneumoscope.inference.reader import Reader
from pneumoscope.serve import listener
from pneumoscope.serve.limits import Limits
from pneumoscope.serve.listener import bind
from pneumoscope.serve.service import Service
from serving import Slow, answer_to, bundle_path, film, live, small, wait_for

__all__ = ["bundle_path"]
Address = tuple[str, int]
HEAD = b"POST /v1/readings HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"


@pytest.fixture(scope="module")
def service(bundle_path: Path) -> Service:
    limits = small(upload_seconds=1.0, idle_seconds=0.3)
    return Service(Reader(load_bundle(bundle_path)), limits=limits)


@pytest.fixture(scope="module")
def where(service: Service) -> Iterator[Address]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(listener, "HEAD_SECONDS", 0.5)
        with live(service) as address:
            yield address


def post(where: Address, body: bytes, *, kind: str = "image/png") -> tuple[int, dict[str, object]]:
    client = http.client.HTTPConnection(*where, timeout=30)
    client.request("POST", "/v1/readings", body, {"Content-Type": kind})
    answer = client.getresponse()
    told = json.loads(answer.read())
    if answer.status == 503:
        assert int(answer.headers["Retry-After"]) >= 1
    client.close()
    return answer.status, told


def test_a_head_that_never_ends_is_cut(where: Address) -> None:
    began = time.monotonic()
    drip = [b"POST /v1/readings HTTP/1.1\r\n"] + [b"X: y\r\n"] * 40
    assert answer_to(where, *drip, pause=0.05) == b""
    assert answer_to(where) == b""  # who says nothing at all, too
    assert time.monotonic() - began < 15
    assert post(where, film())[0] == 200


def test_a_body_that_drips_or_stops_is_cut(where: Address) -> None:
    head = HEAD + b"Content-Length: 5000\r\n\r\n"
    for parts in ([head, b"x"], [head] + [b"x"] * 30):
        answer = answer_to(where, *parts, pause=0.1 if len(parts) > 2 else 0)
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"too slow" in answer
    assert post(where, film())[0] == 200


def test_an_upload_that_is_cut_off_does_no_harm(
    where: Address, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    for cut in (1, 100, 1000):
        with socket.create_connection(where, timeout=5) as client:
            client.sendall(HEAD + b"Content-Length: 4000\r\n\r\n" + film()[:cut])
    multipart = HEAD.replace(b"image/png", b"multipart/form-data; boundary=x")
    with socket.create_connection(where, timeout=5) as client:
        client.sendall(multipart + b"Content-Length: 4000\r\n\r\n--x\r\nContent-Dispo")
    wait_for(lambda: 'status="400"} 4.0' in service.counts.text().decode())
    assert post(where, film())[0] == 200
    assert "Traceback" not in caplog.text


def test_what_is_no_http_is_turned_away(where: Address) -> None:
    assert answer_to(where, b"\x16\x03\x01\x02\x00nonsense\r\n\r\n").startswith(b"HTTP/1.1 400 ")
    assert answer_to(where, b"GET / HTTP/1.1\r\nX: " + b"y" * 100_000).startswith(b"HTTP/1.1 400 ")
    assert post(where, film())[0] == 200


def test_a_client_that_is_turned_away_hears_why(where: Address) -> None:
    status, told = post(where, bytes(3 * 2**20))
    assert (status, told) == (413, {"error": "At most 2 MB are taken here."})
    status, _ = post(where, bytes(3 * 2**20), kind="text/plain")
    assert status == 415


def test_a_full_desk_says_when_to_come_again_and_loses_nothing(bundle_path: Path) -> None:
    reader = Slow(load_bundle(bundle_path))
    service = Service(reader, limits=small(films=2, waiting=4), threads=1)
    with live(service) as where, ThreadPoolExecutor(16) as pool:
        first = pool.submit(post, where, film())
        wait_for(lambda: service.counts.text() and not service.desk.waiting)
        answers = [pool.submit(post, where, film()) for _ in range(15)]
        wait_for(lambda: sum(answer.done() for answer in answers) >= 15 - 5)
        ready = http.client.HTTPConnection(*where, timeout=10)
        ready.request("GET", "/readyz")
        assert ready.getresponse().status == (503 if service.desk.full else 200)
        ready.close()
        reader.go.set()
        told = [answer.result(30) for answer in [first, *answers]]
    statuses = [status for status, _ in told]
    assert set(statuses) == {200, 503}
    assert 4 <= statuses.count(200) <= 6
    ids = [each["readings"][0]["id"] for status, each in told if status == 200]  # type: ignore[index]
    assert len(set(ids)) == len(ids) == service.store.films


def test_a_hundred_films_at_once_are_all_read(bundle_path: Path) -> None:
    service = Service(Reader(load_bundle(bundle_path)), limits=Limits())
    body = b"".join(
        b'--x\r\nContent-Disposition: form-data; name="files"; filename="%d.png"\r\n\r\n' % i
        + film(i / 50 - 1)
        + b"\r\n"
        for i in range(100)
    )
    with live(service) as where:
        status, told = post(where, body + b"--x--\r\n", kind="multipart/form-data; boundary=x")
    assert status == 200
    readings = told["readings"]
    assert [each["name"] for each in readings] == [f"{i}.png" for i in range(100)]  # type: ignore[attr-defined]
    logits = [each["logit"] for each in readings]  # type: ignore[attr-defined]
    assert logits == sorted(logits)


def test_requests_in_work_are_answered_before_it_stops(bundle_path: Path) -> None:
    reader = Slow(load_bundle(bundle_path))
    service = Service(reader, limits=small())
    with ThreadPoolExecutor(1) as pool:
        with live(service) as where:
            answer = pool.submit(post, where, film())
            wait_for(lambda: service.desk._film_seconds and len(threading.enumerate()) > 1)
            time.sleep(0.2)
            threading.Timer(0.3, reader.go.set).start()
        assert answer.result(10)[0] == 200
    assert service.desk.closed


def test_an_address_that_is_taken_is_named() -> None:
    with bind("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"127.0.0.1:{port} cannot be listened on"):
            bind("127.0.0.1", port)
    with pytest.raises(UsageError, match="name another --host"):
        bind("192.0.2.1", 0)
