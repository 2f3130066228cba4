from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bundles import make_bundle, seen, write_labelled
from pneumoscope.cli.evaluate import command
from pneumoscope.errors import PneumoscopeError, UsageError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_labelled(tmp_path / "chest" / "test")
    make_bundle(tmp_path / "b.pneumo")
    return tmp_path


def run(root: Path, *arguments: str) -> Result:
    given = ["--bundle", str(root / "b.pneumo"), "--out", str(root / "out"), "--resamples", "50"]
    return CliRunner().invoke(
        command, [str(root / "chest"), *given, *arguments], catch_exceptions=False
    )


def test_it_prints_the_table_and_writes_the_files(root: Path) -> None:
    result = run(root, "--split", "test")
    assert result.exit_code == 0
    assert "ROC-AUC" in result.stdout
    assert result.stdout.endswith("Not a medical device.\n")
    assert result.stderr == "Opening the test split: 11 films of 9 patients in chest.\n"
    value = json.loads((root / "out" / "results.json").read_text())
    assert value["confusion"] == {"tp": 4, "fp": 1, "tn": 4, "fn": 2}
    assert (root / "out" / "roc.png").stat().st_size > 1000


def test_options_reach_the_evaluation(root: Path) -> None:
    (root / "sizes.csv").write_text(
        "path,width,height\nNORMAL/NORMAL2-IM-90001-0001.png,1500,1200\n"
    )
    result = run(
        root,
        *("--split", "test", "--operating-point", "confirm", "--prevalence", "0.25"),
        *("--sizes", str(root / "sizes.csv"), "--threads", "1", "--quiet"),
        *("--positive", "normal"),
    )
    assert result.exit_code == 0
    value = json.loads((root / "out" / "results.json").read_text())
    assert value["operating_point"]["name"] == "confirm"
    assert value["prevalence"]["assumed"] == 0.25
    assert value["method"]["resamples"] == 50
    assert value["data"]["classes"] == ["PNEUMONIA", "NORMAL"]
    assert ",1500,1200," in (root / "out" / "predictions.csv").read_text()
    assert "NORMAL is taken for PNEUMONIA" in result.stdout


def test_refusals_end_with_exit_code_1(root: Path) -> None:
    (root / "chest" / "test" / "NORMAL" / "NORMAL2-IM-90009-0001.png").write_bytes(b"")
    result = run(root, "--split", "test")
    assert result.exit_code == 1
    assert "NORMAL2-IM-90009-0001.png: the file is empty" in result.stdout
    assert (root / "out" / "results.json").exists()


def test_films_that_trained_are_warned_of_first(root: Path) -> None:
    film = root / "chest" / "test" / "PNEUMONIA" / "person90003_virus_4.png"
    make_bundle(root / "b.pneumo", films=[seen(film, "train")])
    result = run(root, "--split", "test")
    assert result.stdout.startswith("WARNING: 1 of the 11 films were trained on")


def test_validation_films_are_found_by_content(root: Path) -> None:
    films = sorted((root / "chest").rglob("*.png"))[3:8]
    make_bundle(root / "b.pneumo", films=[seen(film, "val") for film in films])
    result = run(root, "--split", "val", "--quiet")
    assert result.exit_code == 0
    assert result.stdout.startswith("chest, val split: 5 films")
    assert result.stderr == ""


def test_the_split_must_be_named(root: Path) -> None:
    result = run(root)
    assert result.exit_code == 2
    assert "--split" in result.stderr


def test_errors_carry_their_exit_codes(root: Path) -> None:
    with pytest.raises(UsageError) as wrong:
        run(root, "--split", "val", "--positive", "COVID")
    assert wrong.value.exit_code == 2
    (root / "b.pneumo").write_bytes(b"no bundle")
    with pytest.raises(PneumoscopeError) as unusable:
        run(root, "--split", "test")
    assert unusable.value.exit_code == 3


def test_help_costs_nothing() -> None:
    code = (
        "import sys\n"
        "from click.testing import CliRunner\n"
        "from pneumoscope.cli.evaluate import command\n"
        "assert CliRunner().invoke(command, ['--help']).exit_code == 0\n"
        "heavy = {'numpy', 'torch', 'scipy', 'matplotlib', 'onnxruntime', 'pydicom'}\n"
        "assert not heavy & sys.modules.keys(), heavy & sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_evaluation_needs_no_torch(root: Path) -> None:
    code = (
        "import sys\n"
        "from pneumoscope.evaluation.evaluate import evaluate\n"
        "evaluate(sys.argv[1], bundle=sys.argv[2], out=sys.argv[3], resamples=5)\n"
        "assert not {'torch', 'onnx', 'matplotlib.pyplot'} & sys.modules.keys()\n"
    )
    paths = [str(root / name) for name in ("chest", "b.pneumo", "out")]
    done = subprocess.run(
        [sys.executable, "-c", code, *paths], check=True, capture_output=True, text=True
    )
    assert done.stdout == ""
    assert done.stderr.startswith("Opening the test split")
