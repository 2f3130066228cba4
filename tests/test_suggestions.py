from __future__ import annotations

from pathlib import Path

from pneumoscope.data.catalog import Film
from pneumoscope.evaluation.suggestions import (
    Counts,
    Doubtful,
    Suggestions,
    Unsure,
    to_json,
    to_text,
)


def film(name: str) -> Film:
    return Film(Path("ward", name), name, 0, "", name)


def made(**changes: object) -> Suggestions:
    fields: dict[str, object] = {
        "out": Path("suggestions"),
        "root": Path("ward"),
        "time": "2026-01-01T00:00:00+00:00",
        "data": "ward",
        "bundle": {"file": "b.pneumo"},
        "asked": 20,
        "scores": "bundle",
        "to_label": tuple(Unsure(film(f"{i}.dcm"), 0.5) for i in range(12)),
        "to_check": (Doubtful(film("x.png"), "NORMAL", 0.9, 0.1, True),),
        "unlabelled": Counts(films=1500, read=1400, found=1300),
        "labelled": Counts(films=60, read=50, found=7, confident=3),
        "refused": (("bad.png", "no image"),),
        "notes": ("A note.",),
    }
    return Suggestions(**fields | changes)  # type: ignore[arg-type]


def test_the_text_says_both_lists_the_refused_and_the_notes() -> None:
    text = to_text(made())
    assert "12 of 1,400 unlabelled films that were read (1,300 patients)" in text
    assert "1 of 7 labels that the bundle's readings contradict, 3 of them confidently" in text
    assert "  1  probability 0.900  labelled NORMAL  x.png" in text
    assert "9.dcm" in text
    assert "10.dcm" not in text  # ten lines of each list
    assert "Refused: 1 films; the first bad.png: no image" in text
    assert "A note." in text
    assert text.count("Not a medical device.") == 1


def test_formats_that_browsers_do_not_show_are_said_unless_there_are_copies() -> None:
    assert "12 suggested films are in a format that Label Studio does not show" in to_text(made())
    assert "--copy" not in to_text(made(copied=True))
    assert "--copy" not in to_text(made(to_label=()))


def test_scores_out_of_fold_are_named_and_what_there_is_not_is_left_out() -> None:
    text = to_text(made(scores="out-of-fold", unlabelled=Counts(), to_label=(), refused=()))
    assert "labels that out-of-fold scores contradict" in text
    assert "To label" not in text
    assert "Refused" not in text


def test_the_json_has_counts_and_files() -> None:
    told = to_json(made(to_check=()))
    assert told["unlabelled"] == {
        "films": 1500,
        "read": 1400,
        "patients": 1300,
        "suggested": 12,
        "files": ["to_label.csv", "to_label.png"],
    }
    assert told["labelled"]["contradicted"] == 7
    assert told["labelled"]["files"] == []
    assert told["refused"] == [{"file": "bad.png", "reason": "no image"}]
