from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import films
from pneumoscope.inference import guard_fit
from pneumoscope.inference.descriptor import thumbnail
from pneumoscope.inference.familiar import poses_of
from pneumoscope.inference.guard import Guard
from pneumoscope.inference.guard_fit import ENOUGH, fit_guard


def test_few_films_leave_the_guard_as_it_was() -> None:
    few = [films.picture(64, 64, seed=seed) for seed in range(ENOUGH - 1)]
    assert fit_guard(few, guard=Guard(min_side=99)) == Guard(min_side=99)


@pytest.fixture(scope="module")
def fitted() -> Iterator[Guard]:
    """A guard that knows nothing but the made picture with its two lungs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(guard_fit, "_LEAST", 500)
        patch.setattr(guard_fit, "_MOST", 500)
        yield fit_guard(
            (films.picture(64, 64, seed=seed) for seed in range(ENOUGH)), guard=Guard(min_side=99)
        )


def test_the_same_films_give_the_same_guard(fitted: Guard) -> None:
    pixels = np.stack([films.picture(64, 64, seed=seed) for seed in range(ENOUGH)])
    assert fit_guard(pixels, guard=Guard(min_side=99)) == fitted
    assert fit_guard(pixels, guard=Guard(min_side=99), seed=1) != fitted
    assert fitted.min_side == 99


def test_the_films_are_familiar_and_their_opposites_are_not(fitted: Guard) -> None:
    assert fitted.familiar is not None
    views = poses_of(thumbnail(films.picture(240, 300, seed=99))[None])[:, 0]
    likeness, distance = fitted.familiar.judge(views)
    assert likeness.argmax() == 0
    assert likeness[0] > 0
    assert distance[0] < 1 < distance[1]
