"""Dealing films into folds, patients whole and classes evenly, where there are arrays alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pneumoscope.metrics.arrays import check_truth
from pneumoscope.metrics.clustered import number_patients


def deal_patients(
    truth: ArrayLike, patients: ArrayLike, *, folds: int, seed: int = 0
) -> NDArray[np.intp]:
    """The fold (n,) of each film, 0 to ``folds`` - 1.

    Patients in random order are dealt in turn: those with positive films alone, then those with
    both, then the others, so that the patients of each class stand in one row and every fold gets
    its share of either. Raises ``ValueError`` where a class has fewer patients than folds.
    """
    positive = check_truth(truth)
    cluster, count = number_patients(patients, positive.size)
    fewest = fewest_patients(positive, cluster)
    if fewest < folds:
        raise ValueError(f"A class has {fewest} patients, too few for {folds} folds.")
    has_negative = np.bincount(cluster, ~positive, count) > 0
    has_positive = np.bincount(cluster, positive, count) > 0
    order = np.random.default_rng(seed).permutation(count)
    order = order[np.argsort((has_negative.astype(int) - has_positive)[order], kind="stable")]
    fold = np.empty(count, dtype=np.intp)
    fold[order] = np.arange(count) % folds
    return fold[cluster]


def fewest_patients(truth: ArrayLike, patients: ArrayLike) -> int:
    """How many patients the class with fewer of them has."""
    positive, labels = check_truth(truth), np.asarray(patients)
    return min(np.unique(labels[side]).size for side in (positive, ~positive))
