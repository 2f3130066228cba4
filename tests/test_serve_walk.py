"""The walk that the README prints, as it is printed, but for the port."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from pneumoscope.inference.bundle import load_bundle
from pneumoscope.inference.reader import Reader
from pneumoscope.serve.messages import Readings
from pneumoscope.serve.service import Service
from serving import live

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("readme", ["README.md", "README.ko.md"])
def test_the_walk_works_as_printed(readme: str, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        assert not os.environ.get("CI"), "curl is missing"
        pytest.skip("curl is not installed")
    text = (ROOT / readme).read_text(encoding="utf-8")
    found = re.search(r"pneumoscope serve &[^\n]*\n(film=.*?)kill %1\n", text, re.DOTALL)
    assert found
    (tmp_path / "sample").symlink_to(ROOT / "sample")
    service = Service(Reader(load_bundle()))
    with live(service) as (host, port):
        walk = found[1].replace("127.0.0.1:8000", f"{host}:{port}")
        subprocess.run(["bash", "-euc", walk], cwd=tmp_path, check=True, timeout=60)
    (reading,) = Readings.model_validate_json((tmp_path / "readings.json").read_text()).readings
    assert reading.status == "read"
    with Image.open(tmp_path / "evidence.png") as evidence:
        assert evidence.mode == "RGBA"
    page = (tmp_path / "reading.html").read_text(encoding="utf-8")
    assert reading.id in page
    assert f'lang="{"ko" if "ko" in readme else "en"}"' in page


def test_both_documents_name_every_route_and_metric() -> None:
    pages = [(ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("serve.md",)]
    pages += [(ROOT / "docs" / "serve.ko.md").read_text(encoding="utf-8")]
    named = [set(re.findall(r"`([^`\n]*(?:/v1|pneumoscope_|--)[^`\n]*)`", page)) for page in pages]
    assert {each.replace("lang=en", "lang=ko") for each in named[0]} == named[1]
