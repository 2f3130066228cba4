from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageOps

import films
from pneumoscope import pictures, radiograph
from pneumoscope.errors import UnreadableFilm
from pneumoscope.film import ROTATED

GREY = films.picture()
RGB = np.repeat(GREY[..., None], 3, axis=2)


@pytest.mark.parametrize("kind", ["png", "tiff"])
def test_grey_comes_through_unchanged(kind: str) -> None:
    film = pictures.load(films.encoded(GREY, kind), kind)
    np.testing.assert_array_equal(film.pixels, GREY)
    assert film.facts.format == kind
    assert film.facts.bits == 8
    assert not film.facts.colour
    assert film.facts.notes == ()


@pytest.mark.parametrize("kind", ["png", "tiff"])
def test_grey_in_three_channels_is_grey(kind: str) -> None:
    data = films.encoded(RGB, kind)
    film = pictures.load(data, kind)
    np.testing.assert_array_equal(film.pixels, GREY)
    assert not film.facts.colour
    assert pictures.probe(io.BytesIO(data), kind).colour  # the header cannot know


@pytest.mark.parametrize("kind", ["png", "tiff"])
def test_colour_is_noticed(kind: str) -> None:
    film = pictures.load(films.encoded(films.coloured(), kind), kind)
    assert film.facts.colour
    expected = Image.fromarray(films.coloured()).convert("L")
    np.testing.assert_array_equal(film.pixels, np.asarray(expected))


@pytest.mark.parametrize("kind", ["png", "tiff"])
@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_what_is_transparent_is_black(kind: str, mode: str) -> None:
    alpha = np.full(GREY.shape, 255, dtype=np.uint8)
    alpha[:100] = 0
    alpha[100:150] = 128
    picture = Image.fromarray(GREY).convert(mode)
    picture.putalpha(Image.fromarray(alpha))
    film = pictures.load(films.encoded(picture, kind), kind)
    assert film.pixels[:100].max() == 0
    np.testing.assert_allclose(film.pixels[100:150], GREY[100:150] * (128 / 255), atol=1.01)
    np.testing.assert_array_equal(film.pixels[150:], GREY[150:])
    assert not film.facts.colour


def test_palettes() -> None:
    grey = Image.fromarray(GREY).convert("P")
    np.testing.assert_array_equal(pictures.load(films.encoded(grey, "png"), "png").pixels, GREY)
    few = Image.fromarray(films.coloured()).quantize(16)
    film = pictures.load(films.encoded(few, "png"), "png")
    assert film.facts.colour
    assert film.facts.bits == 4
    np.testing.assert_array_equal(film.pixels, np.asarray(few.convert("RGB").convert("L")))


def test_a_transparent_palette_entry_is_black() -> None:
    picture = Image.fromarray(GREY).convert("P")
    brightest = int(np.asarray(picture).max())
    film = pictures.load(films.encoded(picture, "png", transparency=brightest), "png")
    np.testing.assert_array_equal(film.pixels, np.where(brightest == GREY, 0, GREY))


@pytest.mark.parametrize("kind", ["png", "tiff"])
def test_one_bit(kind: str) -> None:
    film = pictures.load(films.encoded(Image.fromarray(GREY > 128), kind), kind)
    np.testing.assert_array_equal(film.pixels, np.where(GREY > 128, 255, 0))
    assert film.facts.bits == 1


@pytest.mark.parametrize("kind", ["png", "tiff"])
def test_sixteen_bits_over_the_whole_range(kind: str) -> None:
    deep = GREY.astype(np.uint16) * 257
    film = pictures.load(films.encoded(deep, kind), kind)
    np.testing.assert_array_equal(film.pixels, GREY)
    assert film.facts.bits == 16
    assert film.facts.notes == ()


@pytest.mark.parametrize("kind", ["png", "tiff"])
def test_twelve_bits_stored_in_sixteen_are_not_black(kind: str) -> None:
    deep = GREY.astype(np.uint16) * 16 + 5
    film = pictures.load(films.encoded(deep, kind), kind)
    np.testing.assert_array_equal(film.pixels, GREY)
    assert film.facts.notes == ("16-bit samples use 12 bits only",)


