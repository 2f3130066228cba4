from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bundles import make_bundle, write_labelled
from pneumoscope.evaluation.evaluate import evaluate
from pneumoscope.evaluation.evaluate_text import to_text
from pneumoscope.evaluation.results import Results


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    root = tmp_path_factory.mktemp("text")
    write_labelled(root / "chest" / "test")
    bundle = make_bundle(root / "b.pneumo")
    return evaluate(root / "chest", bundle=bundle, out=root / "out", resamples=50, progress=False)


def line(text: str, start: str) -> str:
    (found,) = [row for row in text.splitlines() if row.startswith(start)]
    return found


def test_the_table_has_value_interval_and_denominator(results: Results) -> None:
    text = to_text(results)
    interval = results.figures["recall"].interval
    assert line(text, "figure").split() == [
        "figure",
        "value",
        "95",
        "%",
        "interval",
        "films",
        "patients",
    ]
    assert line(text, "recall (sensitivity)").split()[2:] == [
        *("0.667", f"{interval.low:.3f}", "to", f"{interval.high:.3f}", "6", "5")
    ]
    assert line(text, "sensitivity, viral").split()[2] == "0.667"
    assert line(text, "ROC-AUC").split()[1] == "0.833"
    assert text.splitlines()[0] == (
        "chest, test split: 11 films of 9 patients, 6 PNEUMONIA and 5 NORMAL"
    )


def test_it_says_operating_point_confusion_and_where_files_lie(results: Results) -> None:
    text = to_text(results)
    assert "Operating point balanced: PNEUMONIA from a probability of 0.500 (logit +0.000)" in text
    rows = text[text.index("truth ") :].splitlines()[1:3]
    assert rows[0].split() == ["NORMAL", "4", "1"]
    assert rows[1].split() == ["PNEUMONIA", "2", "4"]
    assert f"Results, predictions and plots: {results.out}" in text
    assert text.endswith("\nNot a medical device.")
    assert text.count("Not a medical device") == 1
    assert "Refused" not in text
    assert "WARNING" not in text


def test_columns_stand_under_their_names(results: Results) -> None:
    lines = to_text(results).splitlines()
    table = lines[lines.index("") + 1 : lines.index("", lines.index("") + 1)]
    assert len({len(row) for row in table}) == 1
    assert max(map(len, lines[:-2])) <= 100


def test_warnings_come_first_and_refusals_are_shortened(results: Results) -> None:
    refused = tuple((f"test/NORMAL/{i}.png", "blank") for i in range(7))
    text = to_text(replace(results, warnings=("2 films were trained on.",), refused=refused))
    assert text.startswith("WARNING: 2 films were trained on.\n")
    assert "with every refusal counted as wrong" in text
    assert "Refused: 7 films\n  test/NORMAL/0.png: blank\n" in text
    assert "test/NORMAL/5.png" not in text
    assert "and 2 more, in results.json" in text


def test_an_undefined_figure_shows_its_reason(tmp_path: Path) -> None:
    write_labelled(tmp_path / "chest" / "test")
    for path in (tmp_path / "chest" / "test" / "NORMAL").iterdir():
        path.unlink()
    bundle = make_bundle(tmp_path / "b.pneumo")
    results = evaluate(
        tmp_path / "chest", bundle=bundle, out=tmp_path / "out", resamples=20, progress=False
    )
    text = to_text(results)
    assert line(text, "specificity").split(maxsplit=2)[1:] == ["-", "no negative film was read"]
    assert "nan" not in text.lower().split()
