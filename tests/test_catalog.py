from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from pneumoscope.data.catalog import (
    class_weights,
    held_out_patients,
    is_held_out,
    kaggle_patient,
    open_catalog,
)
from pneumoscope.errors import PneumoscopeError, UsageError
from trees import SAMPLE, touch


def tree(root: Path, *names: str) -> Path:
    for name in names:
        touch(root / name)
    return root


@pytest.mark.parametrize(
    ("name", "patient"),
    [
        ("person1_bacteria_2.jpeg", "person1_bacteria"),
        ("person1_virus_6.jpeg", "person1_virus"),
        ("person1372_virus_2365_1.jpeg", "person1372_virus"),
        ("IM-0115-0001.jpeg", "IM-0115"),
        ("IM-0115-0001-0002.jpeg", "IM-0115"),
        ("NORMAL2-IM-1427-0001.jpeg", "NORMAL2-IM-1427"),
        ("NORMAL2-IM-0587-0001-0002.png", "NORMAL2-IM-0587"),
        ("BACTERIA-1008087-0001.jpeg", "BACTERIA-1008087"),
        ("IM-0115-0001.dcm", None),  # OsiriX counts series like this
        ("IM-0115.jpeg", None),
        ("xperson1_virus_6.jpeg", None),
        ("person1_fungus_6.jpeg", None),
    ],
)
def test_patients_in_kaggle_names(name: str, patient: str | None) -> None:
    assert kaggle_patient(Path("train/NORMAL") / name) == patient


def test_kaggle_tree_becomes_one_table(tmp_path: Path) -> None:
    tree(
        tmp_path,
        "train/PNEUMONIA/person1_virus_6.jpeg",
        "train/PNEUMONIA/person1_bacteria_2.jpeg",
        "train/NORMAL/IM-0115-0001.jpeg",
        "test/NORMAL/IM-0001-0001.jpeg",
    )
    catalog = open_catalog(tmp_path)
    assert catalog.classes == ("NORMAL", "PNEUMONIA")
    assert catalog.keys == (
        "test/NORMAL/IM-0001-0001.jpeg",
        "train/NORMAL/IM-0115-0001.jpeg",
        "train/PNEUMONIA/person1_bacteria_2.jpeg",
        "train/PNEUMONIA/person1_virus_6.jpeg",
    )
    np.testing.assert_array_equal(catalog.labels, [0, 0, 1, 1])
    assert [film.subtype for film in catalog.films] == ["normal", "normal", "bacterial", "viral"]
    assert catalog.patients == ("IM-0001", "IM-0115", "person1_bacteria", "person1_virus")
    assert catalog.patients_known
    assert not catalog.fixed_split
    assert catalog.select(["test", "val"]).keys == ("test/NORMAL/IM-0001-0001.jpeg",)
    assert catalog.select("train").keys == catalog.keys[1:]
    assert catalog.pick(catalog.keys[::-1]).keys == catalog.keys[::-1]


def test_keys_do_not_change_with_a_wrapping_folder(tmp_path: Path) -> None:
    names = ("train/NORMAL/a.png", "train/PNEUMONIA/b.png")
    tree(tmp_path / "plain", *names)
    tree(tmp_path / "archive" / "chest_xray", *names)
    assert open_catalog(tmp_path / "archive").keys == open_catalog(tmp_path / "plain").keys


def test_other_names_make_each_film_a_patient_of_its_own(tmp_path: Path) -> None:
    tree(tmp_path, "negative/1.png", "negative/2.png", "Effusion/1.png")
    catalog = open_catalog(tmp_path)
    assert catalog.classes == ("negative", "Effusion")
    assert len(set(catalog.patients)) == 3
    assert not catalog.patients_known
    assert [film.subtype for film in catalog.films] == ["", "normal", "normal"]


@pytest.mark.parametrize(
    ("folders", "positive", "classes"),
    [
        (("No_Finding", "PNEUMONIA"), None, ("No_Finding", "PNEUMONIA")),
        (("0", "1"), None, ("NORMAL", "PNEUMONIA")),
        (("0", "1"), "0", ("1", "0")),
        (("COVID", "FLU"), "covid", ("FLU", "COVID")),
        (("NORMAL",), None, ("NORMAL", "PNEUMONIA")),
        (("PNEUMONIA",), None, ("NORMAL", "PNEUMONIA")),
        (("FLU",), "Flu", ("NORMAL", "FLU")),
        (("FLU",), "COVID", ("FLU", "COVID")),
    ],
)
def test_which_class_is_positive(
    tmp_path: Path, folders: tuple[str, ...], positive: str | None, classes: tuple[str, str]
) -> None:
    tree(tmp_path, *(f"{folder}/a.png" for folder in folders))
    assert open_catalog(tmp_path, positive=positive).classes == classes


@pytest.mark.parametrize(
    ("folders", "positive", "words"),
    [
        (("COVID", "FLU"), None, "COVID, FLU.*--positive"),
        (("FLU",), None, "--positive"),
        (("COVID", "FLU"), "NORMAL", "not one of COVID, FLU"),
        (("A", "B", "NORMAL"), None, "3 were found: A, B, NORMAL"),
    ],
)
def test_classes_that_cannot_be_ordered(
    tmp_path: Path, folders: tuple[str, ...], positive: str | None, words: str
) -> None:
    tree(tmp_path, *(f"{folder}/a.png" for folder in folders))
    with pytest.raises(UsageError, match=words):
        open_catalog(tmp_path, positive=positive)


