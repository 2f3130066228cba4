from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from bundles import LABELLED, make_bundle, seen, write_brightness, write_labelled
from pneumoscope.data.catalog import Catalog, open_catalog
from pneumoscope.errors import PneumoscopeError, UsageError
from pneumoscope.evaluation.selection import (
    OPENINGS,
    Selection,
    data_name,
    record_opening,
    run_folder,
    select_films,
    select_unseen,
)
from pneumoscope.inference.bundle import Bundle, SeenFilm, hash_patient


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_labelled(tmp_path / "chest" / "test")
    for seed in range(3):
        write_brightness(
            tmp_path / "chest" / "train" / "NORMAL" / f"IM-9{seed}-0001.png", 0, seed=90 + seed
        )
    return tmp_path / "chest"


def bundle_that_saw(tmp_path: Path, *films: SeenFilm) -> Bundle:
    return make_bundle(tmp_path / "b.pneumo", films=films)


def select(where: Path, bundle: Bundle, split: str) -> Selection:
    return select_films(open_catalog(where), bundle, split, progress=False)


def keys(catalog: Catalog) -> set[str]:
    return {film.key for film in catalog.films}


def test_test_is_the_test_folder(root: Path, tmp_path: Path) -> None:
    selection = select(root, bundle_that_saw(tmp_path), "test")
    assert keys(selection.catalog) == {f"test/{name}" for name in LABELLED}
    assert selection.notes == ()
    assert selection.warnings == ()
    for film, digest in zip(selection.catalog.films, selection.sha256, strict=True):
        assert digest == hashlib.sha256(film.path.read_bytes()).hexdigest()


def test_a_folder_without_splits_is_all_test_and_that_is_said(tmp_path: Path) -> None:
    root = write_labelled(tmp_path / "ward")
    selection = select(root, bundle_that_saw(tmp_path), "test")
    assert keys(selection.catalog) == set(LABELLED)
    assert selection.notes == (
        "The folder has no splits, so all of its films are taken for test films.",
    )


def test_splits_without_a_test_are_an_error(tmp_path: Path) -> None:
    root = tmp_path / "chest"
    write_labelled(root / "train")
    with pytest.raises(UsageError, match="chest has no test films; its splits: train"):
        select(root, bundle_that_saw(tmp_path), "test")
    with pytest.raises(UsageError, match="test or val, not train"):
        select(root, bundle_that_saw(tmp_path), "train")


def test_val_is_what_the_bundle_lists_wherever_it_lies(root: Path, tmp_path: Path) -> None:
    train = sorted((root / "train").rglob("*.png"))
    elsewhere = SeenFilm("f" * 64, "0" * 64, "0" * 16, "val")
    bundle = bundle_that_saw(
        tmp_path, seen(train[0], "val"), seen(train[1], "train"), seen(train[2], "val"), elsewhere
    )
    selection = select(root, bundle, "val")
    assert [film.path for film in selection.catalog.films] == [train[0], train[2]]
    assert len(selection.sha256) == 2
    assert selection.warnings == ()
    assert selection.notes == (
        "2 of the bundle's 3 validation films were found.",
        "Epoch, calibration and thresholds were chosen on these films.",
    )


def test_unseen_is_what_neither_trained_nor_lies_in_a_test_folder(
    root: Path, tmp_path: Path
) -> None:
    train = sorted((root / "train").rglob("*.png"))
    bundle = bundle_that_saw(tmp_path, seen(train[0], "train", patient="a"), seen(train[1], "val"))
    found = select_unseen(open_catalog(root), bundle, progress=False)
    assert found.split == "unseen"
    assert keys(found.catalog) == {path.relative_to(root).as_posix() for path in train[1:]}
    assert found.trained_on == (train[0].relative_to(root).as_posix(),)
    assert len(found.sha256) == 2
    assert found.notes == (
        "11 test films were left alone; --split test opens them.",
        "1 films are validation films of this bundle: its epoch, calibration and thresholds were "
        "chosen on them.",
    )
    opened = select_unseen(open_catalog(root), bundle, split="test", progress=False)
    assert keys(opened.catalog) == {f"test/{name}" for name in LABELLED}
    assert opened.notes == ()


def test_val_needs_validation_films(root: Path, tmp_path: Path) -> None:
    with pytest.raises(PneumoscopeError, match="lists no validation films"):
        select(root, bundle_that_saw(tmp_path), "val")
    elsewhere = SeenFilm("f" * 64, "0" * 64, "0" * 16, "val")
    with pytest.raises(UsageError, match="None of the bundle's 1 validation films is in chest"):
        select(root, bundle_that_saw(tmp_path, elsewhere), "val")


