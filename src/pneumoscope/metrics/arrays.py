"""What the figures share: checked arrays, weights as rows, ratios that may be undefined."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats: TypeAlias = NDArray[np.float64]
Figure: TypeAlias = Any  # a float, or (B,) floats where the weights are (B, n)
Statistic: TypeAlias = Callable[[Floats], Figure]


def check_truth(truth: ArrayLike, name: str = "Truth") -> NDArray[np.bool_]:
    """Truth as booleans (n,); anything but 0 and 1 raises ``ValueError``."""
    array = np.asarray(truth)
    if array.ndim != 1 or not np.isin(array, (0, 1)).all():
        raise ValueError(f"{name} must be one row of 0 and 1.")
    return np.asarray(array == 1)


def check_column(values: ArrayLike, films: int, name: str) -> NDArray[Any]:
    """One number for each film (n,); another shape, NaN or infinity raises ``ValueError``."""
    array = np.asarray(values)
    if array.shape != (films,):
        raise ValueError(f"There are {films} films, but {name} has the shape {array.shape}.")
    if array.size and not np.isfinite(array).all():
        raise ValueError(f"Not every {name} is a finite number.")
    return array


def check_probability(truth: ArrayLike, probability: ArrayLike) -> tuple[NDArray[np.bool_], Floats]:
    """Truth as booleans and probabilities (n,); one outside 0..1 raises ``ValueError``."""
    positive = check_truth(truth)
    p = check_column(probability, positive.size, "probability").astype(np.float64)
    if not np.all((p >= 0) & (p <= 1)):
        raise ValueError("Probabilities must lie within 0 and 1.")
    return positive, p


def weight_rows(weights: ArrayLike | None, films: int) -> Floats:
    """Weights as (B, n) floats; one row of ones for ``None``."""
    if weights is None:
        return np.ones((1, films))
    w = np.asarray(weights, dtype=np.float64)
    if w.ndim not in (1, 2) or w.shape[-1] != films:
        raise ValueError(f"There are {films} films, but the weights have the shape {w.shape}.")
    return np.atleast_2d(w)


def unwrap(rows: Floats, weights: ArrayLike | None) -> Figure:
    """Undo the row that :func:`weight_rows` added."""
    return float(rows[0]) if weights is None or np.ndim(weights) == 1 else rows


def ratio(part: Figure, whole: Figure) -> Figure:
    """``part / whole``, NaN where the whole is nothing."""
    whole = np.asarray(whole, dtype=np.float64)
    out = np.full(np.broadcast_shapes(np.shape(part), whole.shape), np.nan)
    np.divide(part, whole, out=out, where=whole > 0)
    return out if out.ndim else float(out)
