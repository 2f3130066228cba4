import copy
from typing import Any

import pytest

from pneumoscope.evaluation.fuse_words import difference, gain, three_rows, to_text, warnings_of


def figure(value: float | None, low: float | None = None, high: float | None = None) -> dict:
    return {"value": value, "low": low, "high": high, "n": 40, "patients": 30, "method": "DeLong"}


def paired(value: float, low: float, high: float, p: float) -> dict[str, Any]:
    return {"difference": value, "low": low, "high": high, "p": p, "n": 40, "patients": 30}


READER = dict.fromkeys(
    ("roc_auc", "accuracy", "recall", "specificity", "brier"), figure(0.8, 0.7, 0.9)
)
RECORD: dict[str, Any] = {
    "data": {
        "name": "ward",
        "films": 40,
        "patients": 30,
        "positive": 12,
        "negative": 28,
        "classes": ["NORMAL", "PNEUMONIA"],
        "left_out_as_trained_on": 3,
    },
    "method": {"folds": 5},
    "notes": ["A note."],
    "fields": [
        {"field": "view", "categories": ["AP", "PA"], "low": None, "missing": 0, "rare": 2},
        {"field": "age", "categories": [], "low": 1.0, "high": 90.0, "missing": 4, "rare": 0},
    ],
    "refused_fields": [{"field": "id", "reason": "an identifier"}],
    "readers": {
        "film": READER,
        "fields": READER,
        "both": READER | {"roc_auc": figure(0.9, 0.8, 1)},
    },
    "paired": {"film": {"roc_auc": paired(0.1, 0.02, 0.18, 0.0004)}},
    "by_field": [
        {
            "field": "view",
            "acquisition": True,
            "gives_away": False,
            "alone": figure(0.8, 0.7, 0.9),
            "without": {"roc_auc": figure(0.82, 0.7, 0.9), "accuracy": figure(0.7, 0.6, 0.8)},
            "lost": paired(0.08, 0.01, 0.15, 0.03),
        },
        {
            "field": "age",
            "acquisition": False,
            "gives_away": False,
            "alone": figure(0.6),
            "without": {"roc_auc": figure(0.89), "accuracy": figure(0.7)},
            "lost": paired(0.01, -0.01, 0.03, 0.3),
        },
    ],
    "refused": {"films": 7, "list": [{"file": f"{i}.png", "reason": "blank"} for i in range(7)]},
    "warnings": [],
}


def test_how_a_film_was_taken_is_warned_of() -> None:
    (warning,) = warnings_of(RECORD)
    assert warning.startswith("The field view tells how or where a film was taken.")


def test_what_gives_the_label_away_is_named() -> None:
    record = copy.deepcopy(RECORD)
    record["by_field"][0]["gives_away"] = True
    (warning,) = warnings_of(record)
    assert warning.startswith(
        "The field view gives the label away: by itself it has a ROC-AUC of 0.800 (0.700 to 0.900)"
    )


@pytest.mark.parametrize("low", [-0.01, None])
def test_no_gain_is_said(low: float | None) -> None:
    record = copy.deepcopy(RECORD)
    record["paired"]["film"]["roc_auc"]["low"] = low
    assert any("Nothing here shows" in warning for warning in warnings_of(record))


def test_the_gain_is_told_field_by_field() -> None:
    whole, view, age = gain(RECORD)
    assert whole.endswith("in ROC-AUC: +0.100 (+0.020 to +0.180, p < 0.001).")
    assert view.strip() == (
        "without view the gain is +0.020; lost with it: +0.080 (+0.010 to +0.150, p 0.030)"
    )
    assert "without age the gain is +0.090" in age


def test_the_text_has_every_row() -> None:
    text = to_text(RECORD | {"warnings": ["Mind this."]})
    lines = text.splitlines()
    assert lines[0] == "WARNING: Mind this."
    assert "40 films of 30 patients, 12 PNEUMONIA and 28 NORMAL; out of fold, 5 folds" in lines[1]
    starts = ("film alone", "fields alone", "both ", "both without view", "age alone", "view ")
    for start in starts:
        assert any(line.startswith(start) for line in lines), start
    assert "not taken: an identifier" in text
    assert "1 to 90" in text
    assert "3 films were trained on and left out." in text
    assert "… and 2 more" in text


def test_differences_and_figures_that_are_not_defined() -> None:
    nothing = {"difference": None, "low": None, "high": None, "p": None}
    assert difference(nothing) == "undefined"
    assert difference(nothing | {"difference": 0.5}) == "+0.500"
    rows = list(three_rows(RECORD["readers"]))
    assert rows[3][1] == "0.900 (0.800 to 1.000)"
    assert len({len(row) for row in rows}) == 1
