from __future__ import annotations

import math

import numpy as np
import pytest

from pneumoscope.metrics.label_errors import doubt_labels


def test_thresholds_and_the_confident_joint_by_hand() -> None:
    labels = [0, 0, 0, 1, 1, 1]
    probability = [0.1, 0.3, 0.8, 0.9, 0.7, 0.4]
    found = doubt_labels(labels, probability)
    assert found.self_confidence == pytest.approx([0.9, 0.7, 0.2, 0.9, 0.7, 0.4])
    assert found.thresholds == pytest.approx((0.6, 2 / 3))
    # The third reaches the threshold of class 1; the last, at 0.6 for class 0, that of class 0.
    assert found.confident.tolist() == [False, False, True, False, False, True]
    assert found.ranking.tolist() == [2, 5]


def test_a_label_may_be_contradicted_without_confidence() -> None:
    found = doubt_labels([0, 0, 1, 1], [0.05, 0.55, 0.99, 0.98])
    assert found.ranking.tolist() == [1]
    assert not found.confident.any()  # 0.55 is far below what class 1 usually has


def test_of_two_classes_that_reach_their_thresholds_the_higher_counts() -> None:
    # Both thresholds are 0.5 or less: every film reaches one at least, some both.
    found = doubt_labels([0, 0, 1, 1], [0.48, 0.9, 0.1, 0.52])
    assert found.confident.tolist() == [False, True, True, False]


def test_flipped_labels_are_found_first() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random(600) < 0.6
    probability = 1 / (1 + np.exp(-(rng.normal(size=600) + 4 * (truth - 0.5)) * 3))
    flipped = rng.choice(600, 12, replace=False)
    labels = truth.copy()
    labels[flipped] = ~labels[flipped]
    first = set(doubt_labels(labels, probability).ranking[:24].tolist())
    assert len(first & set(flipped.tolist())) >= 10


def test_one_class_has_no_threshold_for_the_other() -> None:
    found = doubt_labels([1, 1], [0.2, 0.9])
    assert math.isnan(found.thresholds[0])
    assert not found.confident.any()
    assert found.ranking.tolist() == [0]
    assert doubt_labels([], []).ranking.size == 0


def test_what_is_no_probability_is_refused() -> None:
    with pytest.raises(ValueError, match="within 0 and 1"):
        doubt_labels([0, 1], [0.2, 1.2])
