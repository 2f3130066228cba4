from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from pneumoscope.inference.bundle import load_bundle
from pneumoscope.inference.reader import Reader
from pneumoscope.serve.app import create_app
from pneumoscope.serve.counts import Counts
from pneumoscope.serve.gate import Access, Gate, host_name
from pneumoscope.serve.service import Service
from serving import bundle_path, film

__all__ = ["bundle_path"]
TOKENS = ("a-token-of-one-ward", "a-token-of-another")


@pytest.fixture(scope="module")
def client(bundle_path: Path) -> Iterator[TestClient]:
    access = Access(tokens=TOKENS, hosts=frozenset({"localhost", "[::1]"}))
    service = Service(Reader(load_bundle(bundle_path)))
    with TestClient(create_app(service, access=access), "http://localhost") as made:
        yield made
    service.close()


def test_with_tokens_only_health_and_the_page_are_open(client: TestClient) -> None:
    for path in ("/healthz", "/readyz", "/openapi.json", "/", "/static/index.html"):
        assert client.get(path).status_code in (200, 503), path
    for path in ("/v1/bundle", "/v1/samples", "/v1/readings/x/film", "/metrics", "/nothing"):
        answer = client.get(path)
        assert answer.status_code == 401, path
        assert answer.headers["www-authenticate"] == "Bearer"
    answer = client.post("/v1/readings", files={"files": film()})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "wrong",
    [
        "Bearer",
        "Bearer ",
        f"Bearer {TOKENS[0][:-1]}",
        f"Bearer {TOKENS[0]}x",
        f"Basic {TOKENS[0]}",
        f"Bearer {','.join(TOKENS)}",
        TOKENS[0],
    ],
)
def test_a_wrong_token_is_named(client: TestClient, wrong: str) -> None:
    answer = client.get("/v1/bundle", headers={"Authorization": wrong})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert TOKENS[0] not in answer.text


@pytest.mark.parametrize("token", TOKENS)
def test_each_token_opens(client: TestClient, token: str) -> None:
    for scheme in ("Bearer", "bearer"):
        headers = {"Authorization": f"{scheme} {token}"}
        assert client.get("/v1/bundle", headers=headers).status_code == 200


def test_a_foreign_host_name_and_another_sites_page_are_turned_away(client: TestClient) -> None:
    headers = {"Authorization": f"Bearer {TOKENS[0]}"}
    for host, status in (("evil.example", 403), ("LOCALHOST:8000", 200), ("[::1]:8000", 200)):
        assert client.get("/v1/bundle", headers=headers | {"Host": host}).status_code == status
    for site, status in (("cross-site", 403), ("same-origin", 415)):
        sent = headers | {"Sec-Fetch-Site": site, "Content-Type": "text/plain"}
        assert client.post("/v1/readings", headers=sent, content=b"x").status_code == status
    assert client.get("/v1/bundle", headers=headers | {"Sec-Fetch-Site": "cross-site"}).is_success


@pytest.mark.parametrize(
    ("header", "name"),
    [("A.b:80", "a.b"), ("[::1]:80", "[::1]"), ("[::1]", "[::1]"), ("", ""), ("x", "x")],
)
def test_the_port_is_no_part_of_a_name(header: str, name: str) -> None:
    assert host_name(header) == name


def test_requests_in_work_are_bounded() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError

    gate = Gate(app, access=Access(), counts=Counts(), requests=0)
    for _ in range(2):  # what is turned away takes no room
        answer = TestClient(gate).get("/v1/bundle")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


def test_a_fault_is_answered_and_logged_without_its_words(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise RuntimeError(scope["path"])

    counts = Counts()
    gate = Gate(app, access=Access(), counts=counts, requests=1)
    with caplog.at_level(logging.INFO):
        for _ in range(2):
            answer = TestClient(gate).get("/v1/Kim")
            assert answer.status_code == 500
            assert "Kim" not in answer.text
    ours = [r.getMessage() for r in caplog.records if r.name == "pneumoscope.serve"]
    assert any("RuntimeError" in line for line in ours)
    assert not any("Kim" in line for line in ours)
    assert 'route="other",status="500"} 2.0' in counts.text().decode()
