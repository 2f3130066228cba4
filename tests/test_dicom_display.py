from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset

import films
from pneumoscope.dicom_display import header_code, to_display
from pneumoscope.errors import UnreadableFilm

GREY = films.picture()
TWELVE_BITS = GREY.astype(np.uint16) << 4
STRETCHED = "no display window, stretched"
UNUSABLE = "display window unusable, stretched instead"


def shown(stored: np.ndarray, **elements: Any) -> tuple[np.ndarray, tuple[str, ...]]:
    """The displayed pixels and the notes for stored values and header elements."""
    return to_display(stored, films.dataset(stored, **elements))


def lut(table: list[int], *, first: int = 0, bits: int = 16) -> Dataset:
    """An item of a modality or VOI LUT sequence."""
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(table) % 65_536, first, bits])
    item.add_new("LUTData", "US", table)
    return item


def test_eight_bits_without_a_window_stay_as_they_are() -> None:
    pixels, notes = shown(GREY)
    np.testing.assert_array_equal(pixels, GREY)
    assert notes == ()


def test_monochrome1_is_inverted() -> None:
    pixels, _ = shown(255 - GREY, PhotometricInterpretation="MONOCHROME1")
    np.testing.assert_array_equal(pixels, GREY)


def test_presentation_lut_shape_inverts_once() -> None:
    pixels, _ = shown(255 - GREY, PresentationLUTShape="INVERSE")
    np.testing.assert_array_equal(pixels, GREY)
    pixels, _ = shown(
        255 - GREY, PhotometricInterpretation="MONOCHROME1", PresentationLUTShape="INVERSE"
    )
    np.testing.assert_array_equal(pixels, GREY)
    pixels, _ = shown(GREY, PresentationLUTShape="IDENTITY")
    np.testing.assert_array_equal(pixels, GREY)


def test_window() -> None:
    values = np.array([[0, 999, 1000, 1500, 2000, 2001, 4095]], dtype=np.uint16)
    pixels, notes = shown(values, BitsStored=12, WindowCenter=1500.5, WindowWidth=1001)
    # PS3.3 C.11.2.1.2.1: black up to 1000, white from 2000, linear between.
    assert pixels.tolist() == [[0, 0, 0, 128, 255, 255, 255]]
    assert notes == ()


def test_window_wider_than_the_values_leaves_them_grey() -> None:
    pixels, _ = shown(TWELVE_BITS, BitsStored=12, WindowCenter=4096, WindowWidth=8192)
    np.testing.assert_allclose(pixels, TWELVE_BITS * (255 / 8191), atol=0.51)


def test_first_of_several_windows() -> None:
    both, _ = shown(TWELVE_BITS, WindowCenter=[2000, 500], WindowWidth=[3000, 100])
    one, _ = shown(TWELVE_BITS, WindowCenter=2000, WindowWidth=3000)
    np.testing.assert_array_equal(both, one)


def test_exact_and_sigmoid_windows() -> None:
    values = np.array([[0, 1000, 1500, 2000, 4095]], dtype=np.uint16)
    window = {"BitsStored": 12, "WindowCenter": 1500, "WindowWidth": 1000}
    exact, _ = shown(values, VOILUTFunction="LINEAR_EXACT", **window)
    assert exact.tolist() == [[0, 0, 128, 255, 255]]
    sigmoid, _ = shown(values, VOILUTFunction="SIGMOID", **window)
    expected = 255 / (1 + np.exp(-4 * (values - 1500.0) / 1000))
    np.testing.assert_allclose(sigmoid, expected, atol=0.51)


def test_rescale_comes_before_the_window() -> None:
    pixels, _ = shown(
        TWELVE_BITS, RescaleSlope=0.5, RescaleIntercept=-100, WindowCenter=900, WindowWidth=1500
    )
    plain, _ = shown(TWELVE_BITS, WindowCenter=2000, WindowWidth=3000)
    assert np.abs(pixels.astype(int) - plain).max() <= 1


def test_a_falling_slope_turns_the_greys_round() -> None:
    window = {"BitsStored": 12, "WindowCenter": 2000, "WindowWidth": 3000}
    pixels, _ = shown(4095 - TWELVE_BITS, RescaleSlope=-1, RescaleIntercept=4095, **window)
    expected, _ = shown(TWELVE_BITS, **window)
    np.testing.assert_array_equal(pixels, expected)


def test_signed_values() -> None:
    signed = TWELVE_BITS.astype(np.int16) - 2048
    pixels, _ = shown(signed, BitsStored=12, WindowCenter=-48, WindowWidth=3000)
    expected, _ = shown(TWELVE_BITS, BitsStored=12, WindowCenter=2000, WindowWidth=3000)
    np.testing.assert_array_equal(pixels, expected)
    eight, _ = shown((GREY.astype(int) - 128).astype(np.int8))
    np.testing.assert_array_equal(eight, GREY)


