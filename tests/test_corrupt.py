from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import draw_film
from pneumoscope.evaluation.corrupt import LEVELS, changed_inputs, corrupt, unchanged
from pneumoscope.preprocess import Preprocessing, film_to_input

FILM = draw_film(np.random.default_rng(3), pneumonia=True, side=200)


def changed(kind: str, level: float, seed: int = 0) -> np.ndarray:
    return corrupt(FILM, kind, level, rng=np.random.default_rng(seed))


@pytest.mark.parametrize("kind", LEVELS)
def test_the_first_level_is_the_film_and_the_last_is_not(kind: str) -> None:
    assert unchanged(kind) in LEVELS[kind]
    np.testing.assert_array_equal(changed(kind, unchanged(kind)), FILM)
    for level in LEVELS[kind]:
        film = changed(kind, level)
        assert film.dtype == np.uint8
        assert level == unchanged(kind) or not np.array_equal(film, FILM)


@pytest.mark.parametrize("kind", ["blur", "noise", "jpeg", "resolution", "marker"])
def test_a_higher_level_changes_more(kind: str) -> None:
    apart = [np.abs(changed(kind, level).astype(int) - FILM).mean() for level in LEVELS[kind]]
    assert apart == sorted(apart)
    assert apart[0] < apart[-1]


def test_levels_mean_what_they_say() -> None:
    assert changed("crop", 0.1).shape == (160, 160)
    bordered = changed("border", 0.1)
    assert bordered.shape == (240, 240)
    np.testing.assert_array_equal(bordered[20:-20, 20:-20], FILM)
    assert changed("gamma", 2.5).mean() < FILM.mean() < changed("gamma", 0.4).mean()
    assert changed("contrast", 0.3).std() == pytest.approx(0.3 * FILM.std(), rel=0.05)
    flat = np.full((200, 200), 128, np.uint8)
    noisy = corrupt(flat, "noise", 0.05, rng=np.random.default_rng(0))
    assert noisy.std() == pytest.approx(0.05 * 255, rel=0.03)


def test_a_marker_is_a_white_letter_in_a_corner() -> None:
    black = np.zeros((200, 300), np.uint8)
    places = set()
    for seed in range(12):
        marked = corrupt(black, "marker", 0.1, rng=np.random.default_rng(seed))
        rows, columns = np.nonzero(marked > 200)
        assert 10 <= np.ptp(rows) + 1 <= 20
        assert not (100 < columns.mean() < 200)
        places.add((rows.mean() < 100, columns.mean() < 150))
    assert len(places) == 4


def test_the_same_seed_gives_the_same_film() -> None:
    np.testing.assert_array_equal(changed("noise", 0.1), changed("noise", 0.1))
    assert not np.array_equal(changed("noise", 0.1), changed("noise", 0.1, seed=1))


def test_an_unknown_corruption_is_named() -> None:
    with pytest.raises(ValueError, match="'fog', only blur, noise"):
        changed("fog", 1.0)


def test_changed_films_are_shaped_as_a_reader_shapes_them(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.png" for number in range(2)]
    for path in paths:
        Image.fromarray(FILM).save(path)
    shape = Preprocessing(size=64)
    plain = changed_inputs(paths, shape, "crop", 0.0, seed=0)
    np.testing.assert_array_equal(plain, np.stack([film_to_input(p, shape) for p in paths]))
    noisy = changed_inputs(paths, shape, "noise", 0.2, seed=0)
    assert noisy.shape == (2, 64, 64)
    assert not np.array_equal(noisy[0], noisy[1])  # each its own noise, the same at every call
    np.testing.assert_array_equal(noisy, changed_inputs(paths, shape, "noise", 0.2, seed=0))
