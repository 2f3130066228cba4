"""Logistic regression with a quadratic penalty of its own on every weight, by Newton's method."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from pneumoscope.metrics.arrays import Floats, check_truth

_ITERATIONS, _HALVINGS = 100, 30
_NEAR = 1e-10  # Newton's decrement, in nats over all films


def fit_logistic(
    truth: ArrayLike, design: Floats, penalty: ArrayLike, *, start: Floats | None = None
) -> Floats:
    """Weights (p,) of ``design`` (n, p) that minimise log loss plus ``penalty @ weights**2 / 2``.

    The loss is summed over the films (nats). ``penalty`` (p,) is not negative, and above 0 for
    every column but the constant one: then the minimum is finite, even where the columns separate
    the classes, and there is one only (le Cessie & van Houwelingen 1992). ``start`` is where to
    begin. Raises ``ValueError`` for truth of one class, and arrays that do not fit.
    """
    positive = check_truth(truth).astype(np.float64)
    pull = np.asarray(penalty, dtype=np.float64)
    if design.shape != (positive.size, pull.size) or not np.isfinite(design).all():
        raise ValueError(f"The design {design.shape} does not fit {positive.size} films.")
    if not 0 < positive.sum() < positive.size:
        raise ValueError("A fit needs films of both classes.")
    at = np.zeros(pull.size) if start is None else start
    value = _loss(at, positive, design, pull)
    for _ in range(_ITERATIONS):
        chance = 0.5 + 0.5 * np.tanh(0.5 * (design @ at))
        slope = design.T @ (chance - positive) + pull * at
        curve = (design * (chance * (1 - chance))[:, None]).T @ design
        # Far out, the curvature is that of the penalty alone; a constant column has none there.
        curve[np.diag_indices_from(curve)] += pull + 1e-9
        step = np.linalg.solve(curve, slope)
        if slope @ step < _NEAR:
            break
        size = 1.0
        for _ in range(_HALVINGS):
            there = _loss(at - size * step, positive, design, pull)
            if there <= value - 1e-4 * size * float(slope @ step):
                break
            size /= 2
        else:
            break  # nothing is left to gain in floating point
        at, value = at - size * step, there
    return at


def _loss(at: Floats, positive: Floats, design: Floats, pull: Floats) -> float:
    logit = design @ at
    # log(1 + exp(z)) without overflow; much faster than logaddexp.
    loss = np.maximum(logit, 0) + np.log1p(np.exp(-np.abs(logit))) - positive * logit
    return float(loss.sum() + pull @ at**2 / 2)
