from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from evaluations import change, evaluated
from pneumoscope.errors import PneumoscopeError, UsageError
from pneumoscope.evaluation.report_input import open_crossval, open_evaluation


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    fields = {"sex": ["F", "M"] * 5 + [""]}
    return evaluated(tmp_path_factory.mktemp("input"), fields=fields)


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "run" / "evaluation-test"))


def begin_run(run: Path, *, epochs: int = 0) -> Path:
    run.mkdir(parents=True, exist_ok=True)
    (run / "recipe.json").write_text('{"epochs": 25}')
    if epochs:
        (run / "history.csv").write_text("epoch\n" + "".join(f"{i}\n" for i in range(epochs)))
    return run


def test_rows_and_fields_are_held_together(folder: Path) -> None:
    held = open_evaluation(folder)
    assert held.truth.sum() == 6
    assert held.truth.size == 11
    assert held.call.sum() == 5
    assert held.fields["sex"].tolist() == ["F", "M"] * 5 + [""]
    assert held.audit is None
    assert held.openings is None
    assert open_evaluation(folder / "results.json").results == held.results


def test_a_run_leads_to_its_evaluation_on_the_test_split(folder: Path) -> None:
    run = begin_run(folder.parent)
    shutil.copytree(folder, run / "evaluation-val")
    (run / "test-openings.jsonl").write_text("{}\n{}\n")
    held = open_evaluation(run)
    assert held.folder == folder
    assert held.openings == 2


def test_a_half_finished_run_says_what_comes_next(tmp_path: Path) -> None:
    run = begin_run(tmp_path / "run")
    for step, text in (
        (lambda: None, r"half-finished \(epoch 0 of 25\)"),
        (lambda: begin_run(run, epochs=3), r"half-finished \(epoch 3 of 25\)"),
        (lambda: begin_run(run, epochs=25), "has no bundle yet: run pneumoscope export"),
        ((run / "bundle.pneumo").touch, "has not been evaluated: run pneumoscope evaluate"),
        ((run / "evaluation-test").mkdir, "was not finished"),
    ):
        step()
        with pytest.raises(UsageError, match=text):
            open_evaluation(run)


def test_what_is_no_evaluation(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(UsageError, match="There is no folder"):
        open_evaluation(tmp_path / "nothing")
    with pytest.raises(UsageError, match="neither a run nor"):
        open_evaluation(tmp_path)
    with pytest.raises(UsageError, match="name the folder that evaluate wrote"):
        open_evaluation(folder / "predictions.csv")
    (folder / "results.json").unlink()
    with pytest.raises(UsageError, match="was not finished"):
        open_evaluation(folder)


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("schema", 99, "newer than this version reads"),
        ("figures", None, "it has no figures"),
        ("figures", {}, "is damaged"),
        ("operating_points", {"screen": {"logit": 0}}, "is damaged"),
        ("data", {"classes": ["a", "b"]}, "is damaged"),
        ("confusion", {"tp": "<b>"}, "is damaged"),
        ("read", {"films": 3}, "they are of two evaluations"),
    ],
)
def test_damaged_results(folder: Path, key: str, value: Any, text: str) -> None:
    def edit(results: dict[str, Any]) -> None:
        results[key] = value
        if value is None:
            del results[key]

    change(folder, edit)
    with pytest.raises(PneumoscopeError, match=text):
        open_evaluation(folder)


def test_damaged_files_beside(folder: Path) -> None:
    predictions = folder / "predictions.csv"
    kept = predictions.read_text(encoding="utf-8")
    predictions.write_text(kept.replace(",1,bacterial", ",x,bacterial", 1), encoding="utf-8")
    with pytest.raises(PneumoscopeError, match="is damaged"):
        open_evaluation(folder)
    predictions.write_text(kept.replace("sha256", "digest"), encoding="utf-8")
    with pytest.raises(PneumoscopeError, match="columns"):
        open_evaluation(folder)
    predictions.unlink()
    with pytest.raises(UsageError, match="is needed beside"):
        open_evaluation(folder)
    predictions.write_text(kept, encoding="utf-8")
    (folder / "audit.json").write_text("{}")
    with pytest.raises(PneumoscopeError, match="is damaged"):
        open_evaluation(folder)
    (folder / "audit.json").unlink()
    (folder / "results.json").write_text("{")
    with pytest.raises(PneumoscopeError, match="is not JSON"):
        open_evaluation(folder)


def test_results_of_before_are_read(folder: Path) -> None:
    change(folder, lambda results: results.pop("machine"))
    assert open_evaluation(folder).truth.size == 11


def test_crossval(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no results of a cross-validation"):
        open_crossval(tmp_path)
    told = {"by": "shift", "parts": [{"name": "pooled", "figures": {"roc_auc": {"value": 1}}}]}
    (tmp_path / "results.json").write_text(json.dumps(told))
    assert open_crossval(tmp_path) == told
