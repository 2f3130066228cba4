from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

import films
import found_pictures
import not_films
from conftest import SAMPLE
from pneumoscope.film import Facts, Radiograph
from pneumoscope.inference.guard import Guard, examine
from pneumoscope.radiograph import load
from worst_films import WORST

FACTS = Facts("dicom", 300, 240, 12, colour=False, modality="CR", body_part="CHEST", view="PA")


def refuse(radiograph: Radiograph, guard: Guard) -> str | None:
    """The reason of a guard that has not been fitted, which mends nothing."""
    examined = examine(radiograph, guard)
    assert examined.radiograph is radiograph
    return examined.reason


def verdict(facts: Facts = FACTS, pixels: np.ndarray | None = None) -> str | None:
    """What the guard says of a chest-like film with these facts or these pixels."""
    return refuse(Radiograph(films.picture() if pixels is None else pixels, facts), Guard())


def test_json_and_back() -> None:
    guard = Guard(modalities=("DX",), min_side=100, max_aspect=3.0, min_contrast=9, max_clipped=0.4)
    written = json.loads(json.dumps(guard.to_json()))
    assert Guard.from_json(written) == guard
    assert Guard.from_json({}) == Guard()
    with pytest.raises(ValueError, match="unknown guard threshold: mood"):
        Guard.from_json({"mood": 1})


@pytest.mark.parametrize("kind", ["jpeg", "png", "tiff"])
def test_films_without_a_header_are_read(kind: str) -> None:
    for shape in ((240, 300), (300, 240), (64, 64), (130, 420)):
        assert refuse(load(films.encoded(films.picture(*shape), kind)), Guard()) is None


@pytest.mark.parametrize("modality", ["CR", "DX", "RG", None])
def test_radiograph_modalities_are_read(modality: str | None) -> None:
    assert verdict(replace(FACTS, modality=modality)) is None


@pytest.mark.parametrize("modality", ["CT", "MR", "US", "MG", "OT", "OTHER"])
def test_other_modalities_are_refused(modality: str) -> None:
    assert verdict(replace(FACTS, modality=modality)) == (
        f"modality {modality} is not a radiograph"
    )


@pytest.mark.parametrize(
    "body_part",
    [None, "CHEST", "THORAX", "PORT CHEST", "CHEST PA", "CHESTABDOMEN", "TORAX", "LUNG", "UNKNOWN"],
)
def test_chests_are_read(body_part: str | None) -> None:
    assert verdict(replace(FACTS, body_part=body_part)) is None


@pytest.mark.parametrize("body_part", ["EXTREMITY", "KNEE", "SKULL", "TSPINE", "ABDOMEN", "HAND"])
def test_other_body_parts_are_refused(body_part: str) -> None:
    assert verdict(replace(FACTS, body_part=body_part)) == (
        f"body part {body_part} is not the chest"
    )


@pytest.mark.parametrize(
    "view", [None, "PA", "AP", "AP SUPINE", "POSTERO-ANTERIOR", "BILATERAL", "OTHER"]
)
def test_frontal_views_are_read(view: str | None) -> None:
    assert verdict(replace(FACTS, view=view)) is None


@pytest.mark.parametrize(
    "view",
    [
        *("LL", "RL", "LAT", "LATERAL", "LEFT LATERAL", "CHEST_LAT", "L-LAT"),
        *("LLD", "LEFT DECUBITUS", "RAO", "LPO", "LEFT ANTERIOR OBLIQUE"),
    ],
)
def test_other_views_are_refused(view: str) -> None:
    assert verdict(replace(FACTS, view=view)) == f"view {view} is not frontal"


def test_the_header_of_a_dicom_film_is_heeded() -> None:
    assert refuse(load(films.dicom(films.picture())), Guard()) is None
    assert refuse(load(films.dicom(films.picture(), Modality="CT")), Guard())
    assert refuse(load(films.dicom(films.picture(), BodyPartExamined="KNEE")), Guard())
    assert refuse(load(films.dicom(films.picture(), ViewPosition="LL")), Guard())
    assert refuse(load(films.pydicom_film("RG1_UNCR.dcm")), Guard()) is None
    assert "EXTREMITY" in str(refuse(load(films.pydicom_film("RG3_UNCR.dcm")), Guard()))
    assert "CT" in str(refuse(load(films.pydicom_film("693_UNCR.dcm")), Guard()))