def test_without_a_window_deep_films_are_stretched() -> None:
    pixels, notes = shown(TWELVE_BITS)
    low, high = np.percentile(TWELVE_BITS, (0.5, 99.5))
    expected = np.clip((TWELVE_BITS - low) / (high - low), 0, 1) * 255
    assert np.abs(pixels - expected).max() < 3
    assert notes == (STRETCHED,)
    marked = TWELVE_BITS.copy()
    marked[0, :20] = 65_535  # a burnt-in marker must not darken the film
    assert np.abs(shown(marked)[0][1:].astype(int) - pixels[1:]).max() <= 3


def test_voi_lut_comes_before_the_window() -> None:
    table = [round(65_535 * (value / 4095) ** 2) for value in range(4096)]
    window = {"WindowCenter": 2000, "WindowWidth": 3000}
    pixels, notes = shown(TWELVE_BITS, BitsStored=12, VOILUTSequence=[lut(table)], **window)
    np.testing.assert_allclose(pixels, 255 * (TWELVE_BITS / 4095) ** 2, atol=0.51)
    assert notes == ()


def test_voi_lut_over_part_of_the_range_and_with_fewer_bits_than_it_says() -> None:
    table = list(range(1024))  # of 16 bits, by its descriptor
    values = np.array([[0, 500, 1000, 1512, 2023, 3000, 60_000]], dtype=np.uint16)
    pixels, _ = shown(values, VOILUTSequence=[lut(table, first=1000)])
    assert pixels.tolist() == [[0, 0, 0, 128, 255, 255, 255]]


def test_modality_lut() -> None:
    table = [4 * value for value in range(1024)]
    window = {"WindowCenter": 2000, "WindowWidth": 3000}
    pixels, _ = shown(TWELVE_BITS >> 2, ModalityLUTSequence=[lut(table)], **window)
    expected, _ = shown(TWELVE_BITS, **window)
    np.testing.assert_array_equal(pixels, expected)


def test_padding_is_black_and_does_not_count() -> None:
    padded = TWELVE_BITS.copy()
    padded[:, :60] = 65_535
    pixels, _ = shown(padded, PixelPaddingValue=65_535)
    assert pixels[:, :60].max() == 0
    assert pixels[:, 60:].max() == 255
    inverse, _ = shown(padded, PixelPaddingValue=65_535, PhotometricInterpretation="MONOCHROME1")
    assert inverse[:, :60].max() == 0
    assert np.abs(inverse[:, 60:].astype(int) - (255 - pixels[:, 60:])).max() <= 1


def test_padding_by_a_range() -> None:
    values = np.array([[0, 5, 10, 11, 200]], dtype=np.uint8)
    pixels, _ = shown(
        255 - values,
        PhotometricInterpretation="MONOCHROME1",
        PixelPaddingValue=255,
        PixelPaddingRangeLimit=100,
    )
    assert pixels.tolist() == [[0, 0, 0, 0, 200]]


def test_signed_padding() -> None:
    signed = TWELVE_BITS.astype(np.int16) - 2048
    signed[:, :60] = -32_768
    pixels, _ = shown(signed, PixelPaddingValue=-32_768, PhotometricInterpretation="MONOCHROME1")
    assert pixels[:, :60].max() == 0
    assert pixels[:, 60:].max() == 255


@pytest.mark.parametrize(
    "elements",
    [
        {"WindowCenter": 2000, "WindowWidth": 0},
        {"WindowCenter": 2000, "WindowWidth": -5},
        {"WindowCenter": 2000},
        {"WindowCenter": 60_000, "WindowWidth": 100},  # shows nothing of the picture
        {"WindowCenter": 2000, "WindowWidth": 3000, "VOILUTFunction": "CUBIC"},
        {"VOILUTSequence": [lut(list(range(16)), bits=5)]},
    ],
)
def test_an_unusable_window_is_replaced_by_stretching(elements: dict[str, Any]) -> None:
    pixels, notes = shown(TWELVE_BITS, **elements)
    np.testing.assert_array_equal(pixels, shown(TWELVE_BITS)[0])
    assert notes == (UNUSABLE,)


def test_a_flat_film_stays_flat() -> None:
    pixels, _ = shown(np.full((20, 20), 700, dtype=np.uint16))
    assert np.ptp(pixels) == 0


def test_rescale_values_that_are_no_numbers_are_refused() -> None:
    film = films.dataset(TWELVE_BITS)
    film.RescaleSlope = float("nan")
    film.RescaleIntercept = 0
    with pytest.raises(UnreadableFilm, match="unusable"):
        to_display(TWELVE_BITS, film)


def test_deeper_samples_are_refused() -> None:
    with pytest.raises(UnreadableFilm, match="16 bits"):
        shown(GREY.astype(np.uint32))


def test_header_codes() -> None:
    header = Dataset()
    header.Modality = ""
    header.StudyID = " chest "
    header.StudyDescription = "a name; or worse?"
    assert header_code(header, "Modality") is None
    assert header_code(header, "ViewPosition") is None
    assert header_code(header, "StudyID") == "CHEST"
    assert header_code(header, "StudyDescription") == "OTHER"
