import math

import numpy as np
import pytest

from pneumoscope.evaluation.mask_share import mask_share


def test_shares_are_of_the_positive_evidence_alone() -> None:
    evidence = np.array([[3.0, -9.0], [1.0, 0.0]], np.float32)
    found = mask_share(evidence, np.array([[True, True], [False, False]]))
    assert (found.inside, found.chance) == (0.75, 0.5)
    nothing = mask_share(-np.abs(evidence), np.ones((2, 2), bool))
    assert math.isnan(nothing.inside)
    assert nothing.chance == 1


def test_evidence_that_is_spread_evenly_has_the_share_of_chance() -> None:
    mask = np.zeros((224, 224), bool)
    mask[50:150, 30:100] = True
    found = mask_share(np.ones((300, 400), np.float32), mask)
    assert found.inside == pytest.approx(found.chance)
    assert found.chance == pytest.approx(mask.mean(), rel=0.02)
