import json
from dataclasses import replace
from pathlib import Path

from click.testing import CliRunner

from pneumoscope.cli.bundle import command as bundle_command
from pneumoscope.cli.export import command
from pneumoscope.errors import UsageError
from pneumoscope.evaluation.crossval import cross_validate
from pneumoscope.model.runs import open_run
from pneumoscope.model.train import train


def test_export_and_show(run_folder: Path, cache: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.pneumo"
    words = [str(run_folder), "--out", str(out), "--cache", str(cache)]
    result = CliRunner().invoke(command, words, catch_exceptions=False)
    assert result.exit_code == 0
    assert "agrees with the trained one on 24 films" in result.stdout
    assert f"Bundle: {out}" in result.stdout

    shown = CliRunner().invoke(bundle_command, ["show", str(out)], catch_exceptions=False).stdout
    assert "NORMAL or PNEUMONIA" in shown
    assert "96 train, 24 val" in shown
    assert "headers and greys, likeness to films" in shown
    assert "Not a medical device." in shown
    as_json = CliRunner().invoke(bundle_command, ["show", str(out), "--json"]).stdout
    assert json.loads(as_json)["provenance"]["recipe"]["name"] == "notebook"


def test_it_calibrates_on_out_of_fold_scores_of_the_same_recipe(
    run_folder: Path, films: Path, cache: Path, tmp_path: Path
) -> None:
    recipe = replace(open_run(run_folder).recipe, epochs=2)
    options = {"by": "grouped", "folds": 2, "cache": cache, "threads": 1, "progress": False}
    cross_validate(films, out=tmp_path / "folds", recipe=recipe, resamples=20, **options)
    run = tmp_path / "run"
    train(films, out=run, recipe=recipe, cache=cache, progress=False)
    words = [str(run), "--cache", str(cache), "--out-of-fold", str(tmp_path / "folds"), "--quiet"]
    result = CliRunner().invoke(command, words, catch_exceptions=False)
    assert result.exit_code == 0
    assert "Calibrated on 120 films (out-of-fold, grouped)" in result.stdout
    words[0] = str(run_folder)
    result = CliRunner().invoke(command, words)
    assert isinstance(result.exception, UsageError)
    assert "another recipe" in str(result.exception)
