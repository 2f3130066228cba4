"""A figure over the seeds of a training: its mean, its interval, and two trainings held together.

The spread over seeds holds everything that a repetition would draw anew: first weights, order of
the films, and the division into training and validation films where the seed draws that too.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from pneumoscope.metrics.arrays import check_column
from pneumoscope.metrics.clustered import t_p_value, t_quantile
from pneumoscope.metrics.intervals import Interval, Paired


def over_seeds(values: ArrayLike, *, n: int, patients: int) -> Interval:
    """Mean of ``values`` (one a seed) with Student's 95 % interval; none with fewer than two seeds.

    ``n`` and ``patients`` are the films and patients behind each value. The limits are not cut
    at 0 or 1: three seeds know as little as they say.
    """
    figures = np.asarray(values, dtype=np.float64)
    mean, reach = _mean_and_reach(figures)
    return Interval(mean, mean - reach, mean + reach, n, patients, _method(figures.size))


def paired_over_seeds(a: ArrayLike, b: ArrayLike, *, n: int, patients: int) -> Paired:
    """Mean difference a - b of values that share their seeds, with the paired t test.

    Differences that are all zero have p = 1; fewer than two seeds give NaN.
    """
    first = np.asarray(a, dtype=np.float64)
    difference = first - check_column(b, first.size, "value")
    mean, reach = _mean_and_reach(difference)
    method = f"paired t, {_method(difference.size)}"
    if difference.size < 2:
        p = math.nan
    elif reach == 0:
        p = 1.0 if mean == 0 else 0.0
    else:
        freedom = difference.size - 1
        p = t_p_value(mean / (reach / t_quantile(freedom)), freedom)
    return Paired(mean, mean - reach, mean + reach, p, n, patients, method)


def _mean_and_reach(values: np.ndarray) -> tuple[float, float]:
    if not values.size:
        return math.nan, math.nan
    mean = float(values.mean())
    if values.size < 2:
        return mean, math.nan
    error = float(values.std(ddof=1)) / math.sqrt(values.size)
    return mean, t_quantile(values.size - 1) * error


def _method(seeds: int) -> str:
    return f"{seeds} seed{'s' * (seeds != 1)}"
