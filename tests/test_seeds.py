import math

import pytest
from scipy import stats

from pneumoscope.metrics.seeds import over_seeds, paired_over_seeds


def test_the_interval_is_students() -> None:
    values = [0.91, 0.95, 0.93]
    found = over_seeds(values, n=100, patients=80)
    low, high = stats.t.interval(0.95, 2, loc=0.93, scale=stats.sem(values))
    assert found.value == pytest.approx(0.93)
    assert (found.low, found.high) == pytest.approx((low, high))
    assert (found.n, found.patients, found.method) == (100, 80, "3 seeds")


def test_the_test_is_the_paired_one() -> None:
    a, b = [0.91, 0.95, 0.93], [0.90, 0.93, 0.90]
    found = paired_over_seeds(a, b, n=100, patients=80)
    assert found.p == pytest.approx(stats.ttest_rel(a, b).pvalue)
    assert found.difference == pytest.approx(0.02)
    assert found.low < 0.02 < found.high


def test_one_seed_has_no_interval_and_none_no_figure() -> None:
    one = over_seeds([0.9], n=10, patients=10)
    assert (one.value, one.method) == (0.9, "1 seed")
    assert math.isnan(one.low)
    assert math.isnan(paired_over_seeds([0.9], [0.8], n=10, patients=10).p)
    assert math.isnan(over_seeds([], n=0, patients=0).value)


def test_differences_without_spread() -> None:
    assert paired_over_seeds([1, 1], [1, 1], n=9, patients=9).p == 1
    assert paired_over_seeds([1, 1], [0, 0], n=9, patients=9).p == 0
    with pytest.raises(ValueError, match="value"):
        paired_over_seeds([1, 1], [1], n=9, patients=9)
