from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from evaluations import evaluated
from pneumoscope.evaluation.report_curves import corners, every_curve
from pneumoscope.evaluation.report_input import Evaluation, open_evaluation


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    return open_evaluation(evaluated(tmp_path_factory.mktemp("curves")))


@pytest.fixture(scope="module")
def curves(held: Evaluation) -> dict[str, Any]:
    return every_curve(held, resamples=50, seed=0)


def test_the_roc_curve_has_the_area_that_is_told(held: Evaluation, curves: dict[str, Any]) -> None:
    x, y = curves["roc"]["false_positive_rate"], curves["roc"]["true_positive_rate"]
    assert np.trapezoid(y, x) == pytest.approx(held.results["figures"]["roc_auc"]["value"])


def test_corners_keep_the_shape() -> None:
    x, y = corners(np.array([0, 0, 0, 1, 2, 3.0]), np.array([0, 1, 2, 2, 2, 3.0]))
    assert (x, y) == ([0, 0, 2, 3], [0, 2, 2, 3])


def test_reliability_counts_every_film_once(curves: dict[str, Any]) -> None:
    assert sum(row["n"] for row in curves["reliability"]) == 11
    assert all(row["low"] <= row["value"] <= row["high"] for row in curves["reliability"])


def test_net_benefit_by_hand(held: Evaluation, curves: dict[str, Any]) -> None:
    at = {row["threshold"]: row for row in curves["decision"]["marked"]}
    # At one half a false call weighs as much as a true one: 4 true, 1 false, of 11 films.
    assert at[0.5]["value"] == pytest.approx(3 / 11)
    assert at[0.5]["call_all"] == pytest.approx(1 / 11)
    assert at[0.5]["low"] < at[0.5]["value"] < at[0.5]["high"]
    assert at[0.2]["value"] in [pytest.approx(v) for v in curves["decision"]["reader"]]


def test_predictive_values_are_bayes(curves: dict[str, Any]) -> None:
    listed = curves["predictive_values"]["balanced"]["listed"]
    (half,) = [row for row in listed if row["prevalence"] == 0.5]
    sensitivity, specificity = 4 / 6, 4 / 5
    assert half["ppv_value"] == pytest.approx(sensitivity / (sensitivity + 1 - specificity))
    assert half["npv_value"] == pytest.approx(specificity / (specificity + 1 - sensitivity))
    assert half["ppv_low"] < half["ppv_value"] < half["ppv_high"]
    assert half["npv_low"] < half["npv_value"] < half["npv_high"]


def test_scores_are_counted(curves: dict[str, Any]) -> None:
    assert sum(curves["scores"]["negative"]) == 5
    assert sum(curves["scores"]["positive"]) == 6
    assert not curves["all_scores_equal"]
