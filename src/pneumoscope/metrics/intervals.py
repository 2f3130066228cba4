"""95 % intervals and paired tests that count patients, not films.

``patients`` is (n,), one label for each film (numbers or texts); ``None`` says that every film is
of another patient. A figure that the films do not define is NaN, with a NaN interval. Arrays that
do not fit raise ``ValueError``.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pneumoscope.metrics.arrays import Floats, Statistic, check_column, check_truth
from pneumoscope.metrics.clustered import (
    design_effect,
    newcombe_bounds,
    number_patients,
    placement_variance,
    placements,
    resampled_bounds,
    sign_flip_p,
    t_p_value,
    t_quantile,
    wilson_bounds,
)

_BLOCK = 1 << 19  # weights that the bootstrap holds at once: 4 MB, and a few times that at work
_ROUNDING = 1e-20  # a variance below this is none


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its 95 % interval, the films and patients behind it, and the method."""

    value: float
    low: float
    high: float
    n: int
    patients: int
    method: str

    def to_json(self) -> dict[str, Any]:
        """Plain values; NaN becomes ``None``."""
        return _plain(asdict(self))


@dataclass(frozen=True, slots=True)
class Paired:
    """Difference A - B of two readers on the same films, its 95 % interval and two-sided p."""

    difference: float
    low: float
    high: float
    p: float
    n: int
    patients: int
    method: str

    def to_json(self) -> dict[str, Any]:
        """Plain values; NaN becomes ``None``."""
        return _plain(asdict(self))


def wilson(hits: int, n: int) -> Interval:
    """Score interval of a proportion of independent films (Wilson 1927); NaN when ``n`` is 0."""
    if not 0 <= hits <= n:
        raise ValueError(f"There cannot be {hits} hits among {n} films.")
    share = hits / n if n else math.nan
    return Interval(share, *wilson_bounds(share, n), n, n, "Wilson")


def wilson_clustered(hit: ArrayLike, patients: ArrayLike) -> Interval:
    """Wilson interval with the films divided by their design effect.

    The effective number of films is that of Rao & Scott (1992), in the score interval as by Saha,
    Miller & Wang (2016). The design effect is the ratio estimator's variance over that of
    independent films. With few unlike patients it can hardly be estimated, and at 0 % or 100 % not
    at all: it is therefore averaged with the largest that the numbers of films per patient allow,
    which counts as one unlike patient, and it is never below 1. Equal to :func:`wilson` where every
    patient has one film.
    """
    values = check_truth(hit, "Hits").astype(np.float64)
    cluster, count = number_patients(patients, values.size)
    if not values.size:
        return wilson(0, 0)
    share = float(values.mean())
    low, high = wilson_bounds(share, values.size / design_effect(values, cluster, count))
    method = "Wilson" if count == values.size else "Wilson, clustered by patient"
    return Interval(share, low, high, values.size, count, method)


def delong(truth: ArrayLike, score: ArrayLike, patients: ArrayLike | None = None) -> Interval:
    """Area under the ROC curve with the interval of DeLong (1988), clustered as Obuchowski (1997).

    Placements come from sorting (Sun & Xu 2014). The interval is symmetric on the logit scale and
    uses Student's t with Satterthwaite's degrees of freedom, taken from the spread of the patients'
    contributions: near an area of 1 a few patients make the whole variance, and normal quantiles
    then cover some 90 % instead of 95 %. An area of exactly 0 or 1, scores that are all equal, and
    a class of one patient have no such variance; the interval is then Wilson's on the patients of
    the smaller class, the widest that any shape of curve can ask for. NaN with one class.
    """
    positive = check_truth(truth)
    cluster, count = number_patients(patients, positive.size)
    if positive.all() or not positive.any():
        return Interval(math.nan, math.nan, math.nan, positive.size, count, "DeLong")
    placed = placements(positive, score)
    area = float(placed[positive].mean())
    variance, freedom = placement_variance(positive, placed, cluster)
    if variance > _ROUNDING and 0 < area < 1:
        middle = math.log(area / (1 - area))
        reach = t_quantile(freedom) * math.sqrt(variance) / (area * (1 - area))
        low, high = (1 / (1 + math.exp(-x)) for x in (middle - reach, middle + reach))
        method = "DeLong" if count == positive.size else "DeLong, clustered by patient"
    else:
        low, high = wilson_bounds(
            area, min(np.unique(cluster[c]).size for c in (positive, ~positive))
        )
        method = "Wilson on the patients of the smaller class"
    return Interval(area, low, high, positive.size, count, method)


