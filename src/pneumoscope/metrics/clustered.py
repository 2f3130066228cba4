"""The arithmetic beneath the intervals: variances that count patients, bounds and exact chances.

``cluster`` is (n,), each film's patient as 0..K-1; ``positive`` is (n,) booleans.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pneumoscope.metrics.arrays import Floats, check_column

LEVEL = 0.95
LEAST_FREEDOM = 4.0  # below this, Student's quantile outgrows what it makes up for
_Z = 1.959963984540054  # the normal quantile of (1 + LEVEL) / 2


def number_patients(patients: ArrayLike | None, films: int) -> tuple[NDArray[np.intp], int]:
    """Each film's patient as 0..K-1, and K."""
    if patients is None:
        return np.arange(films), films
    labels = np.asarray(patients)
    if labels.shape != (films,):
        raise ValueError(f"There are {films} films, but patients have the shape {labels.shape}.")
    names, cluster = np.unique(labels, return_inverse=True)
    return cluster, names.size


def wilson_bounds(share: float, films: float) -> tuple[float, float]:
    """Wilson's score interval; ``films`` need not be whole, and none give NaN."""
    if not films:
        return math.nan, math.nan
    z2 = _Z * _Z / films
    centre = (share + z2 / 2) / (1 + z2)
    reach = math.sqrt(share * (1 - share) * z2 + z2 * z2 / 4) / (1 + z2)
    # At the ends the two terms cancel exactly on paper only.
    low = 0.0 if share == 0 else centre - reach
    return low, 1.0 if share == 1 else centre + reach


def design_effect(values: Floats, cluster: NDArray[np.intp], count: int) -> float:
    """Variance of the mean of ``values`` (n,) over that of as many independent films, at least 1.

    Why it leans on the largest possible effect is told at :func:`intervals.wilson_clustered`.
    """
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


def placements(positive: NDArray[np.bool_], score: ArrayLike) -> Floats:
    """For each film, the share of the other class that it is ranked rightly against (ties 1/2)."""
    values = check_column(score, positive.size, "score").astype(np.float64)
    placed = np.empty(values.size)
    for side, sign in ((positive, 1), (~positive, -1)):
        others = np.sort(sign * values[~side])
        mine = sign * values[side]
        below = np.searchsorted(others, mine) + np.searchsorted(others, mine, "right")
        placed[side] = below / (2 * others.size)
    return placed


def placement_variance(
    positive: NDArray[np.bool_], placed: Floats, cluster: NDArray[np.intp]
) -> tuple[float, float]:
    """Variance of the mean placement (Obuchowski 1997) and its degrees of freedom.

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
    return own + 2 * shared, max(LEAST_FREEDOM, 2 / max(unevenness, 2 / count))


def t_quantile(freedom: float) -> float:
    """Student's counterpart of 1.96."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + LEVEL) / 2))


def t_p_value(t: float, freedom: float) -> float:
    """Two-sided p of ``t``."""
    from scipy.special import stdtr

    return float(2 * stdtr(freedom, -abs(t)))


def newcombe_bounds(
    a: NDArray[np.bool_], b: NDArray[np.bool_], films: float
) -> tuple[float, float]:
    """Interval of the difference of two paired proportions (Newcombe 1998, method 10)."""
    shares = float(a.mean()), float(b.mean())
    (low_a, high_a), (low_b, high_b) = (wilson_bounds(share, films) for share in shares)
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


def sign_flip_p(leads: NDArray[np.int_]) -> float:
    """Two-sided p of the sum of ``leads`` when the sign of each is the toss of a coin; exact."""
    chances = np.ones(1)  # of every possible sum, from the lowest
    for lead in np.abs(leads[leads != 0]):
        chances = (np.pad(chances, (2 * lead, 0)) + np.pad(chances, (0, 2 * lead))) / 2
    sums = np.arange(chances.size) - chances.size // 2
    return min(1.0, float(chances[np.abs(sums) >= abs(leads.sum())].sum()))


def resampled_bounds(
    resampled: Floats,
    value: float,
    patients: int,
    *,
    inflated: bool = False,
    share: bool = False,
) -> tuple[float, float]:
    """Bounds of a figure from its bootstrap resamples (B,), NaN ones left out.

    Percentiles are too narrow in small samples and where a few patients make most of the variance.
    They are expanded, as by Hesterberg (2015), from the normal to Student's t, with Satterthwaite's
    degrees of freedom: the fourth moment of the patients' contributions shows in the kurtosis of
    the resamples. That of a ``share``, from 0 to 1 and leaning near a limit, is taken in log-odds:
    the percentiles know of the lean already, and kurtosis would count it again.

    A figure ``inflated`` by noise (a mean absolute gap is never 0) is so once in the films and
    again in each resample, on the square scale by the same amount. That bias (Efron & Tibshirani
    1993, 10.3) is taken off twice on that scale, and the spread narrowed to that of a single dose
    of noise: a square c² + b, of which b is noise, varies as a noncentral chi-square does, by
    4 c² + 2 b in units of the noise. Such an interval always holds the value, and reaches 0 where
    noise may be all there is.
    """
    resampled = resampled[np.isfinite(resampled)]
    if not resampled.size:
        return math.nan, math.nan
    error = float(resampled.std())
    if error < 1e-12:
        return value, value
    even = resampled
    if share and resampled.min() > 0 and resampled.max() < 1:
        even = np.log(resampled / (1 - resampled))
    excess = float((((even - even.mean()) / even.std()) ** 4).mean()) - 3
    freedom = max(LEAST_FREEDOM, 2 / (max(excess, 0.0) + 2 / patients))
    tail = _normal_tail(t_quantile(freedom))
    low, high = (float(bound) for bound in np.quantile(resampled, [tail, 1 - tail]))
    if not inflated:
        return low, high
    return _without_inflation(value, float((resampled**2).mean()), low, high)


def _without_inflation(value: float, square: float, low: float, high: float) -> tuple[float, float]:
    """Bounds of an inflated figure; ``square`` is the mean square of its resamples."""
    noise = max(0.0, square - value**2)
    plain = max(0.0, value**2 - noise)
    narrower = math.sqrt((2 * plain + noise) / (2 * value**2 + noise))
    lower = math.sqrt(max(0.0, plain - narrower * (square - low**2)))
    # A truth above the estimate brings more spread with it: half as much is taken off, a share that
    # was found by simulation (tools/coverage.py).
    upper = math.sqrt(plain + math.sqrt(narrower) * max(0.0, high**2 - square))
    return min(lower, value), max(upper, value)


def _normal_tail(z: float) -> float:
    return math.erfc(z / math.sqrt(2)) / 2
