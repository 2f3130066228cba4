"""Which labels look wrong: confident learning (Northcutt, Jiang & Chuang 2021), for two classes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pneumoscope.metrics.arrays import Floats, check_probability


@dataclass(frozen=True, slots=True, eq=False)
class Doubts:
    """How far probabilities speak against labels (n,).

    ``self_confidence`` (n,): probability of the label that is given, low where it looks wrong.
    ``confident`` (n,): whether the film belongs, by the confident joint, to the other class.
    ``thresholds``: mean probability of class 0 and of class 1 among the films labelled so; NaN for
    a class that no film has.
    """

    self_confidence: Floats
    confident: NDArray[np.bool_]
    thresholds: tuple[float, float]

    @property
    def ranking(self) -> NDArray[np.intp]:
        """Rows of the films whose label is contradicted, the least confident first."""
        against = np.flatnonzero((self.self_confidence < 0.5) | self.confident)
        return against[np.argsort(self.self_confidence[against], kind="stable")]


def doubt_labels(labels: ArrayLike, probability: ArrayLike) -> Doubts:
    """Hold ``labels`` (n,) of 0 and 1 against out-of-sample ``probability`` (n,) of class 1.

    Each class has a threshold of its own, the mean probability of that class among the films
    labelled so; a film counts as of the other class where that one's probability reaches its
    threshold, and of two that do, where it is the higher. Raises ``ValueError`` for arrays that do
    not fit.
    """
    positive, p = check_probability(labels, probability)
    own, other = np.where(positive, p, 1 - p), np.where(positive, 1 - p, p)
    means = [float(own[c].mean()) if c.any() else math.nan for c in (~positive, positive)]
    of_own, of_other = (np.where(positive, *pair) for pair in (means[::-1], means))
    confident = (other >= of_other) & ((own < of_own) | (other > own))
    return Doubts(own, confident, (means[0], means[1]))
