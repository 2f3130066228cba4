"""95 % intervals and paired tests that count patients, not films.

``patients`` is (n,), one label for each film (numbers or texts); ``None`` says that every film is
of another patient. A figure that the films do not define is NaN, with a NaN interval. Arrays that
do not fit raise ``ValueError``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pneumoscope.metrics.scores import Floats, Statistic, check_column, check_truth

LEVEL = 0.95
_Z = 1.959963984540054  # the normal quantile of (1 + LEVEL) / 2
_LEAST_FREEDOM = 4.0
_BLOCK = 1 << 18  # weights held at once by the bootstrap: 2 MB, about a core's second-level cache


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
    return Interval(share, *_wilson(share, n), n, n, "Wilson")


def wilson_clustered(hit: ArrayLike, patients: ArrayLike) -> Interval:
    """Wilson interval with the films divided by their design effect.

    The effective number of films is that of Rao & Scott (1992), whose use in the score interval
    Saha, Miller & Wang (2016) found to cover best. The design effect is the ratio estimator's
    variance over that of independent films. With few unlike patients it can hardly be estimated,
    and at 0 % or 100 % not at all: it is therefore averaged with the largest that the numbers of
    films per patient allow, which counts as one unlike patient, and it is never below 1. Equal to
    :func:`wilson` where every patient has one film.
    """
    hits = np.asarray(hit)
    values = check_truth(hits).astype(np.float64)
    cluster, count = _clusters(patients, values.size)
    if not values.size:
        return wilson(0, 0)
    share = float(values.mean())
    low, high = _wilson(share, values.size / _design_effect(values, cluster, count))
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
    cluster, count = _clusters(patients, positive.size)
    if positive.all() or not positive.any():
        return Interval(math.nan, math.nan, math.nan, positive.size, count, "DeLong")
    placed = _placements(positive, score)
    area = float(placed[positive].mean())
    variance, freedom = _placement_variance(positive, placed, cluster)
    if variance > 0 and 0 < area < 1:
        middle = math.log(area / (1 - area))
        reach = _t_quantile(freedom) * math.sqrt(variance) / (area * (1 - area))
        low, high = (1 / (1 + math.exp(-x)) for x in (middle - reach, middle + reach))
        method = "DeLong" if count == positive.size else "DeLong, clustered by patient"
    else:
        low, high = _wilson(area, min(np.unique(cluster[c]).size for c in (positive, ~positive)))
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
    cluster, count = _clusters(patients, positive.size)
    method = "DeLong" if count == positive.size else "DeLong, clustered by patient"
    if positive.all() or not positive.any():
        return Paired(*[math.nan] * 4, positive.size, count, method)
    placed = _placements(positive, score_a) - _placements(positive, score_b)
    difference = float(placed[positive].mean())
    if not placed.any():
        return Paired(0.0, 0.0, 0.0, 1.0, positive.size, count, method)
    variance, freedom = _placement_variance(positive, placed, cluster)
    if not variance > 0:
        return Paired(difference, *[math.nan] * 3, positive.size, count, method)
    error = math.sqrt(variance)
    reach = _t_quantile(freedom) * error
    return Paired(
        difference,
        max(difference - reach, -1.0),
        min(difference + reach, 1.0),
        _t_p_value(difference / error, freedom),
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
    cluster, count = _clusters(patients, n)
    right_a, right_b = (check_truth(call) == positive for call in (call_a, call_b))
    if right_a.shape != (n,) or right_b.shape != (n,):
        raise ValueError("Truth and both readers' calls must have one entry for each film.")
    method = "McNemar exact" if count == n else "McNemar exact, clustered by patient"
    if n == 0:
        return Paired(*[math.nan] * 4, n, count, method)
    lead = right_a.astype(np.float64) - right_b
    films = n / _design_effect(lead, cluster, count)
    low, high = _newcombe(right_a, right_b, films)
    p = _sign_flip_p(np.bincount(cluster, lead, count).astype(int))
    return Paired(float(lead.mean()), low, high, p, n, count, method)


def bootstrap(
    statistics: Mapping[str, Statistic],
    patients: ArrayLike,
    *,
    resamples: int = 2000,
    seed: int = 0,
) -> dict[str, tuple[float, float]]:
    """95 % intervals (low, high) from drawing whole patients with replacement.

    ``statistics`` take weights (B, n), how often each film was drawn, and return (B,);
    :func:`scores.figures` makes a set of them. Resamples in which a statistic is NaN are left out
    of its interval; with fewer than two patients it is NaN.
    """
    labels = np.asarray(patients)
    cluster, count = _clusters(labels, len(labels))
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
        name: _percentiles(np.concatenate(found[name]), float(statistic(once)[0]))
        for name, statistic in statistics.items()
    }


def _percentiles(resampled: Floats, value: float) -> tuple[float, float]:
    resampled = resampled[np.isfinite(resampled)]
    if not resampled.size:
        return math.nan, math.nan
    low, high = np.quantile(resampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _clusters(patients: ArrayLike | None, films: int) -> tuple[NDArray[np.intp], int]:
    """Each film's patient as 0..K-1, and K."""
    if patients is None:
        return np.arange(films), films
    labels = np.asarray(patients)
    if labels.shape != (films,):
        raise ValueError(f"There are {films} films, but patients have the shape {labels.shape}.")
    names, cluster = np.unique(labels, return_inverse=True)
    return cluster, names.size


