"""Truth and scores of read films -> every figure with its films, patients, 95 % interval, method.

Throughout, ``truth`` and ``call`` are (n,) booleans (True is the positive class), ``logit`` and
``probability`` (n,) floats, and ``patients`` (n,) names. Proportions have cluster-adjusted Wilson
intervals, the ROC area clustered DeLong, the rest a bootstrap over patients.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pneumoscope.metrics import scores
from pneumoscope.metrics.intervals import Interval, bootstrap, delong, wilson_clustered

Booleans: TypeAlias = NDArray[np.bool_]
Floats: TypeAlias = NDArray[np.float64]
Names: TypeAlias = NDArray[np.str_]

# In the order of tables; the words are those for people.
LABELS: Mapping[str, str] = {
    "loss": "loss (log loss)",
    "accuracy": "accuracy",
    "precision": "precision",
    "recall": "recall (sensitivity)",
    "specificity": "specificity",
    "negative_predictive_value": "negative predictive value",
    "f1": "F1",
    "balanced_accuracy": "balanced accuracy",
    "roc_auc": "ROC-AUC",
    "average_precision": "average precision",
    "brier": "Brier score",
    "expected_calibration_error": "ECE (15 bins)",
}
_BOOTSTRAPPED: Mapping[str, str] = {
    "loss": "log_loss",
    "f1": "f1",
    "balanced_accuracy": "balanced_accuracy",
    "average_precision": "average_precision",
    "brier": "brier",
    "expected_calibration_error": "expected_calibration_error",
}
_NO_FILM = "no film was read"
_ONE_CLASS = "the films that were read are not of both classes"
_ONE_PATIENT = "no interval: one patient alone cannot be resampled"
_NO_SPREAD = "no interval: every resample gives the same figure"
_UNDEFINED: Mapping[str, str] = {
    "precision": "no film was called positive",
    "positive_predictive_value": "no film was called positive",
    "recall": "no positive film was read",
    "sensitivity": "no positive film was read",
    "specificity": "no negative film was read",
    "negative_predictive_value": "no film was called negative",
    "f1": "no film is positive or was called so",
    "balanced_accuracy": _ONE_CLASS,
    "roc_auc": _ONE_CLASS,
    "mean": "no film has this figure",
    "average_precision": _ONE_CLASS,
}


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its interval; ``reason`` says why the figure or its interval is NaN."""

    interval: Interval
    reason: str | None = None

    @property
    def value(self) -> float:
        """The figure itself; NaN where the films do not define it."""
        return self.interval.value

    @property
    def defined(self) -> bool:
        """Whether the films define the figure."""
        return not math.isnan(self.value)

    def to_json(self) -> dict[str, Any]:
        """Plain values; NaN becomes ``None``, and ``reason`` is there only where one is."""
        return {**self.interval.to_json(), **({"reason": self.reason} if self.reason else {})}

    def __str__(self) -> str:
        """Value and interval, such as ``0.961 (95 % 0.934 to 0.981)``."""
        return f"{self.value:.3f} (95 % {self.limits})" if self.defined else "undefined"

    @property
    def limits(self) -> str:
        """The interval as text, such as ``0.934 to 0.981``; a dash where there is none."""
        low, high = self.interval.low, self.interval.high
        return "-" if math.isnan(low) or math.isnan(high) else f"{low:.3f} to {high:.3f}"


Estimates: TypeAlias = Mapping[str, Estimate]


def every_figure(
    truth: Booleans,
    *,
    logit: Floats,
    probability: Floats,
    call: Booleans,
    patients: Names,
    resamples: int = 2000,
    seed: int = 0,
) -> dict[str, Estimate]:
    """Every figure of ``LABELS``, in its order."""
    shares = proportions(truth, call, patients)
    found = {
        **shares,
        "precision": shares["positive_predictive_value"],
        "recall": shares["sensitivity"],
        "roc_auc": _estimate("roc_auc", delong(truth, logit, patients)),
    }
    statistics = scores.figures(truth, score=logit, probability=probability, call=call)
    wanted = {name: statistics[key] for name, key in _BOOTSTRAPPED.items()}
    limits = bootstrap(
        wanted,
        patients,
        resamples=resamples,
        seed=seed,
        inflated=["expected_calibration_error"],
        # The others hold the true value as they are, and would be too wide so (tools/coverage.py).
        shares=["average_precision"],
    )
    count, once = np.unique(patients).size, np.ones(truth.size)
    method = f"bootstrap over patients, {resamples} resamples"
    for name, statistic in wanted.items():
        value = float(statistic(once))
        interval = Interval(value, *limits[name], truth.size, count, method)
        found[name] = _estimate(name, _without_degenerate_limits(interval))
    return {name: found[name] for name in LABELS}


def proportions(truth: Booleans, call: Booleans, patients: Names) -> dict[str, Estimate]:
    """Accuracy, sensitivity, specificity, and the positive and negative predictive values."""
    among = {
        "accuracy": np.ones_like(truth),
        "sensitivity": truth,
        "specificity": ~truth,
        "positive_predictive_value": call,
        "negative_predictive_value": ~call,
    }
    right = truth == call
    return {
        name: _estimate(name, wilson_clustered(right[films], patients[films]))
        for name, films in among.items()
    }


def subtype_sensitivity(
    call: Booleans, subtypes: Names, patients: Names, names: tuple[str, ...]
) -> dict[str, Estimate]:
    """Sensitivity among the positive films of each subtype in ``names`` that has films."""
    return {
        name: _estimate("sensitivity", wilson_clustered(call[films], patients[films]))
        for name in names
        if (films := subtypes == name).any()
    }


def prevalence(truth: Booleans, patients: Names) -> Estimate:
    """Share of positive films."""
    return _estimate("prevalence", wilson_clustered(truth, patients))


def mean(values: Floats, patients: Names, *, resamples: int = 2000, seed: int = 0) -> Estimate:
    """Mean of one number a film, with a bootstrap over patients; NaN ones are left out."""
    known = np.isfinite(values)
    values, patients = values[known], patients[known]
    method = f"bootstrap over patients, {resamples} resamples"
    count = np.unique(patients).size
    if not values.size:
        return _estimate("mean", Interval(math.nan, math.nan, math.nan, 0, 0, method))
    statistic = {"mean": lambda weights: weights @ values / weights.sum(axis=-1)}
    limits = bootstrap(statistic, patients, resamples=resamples, seed=seed)["mean"]
    interval = Interval(float(values.mean()), *limits, values.size, count, method)
    return _estimate("mean", _without_degenerate_limits(interval))


def _estimate(name: str, interval: Interval) -> Estimate:
    if math.isnan(interval.value):
        return Estimate(interval, _UNDEFINED.get(name, _NO_FILM))
    if math.isnan(interval.low):
        few = interval.patients < 2
        return Estimate(interval, _ONE_PATIENT if few else _NO_SPREAD)
    return Estimate(interval)


def _without_degenerate_limits(interval: Interval) -> Interval:
    """NaN limits where every resample gave the same figure.

    A bootstrap cannot see what no film shows: without any error it would give an interval without
    width, however few the films.
    """
    if interval.low < interval.high:
        return interval
    return replace(interval, low=math.nan, high=math.nan)
