from __future__ import annotations

import importlib.util
import math
import sys
from pathlib import Path

import numpy as np
import pytest

from pneumoscope.evaluation.figures import LABELS

PATH = Path(__file__).parents[1] / "tools" / "coverage.py"
SPEC = importlib.util.spec_from_file_location("coverage_of_intervals", PATH)
assert SPEC is not None
assert SPEC.loader is not None
tool = importlib.util.module_from_spec(SPEC)
sys.modules[SPEC.name] = tool
SPEC.loader.exec_module(tool)


def test_true_values_are_those_of_the_normal_model() -> None:
    true = tool.true_values(tool.Kind("", 10, 0.9), patients=100_000)
    half = math.sqrt(2) * 1.2815515655446004 / 2  # the quantile of 0.9
    expected = 0.5 * (1 + math.erf(half / math.sqrt(2)))
    assert true["roc_auc"] == pytest.approx(0.9, abs=0.005)
    for name in ("accuracy", "recall", "specificity", "precision", "balanced_accuracy"):
        assert true[name] == pytest.approx(expected, abs=0.01)
    assert true["expected_calibration_error"] < 0.01
    sure = tool.true_values(tool.Kind("", 10, 0.9, sure=2.0), patients=100_000)
    assert sure["expected_calibration_error"] > 0.05
    assert sure["accuracy"] == true["accuracy"]


def test_films_of_a_patient_are_alike() -> None:
    kind = tool.Kind("", 4000, 0.9, alike=0.7)
    drawn = tool.draw(kind, np.random.default_rng(0))
    films = np.bincount(drawn.patients)
    assert films.min() == 1
    assert films.max() > 4
    first = np.flatnonzero(np.diff(drawn.patients) == 0)
    assert (drawn.truth[first] == drawn.truth[first + 1]).all()
    pairs = drawn.logit[first], drawn.logit[first + 1]
    positive = drawn.truth[first]
    alike = np.corrcoef(pairs[0][positive], pairs[1][positive])[0, 1]
    assert alike == pytest.approx(0.7, abs=0.05)
    mixed = tool.draw(tool.Kind("", 4000, 0.9, alike=0.7, mixed=True), np.random.default_rng(0))
    same = np.flatnonzero(np.diff(mixed.patients) == 0)
    assert (mixed.truth[same] == mixed.truth[same + 1]).mean() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("kind", [tool.KINDS[1], tool.KINDS[4]], ids=lambda kind: kind.name)
def test_intervals_hold_the_true_value_about_as_often_as_they_say(kind) -> None:
    # Fixed draws: of 100 sets 95 on average, and with these seeds none below 87.
    found = tool.coverage(kind, sets=100, resamples=200, endless=100_000, progress=False)
    assert list(found) == list(LABELS)
    assert min(found.values()) >= 0.87
    assert np.mean(list(found.values())) == pytest.approx(0.95, abs=0.03)


def test_the_table_marks_what_misses() -> None:
    shares = dict.fromkeys(LABELS, 0.95) | {"roc_auc": 0.91}
    del shares["expected_calibration_error"]
    text = tool.table({"a kind": shares})
    assert "| ROC-AUC | **91.0** |" in text
    assert "| accuracy | 95.0 |" in text
    assert "| ECE (15 bins) | - |" in text


@pytest.mark.parametrize("page", ["intervals.md", "intervals.ko.md"])
def test_the_page_has_a_column_for_each_kind_and_a_row_for_each_figure(page: str) -> None:
    text = (PATH.parents[1] / "docs" / page).read_text(encoding="utf-8")
    assert "| figure | " + " | ".join(kind.name for kind in tool.KINDS) + " |" in text
    assert all(f"\n| {label} | " in text for label in LABELS.values())