def test_films_and_patients_that_trained_are_warned_of(root: Path, tmp_path: Path) -> None:
    film = root / "test" / "PNEUMONIA" / "person90001_bacteria_1.png"
    other = root / "test" / "NORMAL" / "NORMAL2-IM-90002-0001.png"
    bundle = bundle_that_saw(
        tmp_path,
        seen(film, "train", patient="person90001_bacteria"),
        seen(other, "val", patient="NORMAL2-IM-90002"),
    )
    selection = select(root, bundle, "test")
    assert selection.trained_on == ("test/PNEUMONIA/person90001_bacteria_1.png",)
    assert selection.validated_on == ("test/NORMAL/NORMAL2-IM-90002-0001.png",)
    assert selection.patient_trained_on == (
        "test/PNEUMONIA/person90001_bacteria_1.png",
        "test/PNEUMONIA/person90001_bacteria_2.png",
    )
    trained, same_patient, validated = selection.warnings
    assert trained.startswith("1 of the 11 films were trained on")
    assert same_patient.startswith(
        "1 of the 11 films are of patients trained on, though not listed"
    )
    assert validated.startswith("1 of the 11 films are validation films of this bundle")


def test_unknown_patients_match_no_patient(tmp_path: Path) -> None:
    # A bundle trained on a folder of the same shape lists the same keys in the place of patients.
    write_brightness(tmp_path / "ward" / "NORMAL" / "a.png", 0)
    write_brightness(tmp_path / "ward" / "PNEUMONIA" / "b.png", 1)
    listed = SeenFilm("f" * 64, "0" * 64, hash_patient("salt", "NORMAL/a.png"), "train")
    bundle = bundle_that_saw(tmp_path, listed)
    selection = select(tmp_path / "ward", bundle, "test")
    assert selection.patient_trained_on == ()
    assert any("Patients are not known" in note for note in selection.notes)


def test_other_class_names_are_said(tmp_path: Path) -> None:
    write_brightness(tmp_path / "ward" / "healthy" / "a.png", 0)
    write_brightness(tmp_path / "ward" / "COVID" / "b.png", 1)
    selection = select(tmp_path / "ward", bundle_that_saw(tmp_path), "test")
    assert (
        "The bundle calls NORMAL or PNEUMONIA, the films are healthy or COVID: COVID is taken for "
        "PNEUMONIA." in selection.notes
    )


def test_the_fingerprint_is_of_the_content_alone(tmp_path: Path) -> None:
    bundle = bundle_that_saw(tmp_path)
    first = select(write_labelled(tmp_path / "a"), bundle, "test")
    (tmp_path / "b").mkdir()
    moved = tmp_path / "b" / "chest"
    write_labelled(moved / "test")
    again = select(moved, bundle, "test")
    assert first.fingerprint == again.fingerprint
    write_brightness(moved / "test" / "NORMAL" / "NORMAL2-IM-90001-0001.png", 2)
    assert select(moved, bundle, "test").fingerprint != first.fingerprint


def test_a_file_that_cannot_be_opened_has_no_digest(root: Path, tmp_path: Path) -> None:
    catalog = open_catalog(root)
    gone = catalog.select(["test"]).films[0]
    gone.path.unlink()
    selection = select_films(catalog, bundle_that_saw(tmp_path), "test", progress=False)
    assert selection.sha256[0] == ""
    assert all(selection.sha256[1:])


def test_the_name_of_the_data_is_no_path(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert data_name(open_catalog(root)) == "chest"
    monkeypatch.chdir(root)
    assert data_name(open_catalog(".")) == "chest"


def test_a_run_folder_is_where_run_json_lies(tmp_path: Path) -> None:
    bundle = bundle_that_saw(tmp_path)
    assert run_folder(bundle) is None
    (tmp_path / "run.json").write_text("{}")
    assert run_folder(bundle) == tmp_path


def test_openings_are_appended_line_by_line(tmp_path: Path) -> None:
    assert record_opening(tmp_path, {"films": 1}) == tmp_path / OPENINGS
    record_opening(tmp_path, {"films": 2, "name": "é"})
    lines = (tmp_path / OPENINGS).read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [{"films": 1}, {"films": 2, "name": "é"}]


def test_an_opening_that_cannot_be_recorded_stops(tmp_path: Path) -> None:
    (tmp_path / OPENINGS).mkdir()
    with pytest.raises(PneumoscopeError, match="cannot be recorded"):
        record_opening(tmp_path, {})
