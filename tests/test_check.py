from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from pneumoscope.data.catalog import Catalog, open_catalog
from pneumoscope.data.check import Count, check
from pneumoscope.data.split import make_split
from trees import SAMPLE, make_tree, picture, write_film


def test_counts_balance_and_patients(tmp_path: Path) -> None:
    make_tree(
        tmp_path,
        [
            "train/NORMAL/IM-0001-0001.jpeg",
            "train/PNEUMONIA/person1_bacteria_1.jpeg",
            "train/PNEUMONIA/person1_bacteria_2.jpeg",
            "val/PNEUMONIA/person2_virus_1.jpeg",
            "test/NORMAL/IM-0002-0001.jpeg",
        ],
    )
    report = check(open_catalog(tmp_path))
    assert report.counts == (
        Count("train", "NORMAL", "normal", 1, 1),
        Count("train", "PNEUMONIA", "bacterial", 2, 1),
        Count("val", "PNEUMONIA", "viral", 1, 1),
        Count("test", "NORMAL", "normal", 1, 1),
    )
    assert (report.films, report.patients, report.patients_known) == (5, 4, True)
    assert report.positive_share == 0.75
    assert report.class_weights == (2.0, pytest.approx(2 / 3))
    assert report.beside_own_patient == pytest.approx((1 + 1 - 0.4) / 4)
    assert report.formats == {"JPEG, 8 bit": 5}
    assert report.widths == (96, 96, 96)
    assert report.heights == (80, 80, 80)
    assert report.problems == ()


def test_the_estimate_of_films_beside_their_patient_is_what_random_splits_give() -> None:
    catalog = open_catalog(SAMPLE / "chest_xray")
    patient = dict(zip(catalog.keys, catalog.patients, strict=True))
    shares = []
    for seed in range(40):
        split = make_split(catalog, method="random", seed=seed)
        training = {patient[key] for key in split.train}
        shares.append(np.mean([patient[key] in training for key in split.val]))
    estimate = check(catalog).beside_own_patient
    assert estimate == pytest.approx(float(np.mean(shares)), abs=0.02)


def test_unreadable_films_are_listed_with_their_reason(tmp_path: Path) -> None:
    root = make_tree(tmp_path, ["NORMAL/a.png", "NORMAL/b.png", "PNEUMONIA/c.png"])
    (root / "NORMAL" / "a.png").write_bytes(b"")
    (root / "PNEUMONIA" / "d.jpeg").write_text("not a film")
    catalog = open_catalog(root)
    (root / "NORMAL" / "b.png").unlink()
    report = check(catalog)
    assert set(report.unreadable) == {"NORMAL/a.png", "NORMAL/b.png", "PNEUMONIA/d.jpeg"}
    assert all(report.unreadable.values())
    assert report.problems == ("Films that cannot be read: 3.",)
    assert report.formats == {"PNG, 8 bit": 1}


def test_nothing_readable_at_all(tmp_path: Path) -> None:
    for name in ("NORMAL/a.png", "PNEUMONIA/b.png"):
        path = tmp_path / name
        path.parent.mkdir()
        path.write_bytes(b"no")
    report = check(open_catalog(tmp_path))
    assert len(report.unreadable) == 2
    assert report.widths is None
    json.dumps(report.to_json(), allow_nan=False)


@pytest.fixture
def twice(tmp_path: Path) -> Catalog:
    """Films of which some are the same picture, by file or by sight, across splits and labels."""
    root = make_tree(
        tmp_path,
        [f"train/NORMAL/{i}.png" for i in range(4)]
        + [f"train/PNEUMONIA/{i}.png" for i in range(4)]
        + [f"val/NORMAL/{i}.png" for i in range(2)],
    )
    write_film(root / "val/NORMAL/copy.png", 0)  # the same file as train/NORMAL/0.png
    write_film(root / "train/PNEUMONIA/copy.png", 1)  # the same as train/NORMAL/1.png
    picture(5, width=200, height=150).save(root / "train/PNEUMONIA/resized.jpeg")
    picture(5, width=300, height=200).save(root / "train/PNEUMONIA/larger.jpeg")
    return open_catalog(root)


