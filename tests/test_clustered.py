from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest

from pneumoscope.metrics.clustered import (
    design_effect,
    number_patients,
    placements,
    resampled_bounds,
    sign_flip_p,
)


def test_patients_are_numbered_whatever_their_labels():
    cluster, count = number_patients(["b", "a", "b", "c"], 4)

    assert (cluster.tolist(), count) == ([1, 0, 1, 2], 3)
    assert number_patients(None, 3)[0].tolist() == [0, 1, 2]


def test_design_effect_by_hand():
    # Patients aab, abb, b: residuals about 3/7 sum to 5/7, -2/7, -3/7.
    values, cluster = np.array([1.0, 1, 0, 1, 0, 0, 0]), np.array([0, 0, 0, 1, 1, 1, 2])
    between = (25 + 4 + 9) / 49 / 49 * 3 / 2
    independent = 7 * (3 / 7) * (4 / 7) / (7 * 6)
    largest = (9 + 9 + 1) / 7

    expected = (2 * between / independent + largest) / 3  # two patients differ from the median
    assert design_effect(values, cluster, 3) == pytest.approx(expected)
    assert expected > 1


def test_placements_by_hand():
    positive = np.array([True, True, False, False])

    assert placements(positive, [3, 2, 1, 2]).tolist() == [1.0, 0.75, 1.0, 0.75]


def test_sign_flips_by_hand():
    # |3 + 1|, |3 - 1|, ... : of the four sums 4, 2, -2, -4 all reach 2, half reach 4.
    assert sign_flip_p(np.array([3, -1, 0])) == 1.0
    assert sign_flip_p(np.array([3, 1, 0])) == 0.5
    assert sign_flip_p(np.array([], dtype=int)) == 1.0


def test_resampled_bounds_are_percentiles_for_many_patients():
    resampled = np.random.default_rng(1).normal(5.0, 0.1, 20_000)
    low, high = resampled_bounds(resampled, 5.0, patients=10_000)

    assert (low, high) == pytest.approx((5 - 0.196, 5 + 0.196), abs=0.01)


def test_resampled_bounds_widen_for_few_patients_and_heavy_tails():
    random = np.random.default_rng(2)
    normal = random.normal(5.0, 0.1, 20_000)
    heavy = 5 + 0.1 * random.laplace(size=20_000) / math.sqrt(2)
    many, few, tailed = (
        np.diff(resampled_bounds(resampled, 5.0, patients))[0]
        for resampled, patients in ((normal, 10_000), (normal, 5), (heavy, 10_000))
    )

    assert few > 1.2 * many
    assert tailed > 1.2 * np.diff(np.quantile(heavy, [0.025, 0.975]))[0]


def test_bounds_of_a_share_near_its_limit_are_widened_for_its_spread_in_log_odds() -> None:
    # Even in log-odds, leaning as a share: its kurtosis is the lean, and not a few patients.
    normal = np.array([NormalDist(4.0, 0.5).inv_cdf(i / 20_001) for i in range(1, 20_001)])
    resampled = 1 / (1 + np.exp(-normal))
    value = float(resampled.mean())
    plain = resampled_bounds(resampled, value, patients=10_000)
    low, high = resampled_bounds(resampled, value, patients=10_000, share=True)

    assert (low, high) == pytest.approx(tuple(np.quantile(resampled, [0.025, 0.975])), abs=2e-4)
    assert plain[0] < low - 0.002
    touching = np.append(resampled, 1.0)  # no log-odds
    assert resampled_bounds(touching, value, 10_000, share=True) == pytest.approx(plain, abs=1e-3)


def test_bounds_of_an_inflated_figure_lose_the_noise_of_films_and_of_resamples() -> None:
    # Gaps of 15 bins: the films' own noise is as large as what is added by resampling.
    random = np.random.default_rng(3)
    films = random.normal(0.05, 0.03, 15)
    resampled = np.abs(films + random.normal(0, 0.03, (20_000, 15))).mean(axis=1)
    value = float(np.abs(films).mean())
    plain = resampled_bounds(resampled, value, patients=5000)
    low, high = resampled_bounds(resampled, value, patients=5000, inflated=True)

    assert low < value < high
    assert low < plain[0] - 0.003
    assert high < plain[1] - 0.003
    assert high - low < 1.2 * (plain[1] - plain[0])


def test_bounds_of_what_may_be_noise_alone_reach_zero() -> None:
    random = np.random.default_rng(4)
    films = random.normal(0, 0.03, 15)
    resampled = np.abs(films + random.normal(0, 0.03, (5000, 15))).mean(axis=1)
    value = float(np.abs(films).mean())
    low, high = resampled_bounds(resampled, value, patients=5000, inflated=True)

    assert low == 0.0
    assert value <= high < np.quantile(resampled, 0.975)


def test_bounds_of_an_inflated_figure_without_noise_are_the_percentiles() -> None:
    resampled = np.random.default_rng(5).normal(5.0, 0.01, 5000)
    plain = resampled_bounds(resampled, 5.0, 5000)
    assert resampled_bounds(resampled, 5.0, 5000, inflated=True) == pytest.approx(plain, abs=2e-3)
    assert resampled_bounds(np.array([0.1, 0.0]), 0.0, 2, inflated=True)[0] == 0.0


def test_resampled_bounds_without_spread_or_resamples():
    assert resampled_bounds(np.full(50, 0.7), 0.7, 20) == (0.7, 0.7)
    assert all(math.isnan(x) for x in resampled_bounds(np.array([np.nan]), np.nan, 20))
