from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

from pneumoscope.data.catalog import Film
from pneumoscope.evaluation.table import COLUMNS, tabulate
from pneumoscope.inference.reader import Reading

FILMS = (
    Film(Path("/x/test/NORMAL/a.png"), "test/NORMAL/a.png", 0, "normal", "A", "test", 200, 100),
    Film(Path("/x/test/PNEUMONIA/b.png"), "test/PNEUMONIA/b.png", 1, "viral", "B, C", "test"),
    Film(Path("/x/test/PNEUMONIA/c.png"), "test/PNEUMONIA/c.png", 1, "bacterial", "D", "test"),
)
READINGS = (
    Reading("/x/test/NORMAL/a.png", "read", 0.25, "NORMAL", None, -1.5, "balanced"),
    Reading("/x/test/PNEUMONIA/b.png", "refused", None, None, "blank", notes=("mended",)),
    Reading("/x/test/PNEUMONIA/c.png", "read", 0.1 + 0.2, "PNEUMONIA", None, 2.0, "balanced"),
)
TABLE = tabulate(FILMS, READINGS, ("0a", "0b", "0c"))


def test_arrays_are_of_the_films_that_were_read() -> None:
    assert TABLE.was_read.tolist() == [True, False, True]
    assert TABLE.truth.tolist() == [False, True]
    assert TABLE.logit.tolist() == [-1.5, 2.0]
    assert TABLE.probability.tolist() == [0.25, 0.1 + 0.2]
    assert TABLE.patients.tolist() == ["A", "D"]
    assert TABLE.subtypes.tolist() == ["normal", "bacterial"]
    assert TABLE.all_truth.tolist() == [False, True, True]
    assert TABLE.all_patients.tolist() == ["A", "B, C", "D"]
    assert TABLE.refused == (("test/PNEUMONIA/b.png", "blank"),)


def test_all_refused_leaves_empty_arrays() -> None:
    table = tabulate(FILMS[1:2], READINGS[1:2], ("0b",))
    assert table.truth.shape == table.logit.shape == table.patients.shape == (0,)
    assert table.all_truth.tolist() == [True]


def test_the_csv_has_keys_and_loses_no_digit() -> None:
    rows = list(csv.DictReader(io.StringIO(TABLE.to_csv())))
    assert list(rows[0])[:10] == [
        *("file", "status", "probability", "call", "reason", "logit"),
        *("label", "subtype", "patient", "split"),
    ]
    assert tuple(rows[0]) == COLUMNS
    assert [row["file"] for row in rows] == [film.key for film in FILMS]
    assert "/x/" not in TABLE.to_csv()
    assert rows[1] == {
        "file": "test/PNEUMONIA/b.png",
        "status": "refused",
        "probability": "",
        "call": "",
        "reason": "blank",
        "logit": "",
        "label": "1",
        "subtype": "viral",
        "patient": "B, C",
        "split": "test",
        "original_width": "",
        "original_height": "",
        "sha256": "0b",
    }
    assert float(rows[2]["probability"]) == 0.1 + 0.2
    assert (rows[0]["original_width"], rows[0]["original_height"]) == ("200", "100")


def test_a_manifests_own_columns_follow() -> None:
    films = (replace(FILMS[0], fields={"label": "x"}), replace(FILMS[1], fields={"age": "7"}))
    table = tabulate(films, READINGS[:2], ("0a", "0b"))
    rows = list(csv.DictReader(io.StringIO(table.to_csv())))
    assert [(row["field:label"], row["field:age"]) for row in rows] == [("x", ""), ("", "7")]
    assert rows[0]["label"] == "0"
