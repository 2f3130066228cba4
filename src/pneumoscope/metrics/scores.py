"""Figures of merit of a binary reader, plain or for many weightings of the films at once.

Throughout, ``truth`` is (n,) of 0 and 1, ``score`` (n,) of any finite numbers, ``probability`` (n,)
within 0..1 and ``call`` (n,) of booleans. ``weights`` is ``None`` (each film counts once), (n,), or
(B, n) for B weightings; the figure is then a float or an array (B,). A figure that the films do not
define (no films, one class only, nothing called) is NaN. Arrays that do not fit raise
``ValueError``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pneumoscope.metrics.arrays import (
    Figure,
    Floats,
    Statistic,
    check_column,
    check_probability,
    check_truth,
    ratio,
    unwrap,
    weight_rows,
)

BINS = 15


@dataclass(frozen=True, slots=True)
class Confusion:
    """Weighted film counts of a reader's calls: floats, or arrays (B,)."""

    tp: Figure
    fp: Figure
    tn: Figure
    fn: Figure


def confusion(truth: ArrayLike, call: ArrayLike, weights: ArrayLike | None = None) -> Confusion:
    """Count true and false calls."""
    positive = check_truth(truth)
    called = check_column(call, positive.size, "call") != 0
    cells = np.stack(
        [positive & called, ~positive & called, ~positive & ~called, positive & ~called], axis=1
    )
    counts = weight_rows(weights, positive.size) @ cells.astype(np.float64)
    return Confusion(*(unwrap(counts[:, cell], weights) for cell in range(4)))


def accuracy(c: Confusion) -> Figure:
    """Share of films called rightly."""
    return ratio(c.tp + c.tn, c.tp + c.fp + c.tn + c.fn)


def sensitivity(c: Confusion) -> Figure:
    """Share of positive films that are called (recall)."""
    return ratio(c.tp, c.tp + c.fn)


def specificity(c: Confusion) -> Figure:
    """Share of negative films that are not called."""
    return ratio(c.tn, c.tn + c.fp)


def precision(c: Confusion) -> Figure:
    """Share of called films that are positive (positive predictive value)."""
    return ratio(c.tp, c.tp + c.fp)


def negative_predictive_value(c: Confusion) -> Figure:
    """Share of films not called that are negative."""
    return ratio(c.tn, c.tn + c.fn)


def f1(c: Confusion) -> Figure:
    """Harmonic mean of precision and sensitivity."""
    return ratio(2 * c.tp, 2 * c.tp + c.fp + c.fn)


def balanced_accuracy(c: Confusion) -> Figure:
    """Mean of sensitivity and specificity."""
    return (sensitivity(c) + specificity(c)) / 2


def roc_auc(truth: ArrayLike, score: ArrayLike, weights: ArrayLike | None = None) -> Figure:
    """Area under the ROC curve: how often a positive outscores a negative, a tie counting half."""
    return unwrap(_auc(*_rank(truth, score).cumulative(weights)), weights)


def average_precision(
    truth: ArrayLike, score: ArrayLike, weights: ArrayLike | None = None
) -> Figure:
    """Sum of precision over the steps in recall, one step for each distinct score.

    It is scikit-learn's definition (no interpolation), but NaN where one class is absent.
    """
    return unwrap(_ap(*_rank(truth, score).cumulative(weights)), weights)


def brier(truth: ArrayLike, probability: ArrayLike, weights: ArrayLike | None = None) -> Figure:
    """Mean squared distance of the probability from the truth (Brier 1950), 0 is best."""
    positive, p = check_probability(truth, probability)
    return _mean((p - positive) ** 2, weights)


def log_loss(truth: ArrayLike, probability: ArrayLike, weights: ArrayLike | None = None) -> Figure:
    """Mean negative log-likelihood in nats; probabilities are kept one rounding off 0 and 1."""
    positive, p = check_probability(truth, probability)
    tiny = float(np.finfo(np.float64).eps)
    return _mean(-np.log(np.clip(np.where(positive, p, 1 - p), tiny, 1 - tiny)), weights)


def expected_calibration_error(
    truth: ArrayLike,
    probability: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    bins: int = BINS,
) -> Figure:
    """Mean gap between probability and rate over bins of equal mass (Naeini 2015, Nixon 2019).

    The bins come from the films alone; weights change what is in them, never their bounds. Equal
    probabilities stay in one bin, so the order of the films is of no account.
    """
    positive, p = check_probability(truth, probability)
    inside = _equal_mass_bins(p, bins)[:, None] == np.arange(bins)
    w = weight_rows(weights, p.size)
    gaps = np.abs(w @ (inside * (p - positive)[:, None])).sum(axis=1)
    return unwrap(ratio(gaps, w.sum(axis=1)), weights)


def figures(
    truth: ArrayLike, *, score: ArrayLike, probability: ArrayLike, call: ArrayLike
) -> dict[str, Statistic]:
    """Every figure of this module by name, as functions of the weights alone.

    Sorting is done once, here, so that the functions suit :func:`intervals.bootstrap`; given
    ``None`` they return the figure of the films as they are.
    """
    ranking = _rank(truth, score)
    cumulative = _for_one_weighting(ranking.cumulative)
    counts = _for_one_weighting(lambda weights: confusion(truth, call, weights))
    shares = (accuracy, sensitivity, specificity, precision, negative_predictive_value, f1)

    def counted(share: Callable[[Confusion], Figure]) -> Statistic:
        return lambda weights: share(counts(weights))

    return {
        "roc_auc": lambda weights: unwrap(_auc(*cumulative(weights)), weights),
        "average_precision": lambda weights: unwrap(_ap(*cumulative(weights)), weights),
        "brier": lambda weights: brier(truth, probability, weights),
        "log_loss": lambda weights: log_loss(truth, probability, weights),
        "expected_calibration_error": lambda weights: expected_calibration_error(
            truth, probability, weights
        ),
        **{share.__name__: counted(share) for share in (*shares, balanced_accuracy)},
    }