def _wilson(share: float, films: float) -> tuple[float, float]:
    if not films:
        return math.nan, math.nan
    z2 = _Z * _Z / films
    centre = (share + z2 / 2) / (1 + z2)
    reach = math.sqrt(share * (1 - share) * z2 + z2 * z2 / 4) / (1 + z2)
    # At the ends the two terms cancel exactly on paper only.
    low = 0.0 if share == 0 else centre - reach
    return low, 1.0 if share == 1 else centre + reach


def _design_effect(values: Floats, cluster: NDArray[np.intp], count: int) -> float:
    """How many times more films are needed because patients repeat (see wilson_clustered)."""
    n = values.size
    if count == n:
        return 1.0
    sizes = np.bincount(cluster)
    largest = float((sizes**2).sum()) / n
    residual = values - values.mean()
    spread = float((residual**2).sum()) / (n * (n - 1))
    if spread == 0 or count == 1:
        return largest
    between = float((np.bincount(cluster, residual) ** 2).sum()) / n**2 * count / (count - 1)
    unlike = np.unique(cluster[values != np.median(values)]).size
    return max(1.0, (unlike * between / spread + largest) / (unlike + 1))


def _placements(positive: NDArray[np.bool_], score: ArrayLike) -> Floats:
    """For each film, the share of the other class that it is ranked rightly against (ties 1/2)."""
    values = check_column(score, positive.size, "score").astype(np.float64)
    placed = np.empty(values.size)
    for side, sign in ((positive, 1), (~positive, -1)):
        others = np.sort(sign * values[~side])
        mine = sign * values[side]
        below = np.searchsorted(others, mine) + np.searchsorted(others, mine, "right")
        placed[side] = below / (2 * others.size)
    return placed


def _placement_variance(
    positive: NDArray[np.bool_], placed: Floats, cluster: NDArray[np.intp]
) -> tuple[float, float]:
    """Variance of the mean placement (Obuchowski 1997, eq. 4) and its degrees of freedom.

    The variance is NaN where a class has one patient only.
    """
    residual = placed - placed[positive].mean()
    parts, scale = [], []
    for side in (positive, ~positive):
        patients = np.unique(cluster[side]).size
        scale.append(patients / (patients - 1) if patients > 1 else math.nan)
        parts.append(np.bincount(cluster, residual * side / side.sum()))
    count = parts[0].size
    shared = float(parts[0] @ parts[1]) * count / (count - 1) if count > 1 else math.nan
    own = sum(k * float(part @ part) for k, part in zip(scale, parts, strict=True))
    # Satterthwaite: twice the squared variance over the variance of its estimate.
    square = (parts[0] + parts[1]) ** 2
    unevenness = float((square**2).sum()) / max(float(square.sum()) ** 2, 1e-300) - 1 / count
    return own + 2 * shared, max(_LEAST_FREEDOM, 2 / max(unevenness, 1e-9))


def _t_quantile(freedom: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + LEVEL) / 2))


def _t_p_value(t: float, freedom: float) -> float:
    from scipy.special import stdtr

    return float(2 * stdtr(freedom, -abs(t)))


def _newcombe(a: NDArray[np.bool_], b: NDArray[np.bool_], films: float) -> tuple[float, float]:
    """Interval of the difference of two paired proportions (Newcombe 1998, method 10)."""
    shares = float(a.mean()), float(b.mean())
    (low_a, high_a), (low_b, high_b) = (_wilson(share, films) for share in shares)
    both, neither = float((a & b).mean()), float((~a & ~b).mean())
    association = both * neither - (shares[0] - both) * (shares[1] - both)
    if association > 0:  # his continuity correction, half a film
        association = max(association - 0.5 / films, 0.0)
    scale = math.sqrt(math.prod(share * (1 - share) for share in shares))
    phi = association / scale if scale else 0.0

    def reach(x: float, y: float) -> float:
        return math.sqrt(max(x * x - 2 * phi * x * y + y * y, 0.0))

    difference = shares[0] - shares[1]
    return (
        difference - reach(shares[0] - low_a, high_b - shares[1]),
        difference + reach(high_a - shares[0], shares[1] - low_b),
    )


def _sign_flip_p(leads: NDArray[np.int_]) -> float:
    """Two-sided p of the sum of ``leads`` when the sign of each is the toss of a coin; exact."""
    chances = np.ones(1)  # of every possible sum, from the lowest
    for lead in np.abs(leads[leads != 0]):
        chances = (np.pad(chances, (2 * lead, 0)) + np.pad(chances, (0, 2 * lead))) / 2
    sums = np.arange(chances.size) - chances.size // 2
    return min(1.0, float(chances[np.abs(sums) >= abs(leads.sum())].sum()))


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        name: None if isinstance(value, float) and math.isnan(value) else value
        for name, value in fields.items()
    }
