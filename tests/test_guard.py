from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

import films
from pneumoscope.film import Facts, Radiograph
from pneumoscope.inference.guard import Guard, refuse
from pneumoscope.radiograph import load

FACTS = Facts("dicom", 300, 240, 12, colour=False, modality="CR", body_part="CHEST", view="PA")


def verdict(facts: Facts = FACTS, pixels: np.ndarray | None = None) -> str | None:
    """What the guard says of a chest-like film with these facts or these pixels."""
    return refuse(Radiograph(films.picture() if pixels is None else pixels, facts), Guard())


def test_json_and_back() -> None:
    guard = Guard(modalities=("DX",), min_side=100, max_aspect=3.0, min_contrast=9, min_levels=4)
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