def test_one_class_spelt_in_two_ways_is_one(tmp_path: Path) -> None:
    tree(tmp_path, "train/NORMAL/a.png", "train/PNEUMONIA/b.png", "test/Normal/c.png")
    assert Counter(open_catalog(tmp_path).labels.tolist()) == {0: 2, 1: 1}


def test_manifest_with_every_column(tmp_path: Path) -> None:
    tree(tmp_path, "images/a.png", "images/b.png", "c.png", "person7_virus_1.jpeg")
    path = tmp_path / "films.csv"
    path.write_text(
        "path,label,patient,split,subtype,original_width,original_height,age\n"
        "images/b.png,1,p1,train,bacteria,3000,2000,7\n"
        "images/a.png,0.0,p1,val,viral,,,8\n"
        "c.png,1,p2,,covid,100,,9\n"
        "person7_virus_1.jpeg,1,,,,,,10\n"
    )
    catalog = open_catalog(path)
    c, a, b, person = catalog.films
    assert catalog.classes == ("NORMAL", "PNEUMONIA")
    assert catalog.fixed_split
    assert catalog.patients_known
    assert (a.key, a.label, a.subtype, a.patient, a.split) == (
        "images/a.png",
        0,
        "normal",
        "p1",
        "val",
    )
    assert (b.width, b.height, b.subtype, dict(b.fields)) == (3000, 2000, "bacterial", {"age": "7"})
    assert (c.width, c.height, c.subtype) == (None, None, "")  # half a size is none
    assert (person.patient, person.subtype) == ("person7_virus", "viral")


def test_manifest_with_films_beside_its_folder(tmp_path: Path) -> None:
    tree(tmp_path, "pool/a.png", "pool/b.png")
    path = tmp_path / "lists" / "films.csv"
    path.parent.mkdir()
    path.write_text(f"path,label\n../pool/a.png,normal\n{tmp_path}/pool/b.png,sick\n")
    assert open_catalog(path).keys == ("../pool/a.png", "../pool/b.png")


def test_manifest_that_names_only_training_fixes_nothing(tmp_path: Path) -> None:
    tree(tmp_path, "a.png", "b.png")
    path = tmp_path / "films.csv"
    path.write_text("path,label,split\na.png,0,train\nb.png,1,test\n")
    assert not open_catalog(path).fixed_split


def test_sizes_fill_in_what_the_files_no_longer_show(tmp_path: Path) -> None:
    tree(tmp_path / "x", "train/NORMAL/a.png", "train/PNEUMONIA/b.png")
    table = tmp_path / "sizes.csv"
    table.write_text("split,class,file,width,height\ntrain,NORMAL,a.png,2000,1500\n")
    a, b = open_catalog(tmp_path / "x", sizes=table).films
    assert (a.width, a.height, b.width, b.height) == (2000, 1500, None, None)
    table.write_text("split,class,file,width,height\ntrain,NORMAL,z.png,2000,1500\n")
    with pytest.raises(UsageError, match=r"No line of .*sizes\.csv matches"):
        open_catalog(tmp_path / "x", sizes=table)


def test_a_file_that_is_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="neither a folder nor a CSV manifest"):
        open_catalog(touch(tmp_path / "film.jpeg"))


def test_the_sample_is_what_its_readme_says() -> None:
    catalog = open_catalog(SAMPLE / "chest_xray", sizes=SAMPLE / "original_sizes.csv")
    assert Counter((film.split, film.subtype) for film in catalog.films) == {
        ("train", "normal"): 114,
        ("train", "bacterial"): 211,
        ("train", "viral"): 115,
        ("val", "normal"): 8,
        ("val", "bacterial"): 8,
        ("test", "normal"): 53,
        ("test", "bacterial"): 56,
        ("test", "viral"): 35,
    }
    patients = {split: set(catalog.select([split]).patients) for split in ("train", "val", "test")}
    assert {split: len(own) for split, own in patients.items()} == {
        "train": 325,
        "val": 15,
        "test": 108,
    }
    assert len(set(catalog.patients)) == 325 + 15 + 108
    assert catalog.patients_known
    assert all(film.width and film.height for film in catalog.films)
    assert held_out_patients() == patients["test"]
    assert sum(film.path.stat().st_size for film in catalog.films) < 6_000_000


def test_held_out_patients_are_known_by_the_file_name_too(tmp_path: Path) -> None:
    patient = min(held_out_patients())
    tree(tmp_path, f"{patient}-0001.jpeg", "IM-9999-0001.jpeg")
    path = tmp_path / "films.csv"
    path.write_text(
        f"path,label,patient\n{patient}-0001.jpeg,0,renamed\nIM-9999-0001.jpeg,0,other\n"
    )
    assert [is_held_out(film) for film in open_catalog(path).films] == [
        film.patient == "renamed" for film in open_catalog(path).films
    ]


def test_class_weights_are_the_notebooks() -> None:
    labels = np.array([0] * 1082 + [1] * 3103)  # the notebook's split of 4,185 films
    assert class_weights(labels) == pytest.approx((1.94, 0.67), abs=0.01)
    with pytest.raises(PneumoscopeError, match="one class"):
        class_weights(np.ones(3))