def test_sixteen_bits_big_endian() -> None:
    data = films.encoded(Image.fromarray((GREY.astype(np.uint16) * 257).astype(">u2")), "tiff")
    assert data[:2] == b"MM"
    np.testing.assert_array_equal(pictures.load(data, "tiff").pixels, GREY)


@pytest.mark.parametrize("bits", [8, 16])
def test_a_tiff_with_white_as_zero_is_inverted(bits: int) -> None:
    stored = (255 - GREY) if bits == 8 else (255 - GREY).astype(np.uint16) * 257
    data = films.encoded(stored, "tiff", tiffinfo={262: 0})
    assert Image.open(io.BytesIO(data)).tag_v2[262] == 0
    if bits == 8:  # Pillow inverts while it writes as well
        np.testing.assert_array_equal(pictures.load(data, "tiff").pixels, 255 - GREY)
    else:
        np.testing.assert_array_equal(pictures.load(data, "tiff").pixels, GREY)


@pytest.mark.parametrize(
    "compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits", "tiff_ccitt", "jpeg"]
)
def test_compressed_tiffs(compression: str) -> None:
    if compression == "tiff_ccitt":
        source = Image.fromarray(GREY > 128)
        expected = np.where(GREY > 128, 255, 0)
    else:
        source, expected = Image.fromarray(GREY), GREY.astype(int)
    data = films.encoded(source, "tiff", compression=compression)
    error = np.abs(pictures.load(data, "tiff").pixels.astype(int) - expected).mean()
    assert error < (4 if compression == "jpeg" else 1e-9)


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        (GREY.astype(np.float32), "floating-point"),
        (GREY.astype(np.int32), "signed or 32-bit"),
    ],
)
def test_samples_that_are_not_read(samples: np.ndarray, expected: str) -> None:
    with pytest.raises(UnreadableFilm, match=f"TIFF with {expected} samples"):
        pictures.load(films.encoded(samples, "tiff"), "tiff")


@pytest.mark.parametrize("kind", ["png", "tiff"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_applied_and_noted(kind: str, orientation: int) -> None:
    for picture in (GREY, GREY.astype(np.uint16) * 257):
        data = films.encoded(picture, kind, exif=films.exif(orientation))
        film = pictures.load(data, kind)
        upside = Image.fromarray(GREY)
        upside.getexif()[0x0112] = orientation
        np.testing.assert_array_equal(film.pixels, np.asarray(ImageOps.exif_transpose(upside)))
        assert film.pixels.shape == (film.facts.height, film.facts.width)
        assert film.facts.notes == (() if orientation == 1 else (ROTATED,))


@pytest.mark.parametrize("kind", ["png", "tiff"])
def test_a_film_cut_short_is_refused(kind: str) -> None:
    data = films.encoded(GREY, kind)
    for share in (0.3, 0.7, 0.95):
        with pytest.raises(UnreadableFilm, match=f"truncated {kind.upper()}"):
            radiograph.load(data[: int(len(data) * share)])


@pytest.mark.parametrize(("kind", "frames"), [("png", 3), ("tiff", 2)])
def test_more_than_one_frame_is_refused(kind: str, frames: int) -> None:
    others = [Image.fromarray(films.picture(seed=seed)) for seed in (1, 2)]
    data = films.encoded(GREY, kind, save_all=True, append_images=others)
    assert pictures.probe(io.BytesIO(data), kind).frames == frames
    with pytest.raises(UnreadableFilm, match="more than one frame"):
        pictures.load(data, kind)


def test_probe_of_a_png_decodes_nothing() -> None:
    data = bytearray(films.encoded(GREY, "png"))
    start = data.index(b"IDAT")
    data[start + 4 : start + 400] = bytes(396)
    facts = pictures.probe(io.BytesIO(bytes(data)), "png")
    assert (facts.width, facts.height, facts.bits) == (300, 240, 8)


def test_a_tiff_page_that_names_itself_as_the_next_is_one_page() -> None:
    page = films.tiff_of_size(4, 4)
    film = pictures.load(page[:-4] + struct.pack("<I", 24), "tiff")
    assert film.pixels.shape == (4, 4)
