from __future__ import annotations

import numpy as np
import pytest

import films
from pneumoscope.inference.descriptor import FINE, SIDE, fine_thumbnail, halve
from pneumoscope.inference.film_variants import abuse, expose, vary


@pytest.fixture
def fine() -> np.ndarray:
    return np.stack([fine_thumbnail(films.picture(seed=seed)) for seed in range(64)])


@pytest.mark.parametrize(("make", "side"), [(vary, SIDE), (expose, FINE), (abuse, FINE)])
def test_greys_stay_greys_and_come_again(make: object, side: int, fine: np.ndarray) -> None:
    assert callable(make)
    before = fine.copy()
    made = make(fine, np.random.default_rng(1))
    assert (made.shape, made.dtype) == ((64, side, side), np.float32)
    assert made.min() >= 0
    assert made.max() <= 255
    np.testing.assert_array_equal(fine, before)
    np.testing.assert_array_equal(made, make(fine, np.random.default_rng(1)))
    assert len({picture.tobytes() for picture in made}) == 64


def test_variants_stay_nearer_to_the_film_than_abused_films(fine: np.ndarray) -> None:
    def likeness(pictures: np.ndarray) -> float:
        film = halve(fine).ravel()
        both = np.stack([pictures, pictures[:, :, ::-1]]).reshape(2, 64, -1)
        film = film.reshape(64, -1)
        pairs = [
            [np.corrcoef(one, other)[0, 1] for one in both[:, i]] for i, other in enumerate(film)
        ]
        return float(np.mean(np.max(pairs, axis=1)))

    varied = likeness(vary(fine, np.random.default_rng(0)))
    abused = likeness(halve(abuse(fine, np.random.default_rng(0))))
    assert varied > 0.3
    assert abused < varied - 0.1