@pytest.mark.parametrize(("width", "height"), [(63, 300), (300, 63), (1, 1)])
def test_small_originals_are_refused(width: int, height: int) -> None:
    facts = replace(FACTS, width=width, height=height)
    assert verdict(facts) == f"too small ({width} x {height} pixels)"


def test_the_size_of_the_original_counts_not_that_of_the_reduced_scale() -> None:
    data = films.encoded(films.picture(320, 400), "jpeg")
    film = load(data, at_least=40)
    assert min(film.pixels.shape) < Guard().min_side
    assert refuse(film, Guard()) is None


def test_strips_are_refused() -> None:
    assert "long and narrow" in str(verdict(replace(FACTS, width=1000, height=249)))
    assert "long and narrow" in str(verdict(replace(FACTS, width=249, height=1000)))
    assert verdict(replace(FACTS, width=1000, height=250)) is None


def test_colour_pictures_are_refused() -> None:
    assert refuse(load(films.encoded(films.coloured(), "jpeg")), Guard()) == (
        "a colour picture, not a radiograph"
    )


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_blank_films_are_refused(grey: int) -> None:
    flat = np.full((240, 300), grey, dtype=np.uint8)
    assert "blank" in str(verdict(pixels=flat))
    noisy = np.clip(flat + np.random.default_rng(0).normal(0, 3, flat.shape), 0, 255)
    assert "blank" in str(verdict(pixels=noisy.astype(np.uint8)))
    flat[:10, :10] = 255 - grey  # a marker on a blank film
    assert "blank" in str(verdict(pixels=flat))


