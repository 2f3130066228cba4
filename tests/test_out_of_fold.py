"""The figures in docs/model.md and docs/model.ko.md are those of the kept out-of-fold scores."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from pneumoscope.evaluation.members import read_together
from pneumoscope.evaluation.score_files import Scores, join
from pneumoscope.inference.bundle import load_bundle
from pneumoscope.metrics.calibration import fit_operating_points
from pneumoscope.metrics.scores import roc_auc
from pneumoscope.model.recipe import named

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "studies"
NETWORKS = ["shipped", "shipped-whole"]
RECIPES = NETWORKS  # as the bundle counts them: each once


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("out_of_fold", ROOT / "tools" / "out_of_fold.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def kept() -> dict[str, Scores]:
    folders = [folder for name in NETWORKS for folder in (KEPT / name).iterdir()]
    found = read_together(folders, recipes=[named(name) for name in RECIPES])
    assert set(found) == {"grouped", "shift", "changed"}
    return found


def test_the_pages_quote_the_kept_scores(tool: ModuleType, kept: dict[str, Scores]) -> None:
    told = tool.tables(kept["grouped"], kept["shift"], kept["changed"])
    lines = [line for line in told if line.startswith("| ")]
    assert len(lines) > 25
    for page in ("model.md", "model.ko.md"):
        text = (ROOT / "docs" / page).read_text(encoding="utf-8")
        missing = [line for line in lines if line not in text]
        assert not missing


def test_the_bundle_that_ships_was_calibrated_on_them(kept: dict[str, Scores]) -> None:
    fitted_on = join([kept["shift"], kept["changed"]])
    points = fit_operating_points(fitted_on.truth, fitted_on.logit)
    assert load_bundle().operating_points.balanced == pytest.approx(points.balanced, abs=1e-4)


def test_every_film_is_out_of_fold_once(kept: dict[str, Scores]) -> None:
    grouped, shift = kept["grouped"], kept["shift"]
    assert len(set(grouped.keys.tolist())) == len(grouped.keys) > 5000
    patient_folds: dict[str, set[str]] = {}
    for patient, fold in zip(grouped.patients, grouped.sets, strict=True):
        patient_folds.setdefault(patient, set()).add(fold)
    assert all(len(folds) == 1 for folds in patient_folds.values())
    assert len(np.unique(shift.sets)) == 5


def test_changed_films_weigh_as_one_fold(kept: dict[str, Scores]) -> None:
    changed, shift = kept["changed"], kept["shift"]
    films, times = np.unique(changed.keys, return_counts=True)
    assert len(films) == 256
    assert set(times) == {4}
    folds = np.unique(shift.sets, return_counts=True)[1]
    assert abs(len(changed.keys) - folds.mean()) < 50
    assert len(np.unique(changed.sets)) == 19


def test_networks_can_be_weighed_without_changed_films(
    tool: ModuleType, kept: dict[str, Scores]
) -> None:
    lines = tool.tables(kept["grouped"], kept["shift"], None, resamples=20)
    assert not any("changed films" in line for line in lines)
    points = fit_operating_points(kept["shift"].truth, kept["shift"].logit)
    assert f"`balanced` {points.balanced:+.2f}" in "\n".join(lines)


@pytest.mark.parametrize("recipes", [*([name] for name in NETWORKS), RECIPES])
def test_the_networks_are_compared_by_their_kept_scores(recipes: list[str]) -> None:
    folders = [KEPT / name / by for name in set(recipes) for by in ("grouped", "shift")]
    found = read_together(folders, recipes=[named(name) for name in recipes])
    grouped, shift = found["grouped"], found["shift"]
    parts = [grouped, grouped.where(grouped.slice), shift]
    parts += [shift.where(shift.sets == fold) for fold in ("size", "sharpness")]
    row = " | ".join(f"{roc_auc(part.truth, part.logit):.3f}" for part in parts)
    for page in ("model.md", "model.ko.md"):
        assert f"| {row} |" in (ROOT / "docs" / page).read_text(encoding="utf-8")
