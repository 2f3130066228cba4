import re
from pathlib import Path

from fastapi import FastAPI

from pneumoscope.inference.bundle import load_bundle
from pneumoscope.inference.reader import Reader
from pneumoscope.serve import messages
from pneumoscope.serve.app import create_app
from pneumoscope.serve.service import Service
from serving import bundle_path

__all__ = ["bundle_path"]


def test_the_contract_lists_every_route(bundle_path: Path) -> None:
    service = Service(Reader(load_bundle(bundle_path)))
    app: FastAPI = create_app(service)
    routes = {
        (method.upper(), path)
        for path, methods in app.openapi()["paths"].items()
        for method in methods
    }
    service.close()
    listed = set()
    for line in str(messages.__doc__).splitlines():
        if found := re.match(r"(GET|POST|DELETE) +(``.*)", line):
            listed |= {(found[1], path) for path in re.findall(r"``(/[^`?]*)``", found[2])}
    assert listed - routes == {("GET", "/"), ("GET", "/static/{path}"), ("GET", "/openapi.json")}
    assert routes <= listed
