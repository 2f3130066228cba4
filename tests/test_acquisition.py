from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from pneumoscope.data.acquisition import (
    FOLD_SHARE,
    SHIFT_FOLDS,
    SHIFT_SHARE,
    Acquisition,
    counter_stereotype,
    measure,
    sharpness,
    shift_films,
    shift_fold,
    within_class,
)
from pneumoscope.data.catalog import Catalog, Film, open_catalog
from pneumoscope.errors import PneumoscopeError
from trees import SAMPLE


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Acquisition:
    catalog = open_catalog(SAMPLE / "chest_xray", sizes=SAMPLE / "original_sizes.csv")
    return measure(catalog, cache=tmp_path_factory.mktemp("cache"), progress=False)


def film(key: str, label: int, patient: str, side: int | None) -> Film:
    return Film(Path(key), key, label, "", patient, "", side, side)


def made(sides: list[tuple[int, int | None]]) -> Acquisition:
    """Films of (label, side), a patient each; aspect and sharpness follow the size."""
    films = tuple(film(f"{i}.png", label, f"p{i}", side) for i, (label, side) in enumerate(sides))
    size = np.array([float(side**2) if side else np.nan for _, side in sides])
    return Acquisition(films, size, size, size, np.arange(len(films)) / len(films))


def test_what_is_known_of_the_sample(sample: Acquisition) -> None:
    known = np.isfinite(sample.size)
    normal, pneumonia = known & ~sample.labels, known & sample.labels
    assert np.median(sample.size[normal]) > 1.5 * np.median(sample.size[pneumonia])
    assert np.median(sample.aspect[normal]) < np.median(sample.aspect[pneumonia])
    assert np.isfinite(sample.sharpness).all()
    place = sample.series[[f.patient.startswith("NORMAL2") for f in sample.films]]
    assert (place.min(), place.max()) == (0, 1)


def test_the_shift_takes_its_share_of_each_class_and_whole_patients(sample: Acquisition) -> None:
    taken = shift_films(sample)
    films = {f.key: f for f in sample.films}
    for label in (0, 1):
        count = sum(f.label == label for f in sample.films)
        assert sum(films[key].label == label for key in taken) == pytest.approx(
            SHIFT_SHARE * count, abs=3
        )
    patients = {films[key].patient for key in taken}
    assert taken == {f.key for f in sample.films if f.patient in patients}
    assert all(films[key].width for key in taken)


def test_the_shift_turns_the_stereotype_round(sample: Acquisition) -> None:
    taken = np.array([f.key in shift_films(sample) for f in sample.films])
    normal, pneumonia = taken & ~sample.labels, taken & sample.labels
    assert np.median(sample.size[normal]) < np.median(sample.size[pneumonia])
    assert np.median(sample.aspect[normal]) > np.median(sample.aspect[pneumonia])
    assert np.median(sample.sharpness[normal]) < np.median(sample.sharpness[pneumonia])


@pytest.mark.parametrize("fold", SHIFT_FOLDS)
def test_every_fold_has_both_classes(sample: Acquisition, fold: str) -> None:
    taken = shift_fold(sample, fold)
    labels = Counter(f.label for f in sample.films if f.key in taken)
    for label in (0, 1):
        count = sum(f.label == label for f in sample.films)
        assert labels[label] == pytest.approx(FOLD_SHARE * count, abs=6)


def test_folds_are_what_their_names_say() -> None:
    # Ten normal films of 110 to 200 px and ten pneumonia films of 10 to 100 px.
    facts = made([(0, 100 + 10 * i) for i in range(1, 11)] + [(1, 10 * i) for i in range(1, 11)])
    small_normal_large_pneumonia = {"0.png", "1.png", "18.png", "19.png"}
    assert shift_fold(facts, "size") == small_normal_large_pneumonia
    assert shift_fold(facts, "size-converse") == {"8.png", "9.png", "10.png", "11.png"}
    assert shift_films(facts, share=0.2) == small_normal_large_pneumonia
    assert shift_fold(facts, "series") == {"8.png", "9.png", "18.png", "19.png"}
    with pytest.raises(ValueError, match="no shift fold 'colour'"):
        shift_fold(facts, "colour")


