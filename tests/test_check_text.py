from __future__ import annotations

from pathlib import Path

from pneumoscope.data.catalog import open_catalog
from pneumoscope.data.check import check
from pneumoscope.data.check_text import to_text
from trees import SAMPLE, make_tree, write_film


def test_a_sound_folder() -> None:
    catalog = open_catalog(SAMPLE / "chest_xray", sizes=SAMPLE / "original_sizes.csv")
    lines = to_text(check(catalog)).splitlines()
    assert lines[2].split() == ["split", "class", "subtype", "films", "patients"]
    assert lines[3].split() == ["train", "NORMAL", "normal", "114", "102"]
    assert lines[11].split() == ["all", "600", "448"]
    text = "\n".join(lines)
    assert "73.2% of the films outside test are PNEUMONIA" in text
    assert "NORMAL 1.87, PNEUMONIA 0.68" in text
    assert "224 by 224 px" in text
    assert "2 groups of 5 films" in text
    assert "n = 600): PNEUMONIA films are smaller" in text
    assert "may learn the scanner" in text
    assert lines[-1] == "No problems."


def test_findings_are_named_with_a_few_examples(tmp_path: Path) -> None:
    root = make_tree(tmp_path, ["train/NORMAL/a.png", "train/PNEUMONIA/b.png", "notes.txt.png"])
    for i in range(7):
        (root / "train" / "NORMAL" / f"broken{i}.png").write_bytes(b"x")
        write_film(root / "val" / "NORMAL" / f"copy{i}.png", 0)
    text = to_text(check(open_catalog(root)))
    assert "broken4.png: not a JPEG" in text
    assert "broken5.png" not in text
    assert "… and 2 more" in text
    assert "Stepped over        notes.txt.png" in text
    assert "each film counts as a patient of its own" in text
    assert "Same picture in several splits:" in text
    assert text.splitlines()[-3:] == [
        "Problems:",
        "  Films that cannot be read: 7.",
        "  Groups of the same picture in more than one split: 1.",
    ]


def test_a_folder_of_test_films_alone(tmp_path: Path) -> None:
    root = make_tree(tmp_path, ["test/NORMAL/a.png", "test/PNEUMONIA/b.png"])
    text = to_text(check(open_catalog(root)))
    assert "50.0% of the films are PNEUMONIA" in text
    assert "says nothing: every film is 96 by 80 px" in text
