from __future__ import annotations

from pathlib import Path

import pytest

from pneumoscope.data.pool import open_pool
from pneumoscope.errors import PneumoscopeError, UsageError
from trees import touch


def make(root: Path, *names: str) -> Path:
    for name in names:
        touch(root / name)
    return root


def test_a_pile_of_films_has_no_labels(tmp_path: Path) -> None:
    make(tmp_path, "person7_virus_1.jpeg", "IM-0001-0001.jpeg", "notes.txt")
    pool = open_pool(tmp_path)
    assert pool.labelled is None
    assert pool.unlabelled is not None
    assert pool.unlabelled.keys == ("IM-0001-0001.jpeg", "person7_virus_1.jpeg")
    assert pool.unlabelled.patients == ("IM-0001", "person7_virus")
    assert pool.unlabelled.patients_known
    assert pool.notes == ()


def test_folders_that_name_no_classes_are_a_pile_with_a_note(tmp_path: Path) -> None:
    make(tmp_path, "monday/a.png", "tuesday/b.png")
    pool = open_pool(tmp_path)
    assert pool.labelled is None
    assert pool.unlabelled is not None
    assert pool.unlabelled.keys == ("monday/a.png", "tuesday/b.png")
    assert "taken for unlabelled" in pool.notes[0]
    assert "Name it with --positive" in pool.notes[0]
    named = open_pool(tmp_path, positive="tuesday").labelled
    assert named is not None
    assert named.labels.tolist() == [0, 1]
    with pytest.raises(UsageError, match="'wednesday' is not one of"):
        open_pool(tmp_path, positive="wednesday")


def test_class_folders_are_labels_and_what_lies_beside_them_has_none(tmp_path: Path) -> None:
    make(tmp_path, "NORMAL/a.png", "PNEUMONIA/b.png", "unlabelled/c.png", "d.png", "e.txt")
    pool = open_pool(tmp_path)
    assert pool.labelled is not None
    assert pool.labelled.keys == ("NORMAL/a.png", "PNEUMONIA/b.png")
    assert pool.labelled.labels.tolist() == [0, 1]
    assert pool.unlabelled is not None
    assert pool.unlabelled.keys == ("d.png", "unlabelled/c.png")


def test_folders_of_splits_may_have_films_without_labels_beside_them(tmp_path: Path) -> None:
    make(tmp_path, "train/NORMAL/a.png", "test/PNEUMONIA/b.png", "unknown/c.png", "notes/d.png")
    pool = open_pool(tmp_path)
    assert pool.labelled is not None
    assert pool.labelled.keys == ("test/PNEUMONIA/b.png", "train/NORMAL/a.png")
    assert pool.unlabelled is not None
    assert pool.unlabelled.keys == ("unknown/c.png",)


def test_a_manifest_may_lack_labels(tmp_path: Path) -> None:
    make(tmp_path, "a.png", "b.png", "c.png")
    manifest = tmp_path / "films.csv"
    manifest.write_text("path,label,patient\na.png,normal,p1\nb.png,,p2\nc.png,Pneumonia,p3\n")
    pool = open_pool(manifest)
    assert pool.labelled is not None
    assert pool.unlabelled is not None
    assert (pool.labelled.keys, pool.unlabelled.keys) == (("a.png", "c.png"), ("b.png",))
    assert pool.unlabelled.patients == ("p2",)
    manifest.write_text("path\na.png\nb.png\n")
    pool = open_pool(manifest)
    assert pool.labelled is None
    assert pool.unlabelled is not None
    assert pool.unlabelled.keys == ("a.png", "b.png")
    manifest.write_text("path,label\na.png,0\nb.png,1\n")
    assert open_pool(manifest).unlabelled is None
    manifest.write_text("path,label\na.png,0\nb.png,1\nc.png,2\n")
    with pytest.raises(UsageError, match="Exactly two classes"):
        open_pool(manifest)


def test_what_is_no_folder_of_films_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no folder or manifest"):
        open_pool(tmp_path / "nowhere")
    with pytest.raises(PneumoscopeError, match="There are no films in"):
        open_pool(tmp_path)
    with pytest.raises(UsageError, match="neither a folder nor a CSV"):
        open_pool(touch(tmp_path / "films.txt"))
