from __future__ import annotations

import io
import math

import numpy as np
import pytest
from PIL import Image, ImageOps

import films
from pneumoscope import jpeg
from pneumoscope.errors import UnreadableFilm
from pneumoscope.film import ROTATED


def by_pillow(data: bytes) -> np.ndarray:
    """The upright grey picture as Pillow decodes it."""
    picture = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    return np.asarray(picture.convert("RGB").convert("L"))


def difference(a: np.ndarray, b: np.ndarray) -> float:
    """Mean absolute difference in grey levels."""
    return float(np.abs(a.astype(int) - b.astype(int)).mean())


def load(data: bytes) -> np.ndarray:
    """The pixels at full scale."""
    return jpeg.load(data, at_least=0).pixels


@pytest.mark.parametrize("progressive", [False, True])
def test_grey(progressive: bool) -> None:
    data = films.encoded(films.picture(), "jpeg", quality=95, progressive=progressive)
    film = jpeg.load(data, at_least=0)
    np.testing.assert_array_equal(film.pixels, by_pillow(data))
    assert not film.facts.colour
    assert film.facts.bits == 8


@pytest.mark.parametrize("at_least", [1, 30, 31, 60, 100, 180, 239, 240, 999])
def test_the_smallest_sufficient_scale_is_decoded(at_least: int) -> None:
    data = films.encoded(films.picture(240, 301), "jpeg")
    film = jpeg.load(data, at_least=at_least)
    eighths = min(max(math.ceil(8 * at_least / 240), 1), 8)
    assert film.pixels.shape == (math.ceil(240 * eighths / 8), math.ceil(301 * eighths / 8))
    assert min(film.pixels.shape) >= min(at_least, 240)
    assert (film.facts.width, film.facts.height) == (301, 240)
    same = Image.fromarray(films.picture(240, 301)).resize(film.pixels.shape[::-1], reducing_gap=8)
    assert difference(film.pixels, np.asarray(same)) < 3


def test_grey_in_three_channels_is_grey() -> None:
    rgb = np.repeat(films.picture()[..., None], 3, axis=2)
    film = jpeg.load(films.encoded(rgb, "jpeg", quality=95), at_least=0)
    assert not film.facts.colour
    assert difference(film.pixels, films.picture()) < 2


def test_colour_is_noticed_at_any_scale() -> None:
    data = films.encoded(films.coloured(), "jpeg", quality=95)
    for at_least in (0, 60):
        assert jpeg.load(data, at_least=at_least).facts.colour
    assert difference(load(data), by_pillow(data)) < 2
    assert jpeg.probe(io.BytesIO(data)).colour


@pytest.mark.parametrize("transform", [0, 2])  # CMYK, YCCK (Adobe Technical Note 5116)
def test_four_inks_are_read_as_adobe_stores_them(transform: int) -> None:
    picture = Image.fromarray(films.picture()).convert("RGB").convert("CMYK")
    data = bytearray(films.encoded(picture, "jpeg", quality=95))
    marker = data.index(b"Adobe")
    assert data[marker + 11] == 0
    data[marker + 11] = transform
    film = jpeg.load(bytes(data), at_least=0)
    assert difference(film.pixels, by_pillow(bytes(data))) < 1
    if transform == 0:
        assert difference(film.pixels, films.picture()) < 3  # bone stays bright
        assert not film.facts.colour


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_applied_and_noted(orientation: int) -> None:
    data = films.encoded(films.picture(), "jpeg", quality=95, exif=films.exif(orientation))
    film = jpeg.load(data, at_least=0)
    np.testing.assert_array_equal(film.pixels, by_pillow(data))
    assert film.pixels.shape == (film.facts.height, film.facts.width)
    assert film.facts.notes == (() if orientation == 1 else (ROTATED,))
    assert film.pixels.flags.c_contiguous


@pytest.mark.parametrize("exif", [b"", b"MM\0*\0\0\0\x08\xff\xff", b"junk"])
def test_a_broken_exif_does_not_break_the_film(exif: bytes) -> None:
    block = b"Exif\0\0" + exif
    data = films.encoded(films.picture(), "jpeg")
    segment = b"\xff\xe1" + (len(block) + 2).to_bytes(2) + block
    film = jpeg.load(data[:2] + segment + data[2:], at_least=0)
    np.testing.assert_array_equal(film.pixels, load(data))
    assert film.facts.notes == ()


def test_an_orientation_that_does_not_exist_is_upright() -> None:
    data = films.encoded(films.picture(), "jpeg", exif=films.exif(77))
    np.testing.assert_array_equal(load(data), load(films.encoded(films.picture(), "jpeg")))


def test_probe_looks_behind_large_segments() -> None:
    data = films.encoded(films.picture(), "jpeg", exif=films.exif(6))
    profile = (b"\xff\xe2\xff\xff" + bytes(65_533)) * 3
    facts = jpeg.probe(io.BytesIO(data[:2] + profile + data[2:]))
    assert (facts.width, facts.height, facts.notes) == (240, 300, (ROTATED,))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_film_cut_short_is_refused(share: float, progressive: bool) -> None:
    data = films.encoded(films.picture(), "jpeg", quality=95, progressive=progressive)
    for at_least in (0, 60):
        with pytest.raises(UnreadableFilm, match="truncated JPEG"):
            jpeg.load(data[: int(len(data) * share)], at_least=at_least)


def test_a_cut_film_with_an_end_marker_is_refused() -> None:
    data = films.encoded(films.picture(), "jpeg", quality=95)
    with pytest.raises(UnreadableFilm, match="premature end"):
        jpeg.load(data[: len(data) // 2] + b"\xff\xd9", at_least=0)


def test_twelve_bit_samples_are_refused() -> None:
    data = bytearray(films.encoded(films.picture(), "jpeg"))
    data[data.index(b"\xff\xc0") + 4] = 12
    with pytest.raises(UnreadableFilm, match="12-bit"):
        jpeg.load(bytes(data), at_least=0)


def test_a_thousand_scans_are_refused() -> None:
    data = films.encoded(films.picture(), "jpeg", progressive=True)
    scan = data.index(b"\xff\xda")
    with pytest.raises(UnreadableFilm, match="100 scans"):
        jpeg.load(data[:-2] + data[scan : scan + 12] * 1000 + data[-2:], at_least=0)
