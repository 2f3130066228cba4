from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest

import films
from pneumoscope.errors import UnreadableFilm
from pneumoscope.film import Facts, Radiograph
from pneumoscope.preprocess import Preprocessing, equalise_spectrum, film_to_input, to_input
from pneumoscope.radiograph import load


def film_of(pixels: np.ndarray) -> Radiograph:
    """A film with these pixels."""
    height, width = pixels.shape
    return Radiograph(pixels, Facts("png", width, height, 8, colour=False))


@pytest.mark.parametrize("size", [0, 15, 2049, -180, 180.0, "180", True, None])
def test_sizes_that_are_refused(size: Any) -> None:
    with pytest.raises(ValueError, match="whole number from 16 to 2048"):
        Preprocessing(size)


@pytest.mark.parametrize("resize", ["crop", "", "Squash", None])
def test_resizes_that_are_refused(resize: Any) -> None:
    with pytest.raises(ValueError, match="'squash' or 'pad'"):
        Preprocessing(resize=resize)


def test_json_and_back() -> None:
    settings = Preprocessing(224, "pad")
    assert settings.to_json() == {"size": 224, "resize": "pad", "spectrum": "as-is"}
    assert Preprocessing.from_json(settings.to_json()) == settings
    assert Preprocessing.from_json({}) == Preprocessing(180, "squash")
    with pytest.raises(ValueError, match="unknown preprocessing setting: crop"):
        Preprocessing.from_json({"crop": 3})
    with pytest.raises(ValueError, match="whole number"):
        Preprocessing.from_json({"size": "big"})


@pytest.mark.parametrize("shape", [(240, 300), (300, 240), (90, 100), (180, 180), (1, 1), (7, 400)])
@pytest.mark.parametrize("resize", ["squash", "pad"])
def test_input_is_a_grey_square(shape: tuple[int, int], resize: str) -> None:
    pixels = to_input(film_of(films.picture(*shape)), Preprocessing(180, resize))
    assert pixels.shape == (180, 180)
    assert pixels.dtype == np.uint8
    assert pixels.flags.c_contiguous


def test_a_film_of_the_right_size_is_left_alone() -> None:
    pixels = films.picture(180, 180)
    for resize in ("squash", "pad"):
        np.testing.assert_array_equal(to_input(film_of(pixels), Preprocessing(180, resize)), pixels)


def test_squash_fills_the_square() -> None:
    ramp = np.tile(np.linspace(0, 255, 400).astype(np.uint8), (200, 1))
    pixels = to_input(film_of(ramp), Preprocessing(100))
    expected = ramp[0].reshape(100, 4).mean(axis=1)
    assert np.abs(pixels - expected).max() < 2


def test_pad_keeps_proportions_centred_on_black() -> None:
    white = np.full((100, 400), 255, dtype=np.uint8)
    wide = to_input(film_of(white), Preprocessing(64, "pad"))
    np.testing.assert_array_equal(wide[24:40], 255)
    assert wide[:24].max() == wide[40:].max() == 0
    tall = to_input(film_of(np.ascontiguousarray(white.T)), Preprocessing(64, "pad"))
    np.testing.assert_array_equal(tall, wide.T)
    line = to_input(film_of(np.full((1, 900), 255, dtype=np.uint8)), Preprocessing(64, "pad"))
    assert np.count_nonzero(line) == 64


def test_reduction_is_antialiased() -> None:
    stripes = np.zeros((400, 400), dtype=np.uint8)
    stripes[:, ::2] = 255
    pixels = to_input(film_of(stripes), Preprocessing(90))
    assert np.abs(pixels.astype(int) - 127.5).max() < 30  # without it, bands of black and white


def test_film_to_input_is_the_same_from_the_reduced_and_the_full_scale() -> None:
    data = films.encoded(films.picture(800, 1000), "jpeg", quality=95)
    settings = Preprocessing(180)
    assert load(data, at_least=180).pixels.shape == (200, 250)
    reduced = film_to_input(data, settings)
    np.testing.assert_array_equal(reduced, to_input(load(data, at_least=180), settings))
    full = to_input(load(data), settings)
    assert np.abs(reduced.astype(int) - full).mean() < 1.5


@pytest.mark.parametrize("resize", ["squash", "pad"])
def test_the_same_film_gives_the_same_bytes(resize: str) -> None:
    data = films.encoded(films.picture(), "png")
    settings = Preprocessing(64, resize)
    digests = {hashlib.sha256(film_to_input(data, settings)).hexdigest() for _ in range(5)}
    assert len(digests) == 1


def test_unreadable_films_say_so() -> None:
    with pytest.raises(UnreadableFilm, match="empty"):
        film_to_input(b"", Preprocessing())


def test_films_become_equally_sharp() -> None:
    from scipy.ndimage import gaussian_filter

    from pneumoscope.data.acquisition import sharpness

    rng = np.random.default_rng(0)
    scans = []
    for sigma in (0.6, 1.0, 1.6):  # the same scene through worse and worse scanners
        scene = gaussian_filter(films.picture(180, 180, seed=1).astype(float), sigma)
        scans.append(
            np.clip(scene + rng.normal(0, 3 / sigma, scene.shape), 0, 255).astype(np.uint8)
        )
    before = [sharpness(film) for film in scans]
    after = [sharpness(equalise_spectrum(film)) for film in scans]
    assert np.ptp(after) < np.ptp(before) / 3
    for film in scans:  # and they stay the films that they were
        changed = equalise_spectrum(film)
        assert changed.shape == film.shape
        assert np.corrcoef(changed.ravel(), film.ravel())[0, 1] > 0.95


def test_a_blank_film_stays_blank_when_it_is_equalised() -> None:
    blank = np.full((64, 64), 90, dtype=np.uint8)
    assert (equalise_spectrum(blank) == 90).all()


def test_the_spectrum_is_a_setting_of_its_own() -> None:
    settings = Preprocessing(size=64, spectrum="equal")
    assert Preprocessing.from_json(settings.to_json()) == settings
    assert Preprocessing.from_json({"size": 64, "resize": "squash"}).spectrum == "as-is"
    with pytest.raises(ValueError, match="spectrum must be 'as-is' or 'equal'"):
        Preprocessing(spectrum="sharp")
