from __future__ import annotations

import math

import numpy as np
import pytest

from pneumoscope.metrics.arrays import check_column, check_truth, ratio, unwrap, weight_rows


def test_truth_may_be_any_kind_of_zero_and_one():
    for truth in ([0, 1], [False, True], [0.0, 1.0], np.array([0, 1], dtype=np.uint8)):
        assert check_truth(truth).tolist() == [False, True]
    for truth in ([0, 0.5], [np.nan, 1], ["0", "1"], 1):
        with pytest.raises(ValueError, match="0 and 1"):
            check_truth(truth)


def test_column_must_match_the_films():
    assert check_column([1, 2], 2, "score").tolist() == [1, 2]
    with pytest.raises(ValueError, match="3 films, but score"):
        check_column([1, 2], 3, "score")
    with pytest.raises(ValueError, match="finite"):
        check_column([1, math.inf], 2, "score")


def test_weights_become_rows_and_figures_come_back():
    assert weight_rows(None, 3).tolist() == [[1, 1, 1]]
    assert weight_rows([1, 2, 3], 3).tolist() == [[1, 2, 3]]
    assert unwrap(np.array([0.5]), None) == unwrap(np.array([0.5]), [1, 2, 3]) == 0.5
    assert unwrap(np.array([0.5, 0.6]), np.ones((2, 3))).tolist() == [0.5, 0.6]
    with pytest.raises(ValueError, match="weights"):
        weight_rows(np.ones((2, 2)), 3)


def test_ratio_of_nothing_is_nan():
    assert ratio(1, 4) == 0.25
    assert math.isnan(ratio(0, 0))
    np.testing.assert_array_equal(ratio(np.array([1, 0]), np.array([2, 0])), [0.5, np.nan])