def delong_paired(
    truth: ArrayLike, score_a: ArrayLike, score_b: ArrayLike, patients: ArrayLike | None = None
) -> Paired:
    """Difference of two ROC areas on the same films (DeLong 1988; Obuchowski 1997 if clustered).

    Interval and p use the t distribution as :func:`delong` does. Two readers that rank every pair
    alike differ by 0 with p = 1; a difference without any variance has NaN interval and p.
    """
    positive = check_truth(truth)
    cluster, count = number_patients(patients, positive.size)
    method = "DeLong" if count == positive.size else "DeLong, clustered by patient"
    if positive.all() or not positive.any():
        return _undefined(math.nan, positive.size, count, method)
    placed = placements(positive, score_a) - placements(positive, score_b)
    difference = float(placed[positive].mean())
    if not placed.any():
        return Paired(0.0, 0.0, 0.0, 1.0, positive.size, count, method)
    variance, freedom = placement_variance(positive, placed, cluster)
    if not variance > _ROUNDING:
        return _undefined(difference, positive.size, count, method)
    error = math.sqrt(variance)
    reach = t_quantile(freedom) * error
    return Paired(
        difference,
        max(difference - reach, -1.0),
        min(difference + reach, 1.0),
        t_p_value(difference / error, freedom),
        positive.size,
        count,
        method,
    )


def mcnemar(
    truth: ArrayLike, call_a: ArrayLike, call_b: ArrayLike, patients: ArrayLike | None = None
) -> Paired:
    """Difference in accuracy of two readers' calls on the same films, with McNemar's exact test.

    p is the exact chance of a net lead at least as large if each patient's net lead were as likely
    to fall to either reader; with one film per patient that is McNemar's binomial test (1947). The
    interval is Newcombe's (1998, method 10), its films divided by the design effect.
    """
    positive = check_truth(truth)
    n = positive.size
    cluster, count = number_patients(patients, n)
    right_a, right_b = (
        check_truth(check_column(call, n, "call"), "Calls") == positive for call in (call_a, call_b)
    )
    method = "McNemar exact" if count == n else "McNemar exact, clustered by patient"
    if n == 0:
        return _undefined(math.nan, n, count, method)
    lead = right_a.astype(np.float64) - right_b
    films = n / design_effect(lead, cluster, count)
    low, high = newcombe_bounds(right_a, right_b, films)
    p = sign_flip_p(np.bincount(cluster, lead, count).astype(int))
    return Paired(float(lead.mean()), low, high, p, n, count, method)


def bootstrap(
    statistics: Mapping[str, Statistic],
    patients: ArrayLike,
    *,
    resamples: int = 2000,
    seed: int = 0,
    inflated: Collection[str] = (),
    shares: Collection[str] = (),
) -> dict[str, tuple[float, float]]:
    """95 % intervals (low, high) from drawing whole patients with replacement.

    ``statistics`` take weights (B, n), how often each film was drawn, and return (B,);
    :func:`scores.figures` makes a set of them. Percentiles, widened for small samples; those of
    figures named in ``inflated``, which noise can only raise, such as a calibration error, are
    freed of it, and the widening of ``shares``, from 0 to 1 and leaning near either, is found in
    log-odds (see :func:`clustered.resampled_bounds`). Resamples in which a statistic is NaN are
    left out. An interval is NaN with fewer than two patients, and has no width where every resample
    agrees: a flawless share needs :func:`wilson_clustered`, a flawless area :func:`delong`.
    """
    labels = np.asarray(patients)
    cluster, count = number_patients(labels, len(labels))
    if count < 2:
        return dict.fromkeys(statistics, (math.nan, math.nan))
    random = np.random.default_rng(seed)
    rows = max(1, _BLOCK // len(labels))
    found: dict[str, list[Floats]] = {name: [] for name in statistics}
    for start in range(0, resamples, rows):
        block = min(rows, resamples - start)
        drawn = random.integers(count, size=(block, count)) + count * np.arange(block)[:, None]
        often = np.bincount(drawn.ravel(), minlength=block * count).reshape(block, count)
        weights = np.take(often.astype(np.float64), cluster, axis=1)
        for name, statistic in statistics.items():
            found[name].append(np.asarray(statistic(weights)))
    once = np.ones((1, len(labels)))
    return {
        name: resampled_bounds(
            np.concatenate(found[name]),
            float(statistic(once)[0]),
            count,
            inflated=name in inflated,
            share=name in shares,
        )
        for name, statistic in statistics.items()
    }


def _undefined(difference: float, n: int, patients: int, method: str) -> Paired:
    return Paired(difference, math.nan, math.nan, math.nan, n, patients, method)


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        name: None if isinstance(value, float) and math.isnan(value) else value
        for name, value in fields.items()
    }