def roc_curve(truth: ArrayLike, score: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """(false positive rate, true positive rate, threshold), from calling nothing to calling all.

    A film is called where score >= threshold; the first threshold is infinite. The rates of an
    absent class are NaN.
    """
    ranking = _rank(truth, score)
    tp, fp = (np.append(0.0, counts[0]) for counts in ranking.cumulative(None))
    return ratio(fp, fp[-1]), ratio(tp, tp[-1]), np.append(np.inf, ranking.thresholds)


def precision_recall_curve(truth: ArrayLike, score: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """(precision, recall, threshold) for rising thresholds, as scikit-learn gives them.

    The first two have one more entry, the end point (1, 0) that no threshold reaches. Recall is
    NaN where there is no positive film.
    """
    ranking = _rank(truth, score)
    tp, fp = (counts[0] for counts in ranking.cumulative(None))
    recall = ratio(tp, tp[-1]) if tp.size else tp
    return (
        np.append(ratio(tp, tp + fp)[::-1], 1.0),
        np.append(recall[::-1], 0.0),
        ranking.thresholds[::-1],
    )


def reliability_curve(
    truth: ArrayLike, probability: ArrayLike, *, bins: int = BINS
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """(mean probability, rate of positives, films) of each equal-mass bin that holds a film."""
    positive, p = check_probability(truth, probability)
    where = _equal_mass_bins(p, bins)
    count = np.bincount(where, minlength=bins)
    held = count > 0
    mean_p = np.bincount(where, p, bins)[held] / count[held]
    return mean_p, np.bincount(where, positive, bins)[held] / count[held], count[held]


def net_benefit(truth: ArrayLike, probability: ArrayLike, thresholds: ArrayLike) -> Floats:
    """Net benefit per film of calling where probability >= threshold (Vickers & Elkin 2006).

    ``thresholds`` lie within 0 <= t < 1; the result has their shape. A false call is weighed by
    the odds of the threshold, t / (1 - t).
    """
    positive, p = check_probability(truth, probability)
    t = np.asarray(thresholds, dtype=np.float64)
    if not np.all((t >= 0) & (t < 1)):
        raise ValueError("Thresholds of a net benefit must lie within 0 <= t < 1.")
    tp, fp = (kept.size - np.searchsorted(np.sort(kept), t) for kept in (p[positive], p[~positive]))
    return np.asarray(ratio(tp - fp * t / (1 - t), np.full(t.shape, p.size)))


@dataclass(frozen=True, slots=True, eq=False)
class _Ranking:
    """Films from the highest score to the lowest, sorted once for any number of weightings."""

    order: NDArray[np.intp]  # (n,)
    positive: Floats  # (n,) 0.0 or 1.0, sorted
    last: NDArray[np.intp]  # (k,) where each run of equal scores ends
    thresholds: Floats  # (k,) the distinct scores, falling

    def cumulative(self, weights: ArrayLike | None) -> tuple[Floats, Floats]:
        """True and false positives (B, k) when all films down to each distinct score are called."""
        w = np.take(weight_rows(weights, self.order.size), self.order, axis=1)
        tp = np.cumsum(w * self.positive, axis=1)
        fp = np.cumsum(w, axis=1) - tp
        if self.last.size == self.order.size:
            return tp, fp
        return tp[:, self.last], fp[:, self.last]


def _auc(tp: Floats, fp: Floats) -> Floats:
    height = np.diff(tp, prepend=0.0) / 2
    area = ((tp - height) * np.diff(fp, prepend=0.0)).sum(axis=1)
    return np.asarray(ratio(area, tp[:, -1:].sum(axis=1) * fp[:, -1:].sum(axis=1)))


def _ap(tp: Floats, fp: Floats) -> Floats:
    # Films that weigh nothing add no recall: whatever stands for their precision is unused.
    purity = tp / np.maximum(tp + fp, np.finfo(np.float64).tiny)
    steps = (purity * np.diff(tp, prepend=0.0)).sum(axis=1)
    both = fp[:, -1:].sum(axis=1) > 0
    return np.asarray(ratio(steps, tp[:, -1:].sum(axis=1) * both))


def _rank(truth: ArrayLike, score: ArrayLike) -> _Ranking:
    positive = check_truth(truth)
    values = check_column(score, positive.size, "score").astype(np.float64)
    order = np.argsort(-values, kind="stable")
    values = values[order]
    last = np.flatnonzero(np.append(values[1:] != values[:-1], values.size > 0))
    return _Ranking(order, positive[order].astype(np.float64), last, values[last])


def _equal_mass_bins(p: Floats, bins: int) -> NDArray[np.intp]:
    """The bin (n,) of each probability by its mid-rank, so that ties are not torn apart."""
    if bins < 1:
        raise ValueError("There must be at least one bin.")
    ordered = np.sort(p)
    rank = (np.searchsorted(ordered, p) + np.searchsorted(ordered, p, "right") - 1) / 2
    return (rank * bins // max(p.size, 1)).astype(np.intp)


def _mean(values: Floats, weights: ArrayLike | None) -> Figure:
    w = weight_rows(weights, values.size)
    return unwrap(ratio(w @ values, w.sum(axis=1)), weights)


def _for_one_weighting(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Keep the last answer, for figures that ask the same of the same array one after another."""
    seen: list[Any] = []

    def remembered(weights: Any) -> Any:
        if not seen or seen[0] is not weights:
            seen[:] = weights, function(weights)
        return seen[1]

    return remembered
