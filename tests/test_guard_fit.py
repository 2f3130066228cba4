from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import films
from pneumoscope.inference import guard_fit
from pneumoscope.inference.descriptor import thumbnail
from pneumoscope.inference.familiar import poses_of
from pneumoscope.inference.guard import Guard
from pneumoscope.inference.guard_fit import ENOUGH, PLENTY, fit_guard, plenty


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


def test_many_films_are_drawn_upon_evenly() -> None:
    assert plenty(range(PLENTY)) == range(PLENTY)
    chosen = plenty(range(5 * PLENTY))
    assert len(set(chosen)) == PLENTY
    assert set(np.diff(chosen)) <= {4, 5, 6}
    assert (chosen[0], chosen[-1]) == (0, 5 * PLENTY - 1)


def test_a_guard_that_would_refuse_the_films_held_out_is_not_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(guard_fit, "_LEAST", 500)
    monkeypatch.setattr(guard_fit, "_MOST", 500)

    def both_ways_up(seed: int) -> np.ndarray:
        upright = films.picture(64, 64, seed=seed).astype(int)
        return ((upright + upright[::-1]) // 2).astype(np.uint8)

    assert fit_guard(both_ways_up(seed) for seed in range(ENOUGH)) == Guard()


def test_the_usual_distance_is_right_after_few_films() -> None:
    draws = np.random.default_rng(0).lognormal(0, 0.1, (200, 40)).astype(np.float32)
    truth = np.exp(0.309)
    assert np.mean([guard_fit._high(some) for some in draws]) == pytest.approx(truth, rel=0.02)
    assert draws.max(axis=1).mean() < 0.95 * truth  # what the largest of so few says


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
