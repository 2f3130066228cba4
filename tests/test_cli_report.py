from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from evaluations import evaluated
from pneumoscope.cli.report import command
from pneumoscope.errors import UsageError


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli-report")
    evaluated(folder)
    return folder


def run(*words: object) -> Result:
    return CliRunner().invoke(command, [str(word) for word in words], catch_exceptions=False)


def test_it_says_where_the_files_lie(root: Path, tmp_path: Path) -> None:
    result = run(root / "out", "--out", tmp_path / "proof", "--worst", 1)
    assert result.exit_code == 0
    names = [Path(line).name for line in result.stdout.splitlines()]
    assert names == ["report.html", "model_card.md", "report.json"]
    assert all(Path(line).is_file() for line in result.stdout.splitlines())
    assert result.stderr == "Not a medical device.\n"
    assert len(json.loads((tmp_path / "proof" / "report.json").read_text())["errors"]) == 2


def test_films_reference_and_language_reach_the_page(root: Path, tmp_path: Path) -> None:
    result = run(
        *(root / "out", "--out", tmp_path, "--films", root / "chest", "--language", "ko"),
        *("--bundle", root / "b.pneumo", "--reference", "Two of us.", "--quiet"),
    )
    assert result.exit_code == 0
    assert result.output == ""
    page = (tmp_path / "report.ko.html").read_text(encoding="utf-8")
    assert "Two of us." in page
    assert "data:image/jpeg" in page


def test_two_results_are_compared(root: Path, tmp_path: Path) -> None:
    result = run(root / "out", root / "out", "--out", tmp_path)
    assert result.exit_code == 0
    names = [Path(line).name for line in result.stdout.splitlines()]
    assert names == ["comparison.html", "comparison.json"]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["a", "b", "c"], "not more"),
        (["a", "b", "--films", "x"], "--films is for a report on one"),
        (["a", "--bundle", "x"], "--bundle needs --films"),
    ],
)
def test_wrong_usage(words: list[str], text: str) -> None:
    result = CliRunner().invoke(command, words)
    assert result.exit_code == click.UsageError.exit_code
    assert text in result.output


def test_a_run_that_was_not_evaluated_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "recipe.json").write_text('{"epochs": 2}')
    with pytest.raises(UsageError, match="half-finished"):
        run(tmp_path)


def test_help_costs_nothing() -> None:
    code = (
        "import sys\n"
        "from click.testing import CliRunner\n"
        "from pneumoscope.cli.report import command\n"
        "assert CliRunner().invoke(command, ['--help']).exit_code == 0\n"
        "heavy = {'numpy', 'torch', 'scipy', 'jinja2', 'onnxruntime'}\n"
        "assert not heavy & sys.modules.keys(), heavy & sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
