"""Scores of one trained cell -> its figures on each set of films."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pneumoscope.evaluation.score_files import Scores
from pneumoscope.metrics import calibration, scores

# The words are those for people; figures "as trained" take the logit at its word, the others use
# the threshold and the calibration that were fitted on validation films.
LABELS = {
    "roc_auc": "ROC-AUC",
    "average_precision": "average precision",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "balanced_accuracy": "balanced accuracy",
    "specificity_at_95": "specificity at 95 % sensitivity",
    "brier": "Brier score",
    "calibration_error": "ECE",
    "accuracy_as_trained": "accuracy as trained",
    "balanced_accuracy_as_trained": "balanced accuracy as trained",
    "calibration_error_as_trained": "ECE as trained",
}
SETS = {
    "own": "its own validation",
    "val": "validation",
    "shift": "acquisition shift",
    "slice": "counter-stereotype",
}
FIXED_SENSITIVITY = 0.95


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one cell and seed on one set: ``values`` by the names of ``LABELS``."""

    films: int
    patients: int
    values: dict[str, float]


def figures_by_set(table: Scores, *, log_odds: float = 0.0) -> dict[str, Figures]:
    """Every figure on every set of ``SETS`` that has films of both classes.

    Threshold (``balanced``) and calibration are fitted on ``own`` where the training validated on
    films of its own, else on ``val``; there they are as good as they can be, and honest elsewhere.
    The slice is the counter-stereotype films among ``val`` and ``shift``. ``log_odds`` is taken off
    every logit first: a threshold that is moved after the training.
    """
    table = replace(table, logit=table.logit - log_odds)
    there = set(table.sets.tolist())
    fitted_on = table.where(table.sets == ("own" if "own" in there else "val"))
    threshold = calibration.fit_operating_points(fitted_on.truth, fitted_on.logit).balanced
    calibrated = calibration.fit(fitted_on.truth, fitted_on.logit)
    scored = (table.sets == "val") | (table.sets == "shift")
    members = {name: table.sets == name for name in SETS} | {"slice": table.slice & scored}
    found = {}
    for name in SETS:
        part = table.where(members[name])
        if part.truth.any() and not part.truth.all():
            values = _figures(part, threshold=threshold, calibrated=calibrated)
            found[name] = Figures(len(part.keys), len(set(part.patients.tolist())), values)
    return found


def _figures(
    part: Scores, *, threshold: float, calibrated: calibration.Calibration
) -> dict[str, float]:
    truth, logit = part.truth, part.logit
    probability = calibrated.probability(logit)
    as_trained = calibration.Calibration().probability(logit)
    table, plain = scores.confusion(truth, logit >= threshold), scores.confusion(truth, logit >= 0)
    values: dict[str, Any] = {
        "roc_auc": scores.roc_auc(truth, logit),
        "average_precision": scores.average_precision(truth, logit),
        "sensitivity": scores.sensitivity(table),
        "specificity": scores.specificity(table),
        "balanced_accuracy": scores.balanced_accuracy(table),
        "specificity_at_95": _specificity_at(truth, logit, FIXED_SENSITIVITY),
        "brier": scores.brier(truth, probability),
        "calibration_error": scores.expected_calibration_error(truth, probability),
        "accuracy_as_trained": scores.accuracy(plain),
        "balanced_accuracy_as_trained": scores.balanced_accuracy(plain),
        "calibration_error_as_trained": scores.expected_calibration_error(truth, as_trained),
    }
    return {name: float(values[name]) for name in LABELS}


def _specificity_at(truth: np.ndarray, logit: np.ndarray, sensitivity: float) -> float:
    """Specificity at the highest threshold that keeps ``sensitivity``."""
    false_rate, true_rate, _ = scores.roc_curve(truth, logit)
    return float(1 - np.asarray(false_rate)[np.asarray(true_rate) >= sensitivity - 1e-12].min())
