"""The curves of a report as plain lists of numbers, so that whatever is drawn can be looked up."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from pneumoscope.evaluation.figures import Booleans, Floats, Names
from pneumoscope.evaluation.report_input import Evaluation, finite
from pneumoscope.metrics import scores
from pneumoscope.metrics.intervals import bootstrap, wilson_clustered

# Of the range in which anybody would act: below, all are treated; above, hardly anyone.
_THRESHOLDS = np.round(np.arange(0.01, 0.96, 0.01), 2)
_MARKED = (0.05, 0.1, 0.2, 0.35, 0.5, 0.75)
_PREVALENCES = np.round(np.concatenate([[0.005], np.arange(0.01, 1.0, 0.01), [0.995]]), 3)
LISTED_PREVALENCES = (0.01, 0.05, 0.1, 0.2, 0.5, 0.75)


def every_curve(held: Evaluation, *, resamples: int, seed: int) -> dict[str, Any]:
    """ROC, precision and recall, reliability, net benefit, scores, values over prevalence.

    A curve that the films do not define (no film, one class) is None.
    """
    truth, probability = held.truth, held.probability
    both = bool(truth.any() and not truth.all())
    return {
        "roc": roc(truth, held.logit) if both else None,
        "precision_recall": _precision_recall(truth, held.logit) if both else None,
        "reliability": _reliability(truth, probability, held.patients) if truth.size else None,
        "decision": _decision(truth, probability, held.patients, resamples=resamples, seed=seed)
        if both
        else None,
        "scores": _scores(truth, probability) if truth.size else None,
        "all_scores_equal": bool(truth.size > 1 and np.ptp(held.logit) == 0),
        "predictive_values": {
            name: _over_prevalence(point)
            for name, point in held.results["operating_points"].items()
        },
    }


def roc(truth: Booleans, score: Floats) -> dict[str, list[float]]:
    """The corners of the ROC curve; ``truth`` (n,) holds both classes."""
    false_rate, true_rate, _ = scores.roc_curve(truth, score)
    x, y = corners(false_rate, true_rate)
    return {"false_positive_rate": x, "true_positive_rate": y}


def corners(x: Floats, y: Floats) -> tuple[list[float], list[float]]:
    """The points (n,) without those in the middle of a straight run along either axis."""
    if x.size < 3:
        return x.tolist(), y.tolist()
    dx, dy = np.diff(x), np.diff(y)
    straight = ((dx[1:] == 0) & (dx[:-1] == 0)) | ((dy[1:] == 0) & (dy[:-1] == 0))
    kept = np.concatenate([[True], ~straight, [True]])
    return x[kept].tolist(), y[kept].tolist()


def _precision_recall(truth: Booleans, score: Floats) -> dict[str, Any]:
    precision, recall, _ = scores.precision_recall_curve(truth, score)
    if precision.size > 600:  # a saw with a tooth for each film: more than a screen has pixels
        step = math.ceil(precision.size / 600)
        kept = np.append(np.arange(0, precision.size - 1, step), precision.size - 1)
        precision, recall = precision[kept], recall[kept]
    return {
        "recall": recall.tolist(),
        "precision": precision.tolist(),
        "share_of_positives": float(truth.mean()),
    }


def _reliability(truth: Booleans, probability: Floats, patients: Names) -> list[dict[str, Any]]:
    """Each bin of equal mass, its rate with an interval that respects patients."""
    mean, _, count = scores.reliability_curve(truth, probability)
    order = np.argsort(probability, kind="stable")
    bins, start = [], 0
    for centre, films in zip(mean, count, strict=True):
        inside = order[start : start + int(films)]
        start += int(films)
        rate = wilson_clustered(truth[inside], patients[inside])
        bins.append({"probability": float(centre), **rate.to_json()})
    return bins


def _decision(
    truth: Booleans, probability: Floats, patients: Names, *, resamples: int, seed: int
) -> dict[str, Any]:
    """Net benefit of the reader and of treating all (Vickers & Elkin 2006), with some intervals."""

    def benefit(threshold: float) -> Any:
        called, odds = probability >= threshold, threshold / (1 - threshold)
        worth = called * (truth - odds * ~truth)
        return lambda weights: weights @ worth / weights.sum(axis=-1)

    limits = bootstrap(
        {str(at): benefit(at) for at in _MARKED}, patients, resamples=resamples, seed=seed
    )
    marked = scores.net_benefit(truth, probability, _MARKED)
    count = int(np.unique(patients).size)
    share = float(truth.mean())
    return {
        "threshold": _THRESHOLDS.tolist(),
        "reader": scores.net_benefit(truth, probability, _THRESHOLDS).tolist(),
        "call_all": [share - (1 - share) * t / (1 - t) for t in _THRESHOLDS.tolist()],
        "marked": [
            {
                "threshold": at,
                "value": float(value),
                "low": finite(limits[str(at)][0]),
                "high": finite(limits[str(at)][1]),
                "n": int(truth.size),
                "patients": count,
                "call_all": share - (1 - share) * at / (1 - at),
            }
            for at, value in zip(_MARKED, marked, strict=True)
        ],
    }


def _scores(truth: Booleans, probability: Floats) -> dict[str, list[float]]:
    """Films of each class in twenty steps of the probability."""
    edges = np.linspace(0, 1, 21)
    return {
        "edges": edges.tolist(),
        "negative": np.histogram(probability[~truth], edges)[0].tolist(),
        "positive": np.histogram(probability[truth], edges)[0].tolist(),
    }


def _over_prevalence(point: Mapping[str, Any]) -> dict[str, Any] | None:
    """Positive and negative predictive value by Bayes' rule over the prevalence.

    The limits take both limits of sensitivity and specificity together, the lower for the lower:
    wider than 95 %, on the safe side. None where a class is absent.
    """
    sensitivity, specificity = point["sensitivity"], point["specificity"]
    if sensitivity["value"] is None or specificity["value"] is None:
        return None
    curve = {"prevalence": _PREVALENCES.tolist()}
    for name in ("value", "low", "high"):
        values = [_predictive(sensitivity, specificity, name, p) for p in curve["prevalence"]]
        curve[f"ppv_{name}"], curve[f"npv_{name}"] = map(list, zip(*values, strict=True))
    listed = []
    for prevalence in LISTED_PREVALENCES:
        row: dict[str, Any] = {"prevalence": prevalence}
        for name in ("value", "low", "high"):
            row[f"ppv_{name}"], row[f"npv_{name}"] = _predictive(
                sensitivity, specificity, name, prevalence
            )
        listed.append(row)
    counts = {"positive": sensitivity["n"], "negative": specificity["n"]}
    return {"curve": curve, "listed": listed, "films": counts}


def _predictive(
    sensitivity: Mapping[str, Any], specificity: Mapping[str, Any], name: str, prevalence: float
) -> tuple[float | None, float | None]:
    found, spared = sensitivity[name], specificity[name]
    if found is None or spared is None:
        return None, None
    called = found * prevalence + (1 - spared) * (1 - prevalence)
    passed = spared * (1 - prevalence) + (1 - found) * prevalence
    ppv = found * prevalence / called if called else None
    return ppv, spared * (1 - prevalence) / passed if passed else None
