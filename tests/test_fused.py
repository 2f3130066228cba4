from __future__ import annotations

import json
from pathlib import Path

import pytest

from bundles import make_bundle
from manifests import draw, fused_bundle, write_manifest
from pneumoscope.evaluation.evaluate import evaluate
from pneumoscope.evaluation.evaluate_text import to_text
from pneumoscope.evaluation.report import report
from pneumoscope.evaluation.results import Results


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("fused")
    fused_bundle(root)
    drawn = draw(30, 30, seed=5)
    fever = drawn.fields["fever"]
    others = [f"q{i}" for i in range(30)]
    other = type(drawn)(drawn.truth, drawn.logit, others, drawn.fields)
    write_manifest(root, other, fields={"fever": ["hot", *fever[1:]]}, name="others.csv")
    return root


@pytest.fixture(scope="module")
def results(root: Path) -> Results:
    return run(root, "others.csv", "out")


def run(root: Path, manifest: str, out: str, bundle: str = "fused.pneumo") -> Results:
    options = {"out": root / out, "resamples": 20, "threads": 1, "progress": False}
    return evaluate(root / manifest, bundle=root / bundle, **options)  # type: ignore[arg-type]


def test_the_three_are_held_against_each_other(root: Path, results: Results) -> None:
    told = json.loads((root / "out" / "fusion.json").read_text(encoding="utf-8"))
    here = told["evaluated"]
    assert here["films"] == 29
    assert set(here["readers"]) == {"film", "fields", "both"}
    area = {name: row["roc_auc"]["value"] for name, row in here["readers"].items()}
    assert area["both"] > area["film"]
    assert here["paired"]["film"]["roc_auc"]["difference"] == pytest.approx(
        area["both"] - area["film"]
    )
    # What the rest of the results say is what both together say.
    for key in ("roc_auc", "accuracy", "brier"):
        assert here["readers"]["both"][key]["value"] == results.figures[key].value
    assert told["cross_validated"]["by_field"][0]["field"] == "fever"
    assert "fusion.json" in json.loads((root / "out" / "results.json").read_text())["files"]


def test_a_film_without_a_number_is_a_refusal(results: Results) -> None:
    assert results.refused == (("films/others-000.png", "fever 'hot' is not a number"),)


def test_readings_of_the_film_alone_stand_in_the_table(root: Path, results: Results) -> None:
    head, _, row, *_ = (root / "out" / "predictions.csv").read_text().splitlines()
    said = dict(zip(head.split(","), row.split(","), strict=True))
    assert float(said["film_logit"]) != float(said["logit"])
    assert 0 < float(said["film_probability"]) < 1


def test_the_text_says_so(results: Results) -> None:
    text = to_text(results)
    assert "takes fields beside the film (fever, sex): the figures are of both" in text
    assert "\nfields alone " in text
    assert "Both less the film alone, in ROC-AUC: +" in text


def test_films_that_fitted_the_fusion_are_warned_of(root: Path, results: Results) -> None:
    assert not results.warnings
    warned = run(root, "films.csv", "again").warnings
    assert any("48 of the 48 films fitted this bundle's fusion" in text for text in warned)


def test_a_plain_bundle_leaves_no_fusion_behind(root: Path) -> None:
    run(root, "others.csv", "twice")
    make_bundle(root / "plain.pneumo")
    plain = run(root, "others.csv", "twice", "plain.pneumo")
    assert plain.fusion is None
    assert not plain.refused
    assert not (root / "twice" / "fusion.json").exists()


@pytest.mark.parametrize(("language", "word"), [("en", "both without fever"), ("ko", "fever 없이")])
def test_the_report_shows_what_the_fields_add(
    root: Path, results: Results, language: str, word: str
) -> None:
    written = report(root / "out", language=language)
    page = written.page.read_text(encoding="utf-8")
    assert '<h2 id="fusion">' in page
    assert word in page
    facts = json.loads(written.json.read_text(encoding="utf-8"))["fusion"]
    lost = facts["cross_validated"]["by_field"][0]["lost"]["value"]
    assert f"{lost:.3f}" in page
    assert facts["evaluated"]["films"] == 29