def test_the_same_picture_twice(twice: Catalog) -> None:
    report = check(twice)
    assert set(report.identical) == {
        ("train/NORMAL/0.png", "val/NORMAL/copy.png"),
        ("train/NORMAL/1.png", "train/PNEUMONIA/copy.png"),
    }
    assert report.look_alike == (
        (
            "train/PNEUMONIA/1.png",
            "train/PNEUMONIA/larger.jpeg",
            "train/PNEUMONIA/resized.jpeg",
        ),
    )
    assert report.across_splits == (("train/NORMAL/0.png", "val/NORMAL/copy.png"),)
    assert report.conflicting_labels == (("train/NORMAL/1.png", "train/PNEUMONIA/copy.png"),)
    assert report.problems == (
        "Groups of the same picture in more than one split: 1.",
        "Groups of the same picture with different labels: 1.",
    )


def test_look_alikes_take_their_identical_files_along(twice: Catalog) -> None:
    picture(0, width=200, height=150).save(twice.root / "train/NORMAL/other.jpeg")
    report = check(open_catalog(twice.root))
    group = ("train/NORMAL/0.png", "train/NORMAL/other.jpeg", "val/NORMAL/copy.png")
    assert group in report.look_alike
    assert report.across_splits == (group,)


def test_patients_in_several_splits(tmp_path: Path) -> None:
    root = make_tree(
        tmp_path,
        [
            "train/PNEUMONIA/person1_virus_1.jpeg",
            "test/PNEUMONIA/person1_virus_2.jpeg",
            "train/PNEUMONIA/person1_bacteria_1.jpeg",
            "train/NORMAL/IM-0001-0001.jpeg",
        ],
    )
    report = check(open_catalog(root))
    assert report.patients_across_splits == {
        "person1_virus": (
            "test/PNEUMONIA/person1_virus_2.jpeg",
            "train/PNEUMONIA/person1_virus_1.jpeg",
        )
    }
    assert report.problems == ("Patients in more than one split: 1.",)


def test_one_class_is_a_problem_and_not_an_error(tmp_path: Path) -> None:
    report = check(open_catalog(make_tree(tmp_path, ["NORMAL/a.png", "NORMAL/b.png"])))
    assert report.class_weights is None
    assert report.problems == ("Only one class has films.",)
    assert not report.patients_known
    assert report.beside_own_patient is None


def test_the_sample_is_sound_and_size_gives_its_labels_away() -> None:
    catalog = open_catalog(SAMPLE / "chest_xray", sizes=SAMPLE / "original_sizes.csv")
    report = check(catalog)
    assert report.problems == ()
    assert report.held_out == 0  # its test patients are in its own test folder
    assert report.unreadable == {}
    assert report.widths == report.heights == (224, 224, 224)
    assert report.size_probe.source == "original"
    assert report.size_probe.telling
    assert report.size_probe.pixels is not None
    assert report.size_probe.pixels.auc.n == 600
    assert report.size_probe.pixels.positive_films_are == "smaller"
    for group in report.identical:
        assert len({key.rpartition("_")[0] for key in group}) == 1  # one patient each
    assert len(report.identical) == 2
    assert report.look_alike == ()


def test_films_of_the_samples_test_patients_are_counted_elsewhere() -> None:
    catalog = open_catalog(SAMPLE / "chest_xray")
    moved = catalog.keep(
        dataclasses.replace(film, split="train") if film.split == "test" else film
        for film in catalog.films
    )
    assert check(moved).held_out == 144


def test_the_report_as_json(twice: Catalog) -> None:
    report = json.loads(json.dumps(check(twice).to_json(), allow_nan=False))
    assert report["classes"] == ["NORMAL", "PNEUMONIA"]
    assert report["class_weights"].keys() == {"NORMAL", "PNEUMONIA"}
    assert report["counts"][0] == {
        "split": "train",
        "class_name": "NORMAL",
        "subtype": "normal",
        "films": 4,
        "patients": 4,
    }
    assert len(report["identical"]) == 2
    assert len(report["problems"]) == 2
    assert report["size_probe"]["source"] == "file"
