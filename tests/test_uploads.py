from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from pneumoscope.inference.bundle import load_bundle
from pneumoscope.inference.reader import Reader
from pneumoscope.serve.app import create_app
from pneumoscope.serve.service import Service
from pneumoscope.serve.uploads import Hand, Rejected
from serving import bundle_path, film, small

__all__ = ["bundle_path"]
BOUNDARY = {"Content-Type": "multipart/form-data; boundary=x"}


@pytest.fixture(scope="module")
def client(bundle_path: Path) -> Iterator[TestClient]:
    service = Service(Reader(load_bundle(bundle_path)), limits=small())
    with TestClient(create_app(service), "http://localhost") as made:
        yield made
    service.close()


def part(head: str, body: bytes = b"") -> bytes:
    return b"--x\r\n" + head.encode() + b"\r\n\r\n" + body + b"\r\n--x--\r\n"


FILE = 'Content-Disposition: form-data; name="files"; filename="a.png"'


@pytest.mark.parametrize(
    ("headers", "body", "status", "words"),
    [
        ({}, b"x", 415, "Send multipart/form-data"),
        ({"Content-Type": "text/html"}, b"x", 415, "image/jpeg"),
        ({"Content-Type": "image/svg+xml"}, b"<svg/>", 415, "image/jpeg"),
        ({"Content-Type": "application/zip"}, b"PK", 415, "image/jpeg"),
        ({"Content-Type": "image/png", "Content-Encoding": "gzip"}, b"x", 415, "as they are"),
        ({"Content-Type": "image/png"}, b"", 200, "the file is empty"),
        ({"Content-Type": "multipart/form-data"}, b"x", 400, "broken"),
        (BOUNDARY, b"", 422, "no file"),
        (BOUNDARY, b"nonsense", 400, "broken"),
        (BOUNDARY, part('Content-Disposition: form-data; filename="a"'), 400, "broken"),
        (BOUNDARY, part("Content-Disposition: form-data; name=other", b"x"), 422, "no file"),
        (BOUNDARY, part('Content-Disposition: form-data; name="files"'), 422, "must hold files"),
        (BOUNDARY, part(FILE, bytes(2**20 + 1)), 413, "A film may have at most 1 MB"),
        ({"Content-Type": "image/png"}, bytes(2**20 + 1), 413, "At most 1 MB"),
        ({"Content-Type": "image/png"}, bytes(2**21 + 1), 413, "At most 2 MB"),
    ],
)
def test_a_wrong_upload_is_named(
    client: TestClient, headers: dict[str, str], body: bytes, status: int, words: str
) -> None:
    answer = client.post("/v1/readings", content=body, headers=headers)
    assert (answer.status_code, words in answer.text) == (status, True), answer.text
    assert client.post("/v1/readings", files={"files": film()}).status_code == 200


def test_too_many_films_are_turned_away(client: TestClient) -> None:
    sent = [("files", (f"{i}.png", film())) for i in range(9)]
    answer = client.post("/v1/readings", files=sent)
    assert (answer.status_code, answer.json()["error"]) == (422, "At most 8 films a request.")
    assert len(client.post("/v1/readings", files=sent[:8]).json()["readings"]) == 8


def test_a_body_without_a_length_is_counted_as_it_comes(client: TestClient) -> None:
    def chunks(count: int) -> Iterator[bytes]:
        for _ in range(count):
            yield bytes(2**18)

    headers = {"Content-Type": "application/octet-stream"}
    assert client.post("/v1/readings", content=chunks(5), headers=headers).status_code == 413
    assert client.post("/v1/readings", content=chunks(4), headers=headers).status_code == 200


def test_other_fields_beside_the_films_do_no_harm(client: TestClient) -> None:
    answer = client.post("/v1/readings", files={"files": film()}, data={"csrf": "x" * 1000})
    assert answer.status_code == 200


def test_what_is_in_hand_is_bounded() -> None:
    hand = Hand(10)
    hand.take(8)
    with pytest.raises(Rejected) as turned_away:
        hand.take(3)
    assert (turned_away.value.status, turned_away.value.again) == (503, 2)
    hand.take(2)
    assert hand.held == 10
