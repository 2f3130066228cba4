from __future__ import annotations

import numpy as np

from pneumoscope.inference.strangers import SIDE, draw


def test_strangers_are_grey_pictures_that_come_again() -> None:
    made = draw(60, np.random.default_rng(0))
    assert (made.shape, made.dtype) == ((60, SIDE, SIDE), np.float32)
    assert made.min() >= 0
    assert made.max() <= 255
    np.testing.assert_array_equal(made, draw(60, np.random.default_rng(0)))


def test_no_two_are_alike() -> None:
    made = draw(300, np.random.default_rng(1)).reshape(300, -1)
    made = made[made.std(axis=1) > 5]  # a few are nearly blank
    assert len(made) > 250
    alike = np.corrcoef(made) - np.eye(len(made))
    assert np.quantile(np.abs(alike).max(axis=1), 0.5) < 0.95
