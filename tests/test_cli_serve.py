from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pneumoscope import cli as module
from pneumoscope.cli import main
from pneumoscope.cli.serve import command
from pneumoscope.errors import PneumoscopeError
from serving import bundle_path, film

__all__ = ["bundle_path"]


def serve(*words: str | Path) -> subprocess.Popen[str]:
    line = [sys.executable, "-m", "pneumoscope", "serve", "--port", "0", *map(str, words)]
    return subprocess.Popen(line, stderr=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def running(bundle_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("kept")
    process = serve("--bundle", bundle_path, "--keep", folder / "films")
    assert process.stderr is not None
    said = process.stderr.readline()
    yield process, said, folder / "films"
    process.kill()
    process.wait(20)
    process.stderr.close()


def test_it_serves_until_it_is_asked_to_stop(running: Any) -> None:
    process, said, kept = running
    found = re.fullmatch(r"Serving at (http://127\.0\.0\.1:\d+/) .* Not a medical device\.\n", said)
    assert found, said
    request = urllib.request.Request(
        f"{found[1]}v1/readings?name=Kim.png", film(), {"Content-Type": "image/png"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert b'"status":"read"' in answer.read()
    assert len(list(kept.iterdir())) == 2
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(30) == 0
    log = process.stderr.read()
    assert "POST /v1/readings 200" in log
    assert "Kim" not in log
    assert "Traceback" not in log


def test_a_missing_or_altered_bundle_is_one_sentence(bundle_path: Path, tmp_path: Path) -> None:
    altered = tmp_path / "altered.pneumo"
    data = bytearray(bundle_path.read_bytes())
    data[len(data) // 2] ^= 1
    altered.write_bytes(data)
    for bundle, words in (
        (tmp_path / "none.pneumo", "cannot be opened"),
        (altered, "is damaged or was altered"),
        (Path(__file__), "is not a pneumoscope bundle"),
    ):
        error = CliRunner().invoke(command, ["--bundle", str(bundle)]).exception
        assert isinstance(error, PneumoscopeError)
        assert error.exit_code == 3
        assert words in str(error)


@pytest.mark.parametrize(
    ("text", "words"),
    [(None, "cannot be read"), ("", "at least 16 letters"), ("short\n", "at least 16 letters")],
)
def test_a_useless_token_file_is_named(tmp_path: Path, text: str | None, words: str) -> None:
    path = tmp_path / "tokens"
    if text is not None:
        path.write_text(text)
    result = CliRunner().invoke(command, ["--token-file", str(path)])
    assert words in str(result.exception)
    assert result.exit_code != 0


def test_a_folder_that_cannot_be_kept_in_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = CliRunner().invoke(command, ["--keep", str(tmp_path / "file" / "x")])
    assert "is no folder to keep films in" in str(result.exception)


@pytest.mark.parametrize("package", ["fastapi", "uvicorn", "python_multipart", "prometheus_client"])
def test_without_the_extra_one_sentence_says_what_to_install(
    package: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def without(**_: object) -> None:
        raise ModuleNotFoundError(f"No module named {package!r}", name=package)

    monkeypatch.setattr(module.cli, "main", without)
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 3
    assert "pip install 'pneumoscope[serve]'" in capsys.readouterr().err


def test_python_multipart_is_missed_at_once() -> None:
    program = (
        "import sys; sys.modules['python_multipart'] = None; sys.argv = ['pneumoscope', 'serve']\n"
        "from pneumoscope.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 3
    assert done.stderr.count("\n") == 1
    assert "python_multipart, which is not installed" in done.stderr
