"""The schema holds what the service does, and the service holds the schema."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode

from pneumoscope.inference.bundle import load_bundle
from pneumoscope.inference.reader import Reader
from pneumoscope.serve.app import create_app
from pneumoscope.serve.gate import Access
from pneumoscope.serve.service import Film, Service
from pneumoscope.serve.uploads import PICTURES
from serving import bundle_path, film, small

__all__ = ["bundle_path"]
TOKEN = "a-token-for-the-schema"


@schemathesis.serializer(*(kind for kind in PICTURES if kind != "application/octet-stream"))
def as_it_is(_: Any, value: Any) -> Any:
    return value


@pytest.fixture(scope="module")
def service(bundle_path: Path) -> Iterator[Service]:
    made = Service(Reader(load_bundle(bundle_path)), limits=small(films=100, waiting=200))
    yield made
    made.close()


@pytest.fixture(scope="module")
def api(service: Service) -> Any:
    return schemathesis.openapi.from_asgi("/openapi.json", create_app(service))


OPERATIONS = (
    *(("GET", path) for path in ("/healthz", "/readyz", "/metrics", "/v1/bundle", "/v1/samples")),
    *(("GET", path) for path in ("/v1/samples/{name}", "/v1/readings.csv", "/v1/readings/{id}")),
    *(("GET", f"/v1/readings/{{id}}/{part}") for part in ("film", "evidence", "page")),
    *(("POST", "/v1/readings"), ("DELETE", "/v1/readings/{id}")),
)


def test_every_operation_is_asked(api: Any) -> None:
    listed = {(each.ok().method.upper(), each.ok().path) for each in api.get_all_operations()}
    assert listed == set(OPERATIONS)


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_it_holds_its_schema(api: Any, method: str, path: str, mode: GenerationMode) -> None:
    operation = api[path][method]
    if mode.is_negative and not (operation.body or operation.query):
        return  # nothing in it can be wrong

    # Not by schemathesis' own pytest plugin, which relies on insides of pytest.
    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=10,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def holds(case: Any) -> None:
        case.call_and_validate()

    holds()


@pytest.mark.parametrize(("method", "path"), [each for each in OPERATIONS if "{id}" in each[1]])
def test_real_readings_hold_the_schema(api: Any, service: Service, method: str, path: str) -> None:
    (kept,) = asyncio.run(service.read([Film("a.png", film())]))
    answer = api[path][method].Case(path_parameters={"id": kept.id}).call_and_validate()
    assert answer.status_code in (200, 204)


def test_tokens_stand_in_the_schema(service: Service) -> None:
    open_schema = create_app(service).openapi()
    guarded = create_app(service, access=Access(tokens=(TOKEN,))).openapi()
    assert "security" not in str(open_schema)
    for path, methods in guarded["paths"].items():
        for told in methods.values():
            assert ("security" in told) == (path not in ("/healthz", "/readyz")), path
