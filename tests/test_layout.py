from __future__ import annotations

from pathlib import Path

import pytest

from pneumoscope.data.layout import find_films, is_film, read_tree
from pneumoscope.errors import PneumoscopeError, UsageError
from trees import touch

KAGGLE = (
    "train/NORMAL/IM-0115-0001.jpeg",
    "train/PNEUMONIA/person1_bacteria_1.jpeg",
    "val/NORMAL/NORMAL2-IM-1427-0001.jpeg",
    "test/PNEUMONIA/person1_virus_6.jpeg",
)


def fill(root: Path, *names: str) -> Path:
    for name in names:
        touch(root / name)
    return root


def listed(root: Path) -> list[tuple[str, str, str]]:
    tree = read_tree(root)
    return sorted(
        (entry.split, entry.class_name, entry.path.relative_to(tree.root).as_posix())
        for entry in tree.entries
    )


def test_kaggle_archive_with_its_second_copy_and_leftovers(tmp_path: Path) -> None:
    root = fill(tmp_path / "archive" / "chest_xray", *KAGGLE)
    fill(root / "chest_xray", *KAGGLE)
    fill(root / "__MACOSX" / "train" / "NORMAL", "._IM-0115-0001.jpeg")
    fill(tmp_path / "archive" / "__MACOSX", "x.jpeg")
    fill(root, ".DS_Store", "train/.DS_Store", "train/NORMAL/.DS_Store", "train/NORMAL/._a.jpeg")
    tree = read_tree(tmp_path / "archive")
    assert tree.root == root
    assert tree.skipped == ("chest_xray/",)
    assert listed(tmp_path / "archive") == sorted(
        (name.split("/")[0], name.split("/")[1], name) for name in KAGGLE
    )


def test_wrapped_copy_alone_is_entered(tmp_path: Path) -> None:
    fill(tmp_path / "chest_xray" / "chest_xray", *KAGGLE)
    assert read_tree(tmp_path).root == tmp_path / "chest_xray" / "chest_xray"


def test_classes_without_splits_and_films_in_deeper_folders(tmp_path: Path) -> None:
    fill(tmp_path, "HEALTHY/a/1.dcm", "HEALTHY/b/1.dcm", "SICK/2.png", "notes.txt", "SICK/x.csv")
    assert listed(tmp_path) == [
        ("", "HEALTHY", "HEALTHY/a/1.dcm"),
        ("", "HEALTHY", "HEALTHY/b/1.dcm"),
        ("", "SICK", "SICK/2.png"),
    ]
    assert read_tree(tmp_path).skipped == ("SICK/x.csv", "notes.txt")


def test_only_a_test_folder(tmp_path: Path) -> None:
    fill(tmp_path, "test/NORMAL/a.png", "test/PNEUMONIA/b.png")
    assert {split for split, _, _ in listed(tmp_path)} == {"test"}


def test_other_names_of_splits(tmp_path: Path) -> None:
    fill(tmp_path, "Training/a/1.png", "validation/a/2.png", "TEST/b/3.png")
    assert [split for split, _, _ in listed(tmp_path)] == ["test", "train", "val"]


def test_one_class_folder_is_not_entered(tmp_path: Path) -> None:
    fill(tmp_path, "NORMAL/a.png")
    assert listed(tmp_path) == [("", "NORMAL", "NORMAL/a.png")]


def test_missing_empty_and_flat_folders_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is no folder or manifest"):
        read_tree(tmp_path / "nowhere")
    with pytest.raises(PneumoscopeError, match="holds no films in class folders"):
        read_tree(tmp_path)
    fill(tmp_path, "a.jpeg")
    with pytest.raises(PneumoscopeError, match="holds films but no class folders"):
        read_tree(tmp_path)


@pytest.mark.parametrize(
    ("name", "film"),
    [
        ("a.JPEG", True),
        ("IM000001", True),
        ("1.2.840.10008.5.1.4", True),
        ("a.txt", False),
        ("._a.jpeg", False),
        ("Thumbs.db", False),
        ("DICOMDIR", False),
    ],
)
def test_names_that_a_film_may_have(name: str, film: bool) -> None:
    assert is_film(Path(name)) is film


def test_find_films_keeps_files_as_given_and_sorts_folders(tmp_path: Path) -> None:
    fill(tmp_path, "b/2.png", "b/10.png", "b/notes.txt", "b/.DS_Store", "b/a/1.jpeg", "odd.xyz")
    found = find_films([tmp_path / "odd.xyz", tmp_path / "b"])
    assert [path.relative_to(tmp_path).as_posix() for path in found] == [
        "odd.xyz",
        "b/10.png",
        "b/2.png",
        "b/a/1.jpeg",
    ]


def test_find_films_gives_a_missing_path_on_for_its_reader_to_name(tmp_path: Path) -> None:
    fill(tmp_path, "a.png")
    given = [tmp_path / "gone.png", tmp_path / "a.png"]
    assert list(find_films(given)) == given
