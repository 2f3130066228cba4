from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bundles import make_bundle, write_brightness, write_labelled
from pneumoscope.cli.suggest import command
from pneumoscope.errors import UsageError


def run(where: Path, *words: str) -> Result:
    make_bundle(where.parent / "b.pneumo")
    given = ["--bundle", str(where.parent / "b.pneumo"), "--out", str(where.parent / "out")]
    arguments = [str(where), *given, "--threads", "1", "--quiet", *words]
    return CliRunner().invoke(command, arguments, catch_exceptions=False)


def test_it_lists_both_and_writes_them(tmp_path: Path) -> None:
    where = write_labelled(tmp_path / "films")
    write_brightness(where / "unlabelled" / "new.png", 0.2, seed=40)
    result = run(where, "--n", "2")
    assert result.exit_code == 0
    assert "To label next: 1 of 1 unlabelled films" in result.stdout
    assert "To check: 2 of 3 labels" in result.stdout
    assert result.stdout.endswith("Not a medical device.\n")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    tables = {"to_label.csv", "to_check.csv", "to_label.png", "to_check.png"}
    assert names == tables | {"suggestions.json"}


def test_refused_films_end_with_1_and_options_reach_it(tmp_path: Path) -> None:
    where = tmp_path / "ward"
    write_brightness(where / "a.png", 0.2)
    (where / "b.png").write_bytes(b"no film")
    result = run(where, "--copy", "--image-prefix", "x/")
    assert result.exit_code == 1
    assert "x/films/to_label-001.png,a.png" in (tmp_path / "out" / "to_label.csv").read_text()
    with pytest.raises(UsageError, match="no labels to hold against"):
        run(where, "--out-of-fold", str(tmp_path))


@pytest.mark.parametrize("n", ["0", "-3", "many"])
def test_a_number_of_films_is_at_least_one(tmp_path: Path, n: str) -> None:
    result = run(tmp_path / "ward", "--n", n)
    assert result.exit_code == 2
    assert "'--n'" in result.stderr


def test_help_costs_nothing_and_films_are_read_without_torch(tmp_path: Path) -> None:
    write_brightness(tmp_path / "ward" / "a.png", 0.2)
    make_bundle(tmp_path / "b.pneumo")
    code = (
        "import sys\n"
        "from click.testing import CliRunner\n"
        "from pneumoscope.cli.suggest import command\n"
        "assert CliRunner().invoke(command, ['--help']).exit_code == 0\n"
        "heavy = {'numpy', 'torch', 'scipy', 'onnxruntime', 'pydicom'}\n"
        "assert not heavy & sys.modules.keys(), heavy & sys.modules.keys()\n"
        "words = ['ward', '--bundle', 'b.pneumo', '--quiet']\n"
        "result = CliRunner().invoke(command, words, catch_exceptions=False)\n"
        "assert result.exit_code == 0, result.output\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, timeout=120)