def test_drawings_are_refused() -> None:
    assert "few grey levels" in str(verdict(pixels=np.where(films.picture() > 128, 255, 0)))
    assert "few grey levels" in str(verdict(pixels=films.picture() // 32 * 32))


def test_large_films_are_judged_like_small_ones() -> None:
    large = films.picture(1200, 1500)
    assert verdict(replace(FACTS, width=1500, height=1200), large) is None
    assert "blank" in str(verdict(pixels=np.full((2000, 2000), 90, dtype=np.uint8)))


def test_thresholds_are_those_of_the_guard() -> None:
    film = Radiograph(films.picture(), FACTS)
    assert refuse(film, Guard(modalities=("DX",)))
    assert refuse(film, Guard(min_side=241))
    assert refuse(film, Guard(max_aspect=1.1))
    assert refuse(film, Guard(min_contrast=254))
    assert refuse(film, Guard(min_levels=256))


# --- a guard fitted to real films -----------------------------------------------------------------


def sample(*splits: str) -> list[Radiograph]:
    """Real films out of the sample that comes with the repository."""
    paths = [path for split in splits for path in sorted((SAMPLE / split).rglob("*.jpeg"))]
    return [load(path, at_least=180) for path in paths]


@pytest.fixture(scope="module")
def real() -> list[Radiograph]:
    """160 real films, of patients that the guard was not fitted to."""
    return sample("val", "test")


def changed(
    film: Radiograph, change: Callable[[np.ndarray], np.ndarray] = lambda pixels: pixels
) -> Radiograph:
    pixels = np.ascontiguousarray(change(film.pixels))
    height, width = pixels.shape
    return Radiograph(pixels, replace(film.facts, width=width, height=height))


def as_film(pixels: np.ndarray) -> Radiograph:
    return load(films.encoded(pixels, "png"))


def test_a_fitted_guard_is_json_and_small(film_guard: Guard) -> None:
    written = json.dumps(film_guard.to_json())
    assert len(written) < 150_000
    assert Guard.from_json(json.loads(written)) == film_guard
    assert Guard.from_json(json.loads(written)) != Guard()


def test_real_films_are_read_as_they_are(film_guard: Guard, real: list[Radiograph]) -> None:
    assert len(real) == 160
    examined = [examine(film, film_guard) for film in real]
    unread = [one.reason for one in examined if one.reason is not None]
    assert len(unread) <= 0.02 * len(real), unread
    for film, one in zip(real, examined, strict=True):
        assert one.radiograph is film  # no real film is turned or inverted


@pytest.mark.parametrize(
    ("change", "note"),
    [
        (lambda pixels: 255 - pixels, "film with inverted greys: mended"),
        (lambda pixels: np.rot90(pixels, 1), "film turned 90 degrees to the left: mended"),
        (lambda pixels: np.rot90(pixels, 2), "film turned 180 degrees: mended"),
        (lambda pixels: np.rot90(pixels, 3), "film turned 90 degrees to the right: mended"),
        (
            lambda pixels: 255 - np.rot90(pixels, 2),
            "film with inverted greys and turned 180 degrees: mended",
        ),
    ],
)
def test_no_inverted_or_turned_film_passes_silently(
    film_guard: Guard,
    real: list[Radiograph],
    change: Callable[[np.ndarray], np.ndarray],
    note: str,
) -> None:
    mended = 0
    for film in real:
        examined = examine(changed(film, change), film_guard)
        if examined.reason is None:
            assert examined.radiograph.facts.notes[-1] == note
            np.testing.assert_array_equal(examined.radiograph.pixels, film.pixels)
            facts = examined.radiograph.facts
            assert (facts.height, facts.width) == film.pixels.shape
            mended += 1
        else:
            assert "not certain" in examined.reason or "film" in examined.reason
    assert mended >= 0.9 * len(real)


def test_clipped_films_are_refused(film_guard: Guard, real: list[Radiograph]) -> None:
    for grey in (0, 255):
        pixels = real[0].pixels.copy()
        height, width = pixels.shape
        pixels[height // 4 : -height // 4, width // 4 : -width // 4] = grey
        clipped = Radiograph(pixels, real[0].facts)
        assert examine(clipped, film_guard).reason == (
            "clipped: most of the middle is wholly black or white"
        )
        assert examine(clipped, Guard()).reason is None  # older bundles do not ask


def test_mirrored_films_are_read(film_guard: Guard, real: list[Radiograph]) -> None:
    outcomes = [examine(changed(film, np.fliplr), film_guard) for film in real]
    assert sum(one.reason is None for one in outcomes) >= 0.98 * len(real)
    assert not any(one.radiograph.facts.notes for one in outcomes)


def test_what_is_no_chest_film_is_refused(film_guard: Guard) -> None:
    drawn = [(name, as_film(pixels)) for name, pixels in not_films.drawn()]
    found = [(name, as_film(pixels)) for name, pixels in found_pictures.found()]
    assert len(drawn) >= 240
    assert len(found) >= 45
    read = [name for name, film in drawn + found if examine(film, film_guard).reason is None]
    assert len(read) <= 0.02 * (len(drawn) + len(found)), read


def test_ct_mr_and_bones_are_refused_without_their_header(film_guard: Guard) -> None:
    scans = {name: as_film(pixels) for name, pixels in found_pictures.found() if "pydicom" in name}
    assert len(scans) >= 15
    read = [name for name, film in scans.items() if examine(film, film_guard).reason is None]
    assert len(read) <= 1, read


def test_a_lying_tag_does_not_pass(film_guard: Guard) -> None:
    # The tag of the film that is stored bright-on-dark says that it is stored dark-on-bright.
    stored = sample("test")[0].pixels
    lying = load(films.dicom(stored, PhotometricInterpretation="MONOCHROME1"))
    examined = examine(lying, film_guard)
    assert examined.reason is None
    assert examined.radiograph.facts.notes[-1] == "film with inverted greys: mended"
    np.testing.assert_array_equal(examined.radiograph.pixels, stored)


@pytest.mark.parametrize("name", WORST)
def test_the_worst_cases_end_in_a_reading_or_a_reason(
    film_guard: Guard, real: list[Radiograph], name: str
) -> None:
    expected, change = WORST[name]
    for number in (0, 30, 60, 90, 120):
        film = changed(real[number], change)
        for guard in (film_guard, Guard()):  # an older bundle's knows no films
            reason = examine(film, guard).reason
            assert reason is None or 0 < len(reason) < 90
        reason = examine(film, film_guard).reason
        assert expected == "either" or expected == ("read" if reason is None else "refused"), reason