def test_films_without_a_size_are_never_taken() -> None:
    facts = made([(0, 100), (0, 120), (0, None), (1, 50), (1, 60), (1, None)])
    assert shift_films(facts, share=1.0) == {"0.png", "1.png", "3.png", "4.png"}


def test_a_patient_of_both_classes_stays_whole() -> None:
    facts = made([(0, 100), (0, 120), (1, 50), (1, 60)])
    films = tuple(
        film(f.key, f.label, "both" if f.key in ("0.png", "3.png") else f.patient, f.width)
        for f in facts.films
    )
    facts = Acquisition(films, facts.size, facts.aspect, facts.sharpness, facts.series)
    assert shift_films(facts, share=0.5) == {"1.png", "2.png"}


def test_counter_stereotype_is_the_quarter_at_the_other_end() -> None:
    films = made([(0, 100 + i) for i in range(8)] + [(1, 10 + i) for i in range(8)]).films
    assert counter_stereotype(films) == {"0.png", "1.png", "14.png", "15.png"}
    assert counter_stereotype(films[:8]) == frozenset()
    assert counter_stereotype([film("x.png", 0, "x", None)]) == frozenset()


def test_sharpness_falls_with_blur_and_not_with_contrast() -> None:
    rng = np.random.default_rng(0)
    grey = 128 + 40 * gaussian_filter(rng.standard_normal((180, 180)), 1) / 0.28
    film = np.clip(grey, 0, 255).astype(np.uint8)
    blurred = np.clip(gaussian_filter(grey, 1), 0, 255).astype(np.uint8)
    flat = np.clip(128 + (grey - 128) / 2, 0, 255).astype(np.uint8)
    assert sharpness(blurred) < sharpness(film) - 1
    assert sharpness(flat) == pytest.approx(sharpness(film), abs=0.1)


def test_without_sizes_there_is_no_shift(films: Path, cache: Path) -> None:
    with pytest.raises(PneumoscopeError, match=r"No original size is known .* --sizes"):
        measure(open_catalog(films), cache=cache)


def test_an_unreadable_film_has_no_sharpness(tmp_path: Path, cache: Path) -> None:
    catalog = open_catalog(SAMPLE / "chest_xray", sizes=SAMPLE / "original_sizes.csv")
    broken = tmp_path / "broken.jpeg"
    broken.write_bytes(b"\xff\xd8\xff and no more")
    first, *rest = catalog.films[:8]
    bad = Film(broken, first.key, first.label, "", first.patient, "", 900, 700)
    facts = measure(Catalog(tmp_path, (bad, *rest), catalog.classes, True), cache=cache)
    assert np.isnan(facts.sharpness[0])
    assert np.isfinite(facts.sharpness[1:]).all()
    assert bad.key not in shift_films(facts, share=1.0)


def test_acquisition_is_told_beside_the_films_of_the_same_class(sample: Acquisition) -> None:
    found = within_class(sample)
    assert found.shape == (len(sample.films), 3)
    assert np.abs(found).max() <= 3
    known = np.isfinite(sample.size)
    assert (found[~known, :2] == 0).all()
    for side in (sample.labels, ~sample.labels):
        own = found[side & known]
        assert own.mean(axis=0) == pytest.approx(0, abs=0.1)
        assert own.std(axis=0) == pytest.approx(1, abs=0.2)
        order = np.argsort(sample.size[side & known])
        assert (np.diff(own[order, 0]) >= 0).all()


def test_a_class_without_known_sizes_tells_nothing() -> None:
    facts = made([(0, 100), (0, 200), (0, 300), (1, None), (1, None)])
    found = within_class(facts)
    assert (found[3:, :2] == 0).all()
    assert found[0, 0] < found[1, 0] < found[2, 0]
