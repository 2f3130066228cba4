from __future__ import annotations

import csv
import json
import math
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import pneumoscope
from bundles import LABELLED, make_bundle, seen, write_brightness, write_labelled
from pneumoscope.data.catalog import open_catalog
from pneumoscope.errors import PneumoscopeError, UsageError
from pneumoscope.evaluation.evaluate import evaluate
from pneumoscope.evaluation.results import SCHEMA, Results
from pneumoscope.evaluation.selection import OPENINGS
from pneumoscope.metrics.calibration import Calibration
from pneumoscope.metrics.intervals import wilson, wilson_clustered

FILES = [
    *("confusion.png", "precision_recall.png", "predictions.csv"),
    *("reliability.png", "results.json", "roc.png"),
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_labelled(tmp_path / "chest" / "test")
    return tmp_path / "chest"


def run(where: Path, tmp_path: Path, **options: Any) -> Results:
    """Evaluate with the bundle of the brightness network, quickly."""
    bundle = options.pop("bundle", None) or make_bundle(tmp_path / "b.pneumo")
    fast = {"resamples": 50, "progress": False, "out": tmp_path / "out"}
    return evaluate(where, bundle=bundle, **(fast | options))


def written(results: Results) -> dict[str, Any]:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    text = (results.out / "results.json").read_text(encoding="utf-8")
    value: dict[str, Any] = json.loads(text, parse_constant=refuse)
    return value


def predictions(results: Results) -> list[dict[str, str]]:
    with (results.out / "predictions.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_figures_of_a_set_counted_by_hand(root: Path, tmp_path: Path) -> None:
    results = run(root, tmp_path)
    assert results.confusion == {"tp": 4, "fp": 1, "tn": 4, "fn": 2}
    values = {name: results.figures[name].value for name in results.figures}
    assert values["accuracy"] == pytest.approx(8 / 11)
    assert values["precision"] == pytest.approx(4 / 5)
    assert values["recall"] == pytest.approx(4 / 6)
    assert values["specificity"] == pytest.approx(4 / 5)
    assert values["negative_predictive_value"] == pytest.approx(4 / 6)
    assert values["f1"] == pytest.approx(8 / 11)
    assert values["balanced_accuracy"] == pytest.approx((4 / 6 + 4 / 5) / 2)
    # Of 30 pairs, -0.7 loses to -0.5 and 0.5, and -1.7 to -1.5, -0.5 and 0.5.
    assert values["roc_auc"] == pytest.approx(25 / 30)
    labels = [int(not name.startswith("NORMAL")) for name in LABELLED]
    chances = [1 / (1 + math.exp(-logit)) for logit in LABELLED.values()]
    pairs = list(zip(labels, chances, strict=True))
    brier = sum((p - label) ** 2 for label, p in pairs) / 11
    loss = -sum(math.log(p if label else 1 - p) for label, p in pairs) / 11
    assert values["brier"] == pytest.approx(brier, abs=0.005)  # grey levels are whole numbers
    assert values["loss"] == pytest.approx(loss, abs=0.01)
    assert results.figures["roc_auc"].interval.patients == 9
    assert results.prevalence.value == pytest.approx(6 / 11)


def test_intervals_count_patients(root: Path, tmp_path: Path) -> None:
    results = run(root, tmp_path)
    patients = np.array(["b1", "b1", "b2", "v3", "v4", "v5"])
    hit = np.array([1, 1, 0, 1, 1, 0], dtype=bool)
    assert results.figures["recall"].interval == wilson_clustered(hit, patients)
    assert results.subtypes["bacterial"].interval == wilson_clustered(hit[:3], patients[:3])
    assert results.subtypes["viral"].interval == wilson(2, 3)


def test_operating_points_are_the_bundles(root: Path, tmp_path: Path) -> None:
    results = run(root, tmp_path, operating_point="screen")
    found = {
        name: (point.logit, point.figures["sensitivity"].value, point.figures["specificity"].value)
        for name, point in results.points.items()
    }
    assert found == {
        "screen": (-1.0, 5 / 6, 3 / 5),
        "balanced": (0.0, 4 / 6, 4 / 5),
        "confirm": (1.0, 3 / 6, 1.0),
    }
    assert results.points["screen"].probability == pytest.approx(1 / (1 + math.e))
    assert list(results.points["screen"].figures) == [
        *("sensitivity", "specificity"),
        *("positive_predictive_value", "negative_predictive_value"),
    ]
    assert results.figures["recall"].value == 5 / 6
    assert written(results)["operating_point"]["name"] == "screen"
    # Threshold and reader agree on every film.
    assert sum(row["call"] == "PNEUMONIA" for row in predictions(results)) == 7


def test_prevalence_moves_probabilities_and_no_call(root: Path, tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "b.pneumo", calibration=Calibration(2.0, 0.5, 0.7))
    there, here = (run(root, tmp_path, bundle=bundle, prevalence=p) for p in (None, 0.1))
    assert there.assumed_prevalence == 0.7
    assert here.assumed_prevalence == 0.1
    assert here.confusion == there.confusion
    assert here.figures["roc_auc"].interval == there.figures["roc_auc"].interval
    assert here.figures["loss"].value > there.figures["loss"].value
    assert here.points["balanced"].probability < there.points["balanced"].probability


def test_refusals_are_listed_and_count_as_wrong_in_a_second_row(root: Path, tmp_path: Path) -> None:
    folder = root / "test" / "PNEUMONIA"
    (folder / "person90006_virus_7.png").write_bytes(b"")
    Image.new("L", (80, 80), 90).save(folder / "person90007_virus_8.png")
    results = run(root, tmp_path)
    assert results.refused == (
        ("test/PNEUMONIA/person90006_virus_7.png", "the file is empty"),
        ("test/PNEUMONIA/person90007_virus_8.png", "blank: almost the same grey everywhere"),
    )
    assert results.figures["recall"].value == 4 / 6
    assert results.figures["recall"].interval.n == 6
    assert results.counting_refusals["sensitivity"].value == 4 / 8
    assert results.counting_refusals["specificity"].value == 4 / 5
    assert results.counting_refusals["accuracy"].value == 8 / 13
    assert results.counting_refusals["accuracy"].interval.patients == 11
    refused = written(results)["refused"]
    assert refused["films"] == 2
    assert refused["reasons"]["the file is empty"] == 1
    assert refused["list"][0]["file"] == "test/PNEUMONIA/person90006_virus_7.png"
    rows = {row["file"]: row for row in predictions(results)}
    assert len(rows) == 13
    assert rows["test/PNEUMONIA/person90006_virus_7.png"]["status"] == "refused"


def test_nothing_read_gives_results_without_figures(tmp_path: Path) -> None:
    for name in ("NORMAL/a.png", "PNEUMONIA/b.png"):
        path = tmp_path / "ward" / name
        path.parent.mkdir(parents=True)
        path.write_bytes(b"no film")
    results = run(tmp_path / "ward", tmp_path)
    assert results.films_read == 0
    assert not any(estimate.defined for estimate in results.figures.values())
    assert results.counting_refusals["accuracy"].value == 0
    assert written(results)["figures"]["loss"]["value"] is None
    assert sorted(path.name for path in results.out.iterdir()) == FILES


def test_one_class_is_evaluated_as_far_as_it_goes(root: Path, tmp_path: Path) -> None:
    for path in (root / "test" / "NORMAL").iterdir():
        path.unlink()
    results = run(root, tmp_path)
    assert results.figures["recall"].value == 4 / 6
    found = written(results)["figures"]["roc_auc"]
    assert found["value"] is None
    assert found["reason"] == "the films that were read are not of both classes"
    assert sorted(path.name for path in results.out.iterdir()) == FILES


def test_the_json_is_complete_and_without_paths(root: Path, tmp_path: Path) -> None:
    results = run(root, tmp_path, seed=3)
    value = written(results)
    assert value == results.to_json()
    assert value["schema"] == SCHEMA
    assert value["bundle"]["file"] == "b.pneumo"
    assert len(value["bundle"]["sha256"]) == 64
    assert value["bundle"]["provenance"]["epoch"] == 1
    assert value["data"]["name"] == "chest"
    assert (value["data"]["films"], value["data"]["patients"]) == (11, 9)
    assert (value["data"]["positive"], value["data"]["negative"]) == (6, 5)
    assert value["method"] == {"level": 0.95, "resamples": 50, "seed": 3, "calibration_bins": 15}
    assert {"pneumoscope", "onnxruntime", "python"} <= value["versions"].keys()
    for block in ("figures", "refused_counted_as_wrong", "subtype_sensitivity"):
        for name, figure in value[block].items():
            assert figure.keys() >= {"value", "low", "high", "n", "patients", "method"}, name
    text = json.dumps(value)
    assert str(tmp_path) not in text
    assert sorted([*value["files"], "results.json"]) == FILES


def test_a_rerun_replaces_the_results_and_an_error_leaves_none(root: Path, tmp_path: Path) -> None:
    first = run(root, tmp_path)
    assert (first.out / "results.json").exists()
    bundle = make_bundle(tmp_path / "b.pneumo")
    (tmp_path / "run.json").write_text("{}")
    (tmp_path / OPENINGS).mkdir()
    with pytest.raises(PneumoscopeError, match="cannot be recorded"):
        run(root, tmp_path, bundle=bundle)
    assert not (first.out / "results.json").exists()


def test_opening_a_test_is_said_and_recorded_in_the_run(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "run.json").write_text("{}")
    bundle = make_bundle(folder / "bundle.pneumo")
    first = run(root, tmp_path, bundle=bundle, out=None)
    assert first.out == folder / "evaluation-test"
    assert capsys.readouterr().err == (
        "Opening the test split: 11 films of 9 patients in chest "
        f"(recorded in {folder / OPENINGS}).\n"
    )
    second = run(root, tmp_path, bundle=folder / "bundle.pneumo", out=tmp_path / "elsewhere")
    lines = [json.loads(line) for line in (folder / OPENINGS).read_text().splitlines()]
    assert [line["time"] for line in lines] == [first.time, second.time]
    assert lines[0]["films"] == 11
    assert lines[0]["sha256"] == first.data["sha256"]
    assert lines[0]["bundle_sha256"] == first.bundle["sha256"]


def test_the_opening_is_recorded_before_a_film_is_read(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("power cut")

    (tmp_path / "run.json").write_text("{}")
    monkeypatch.setattr("pneumoscope.inference.reader.Reader.read", fail)
    with pytest.raises(RuntimeError, match="power cut"):
        run(root, tmp_path)
    assert len((tmp_path / OPENINGS).read_text().splitlines()) == 1


def test_validation_is_not_an_opening(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run.json").write_text("{}")
    films = [seen(path, "val") for path in sorted((root / "test").rglob("*.png"))[:4]]
    bundle = make_bundle(tmp_path / "b.pneumo", films=films)
    results = run(root, tmp_path, bundle=bundle, split="val", out=None)
    assert results.out == tmp_path / "evaluation-val"
    assert results.data["split"] == "val"
    assert results.films_read == 4
    assert results.warnings == ()
    assert capsys.readouterr().err == ""
    assert not (tmp_path / OPENINGS).exists()


def test_films_that_trained_are_warned_of(root: Path, tmp_path: Path) -> None:
    film = root / "test" / "PNEUMONIA" / "person90003_virus_4.png"
    bundle = make_bundle(tmp_path / "b.pneumo", films=[seen(film, "train")])
    results = run(root, tmp_path, bundle=bundle)
    assert "1 of the 11 films were trained on" in results.warnings[0]
    value = written(results)
    assert value["warnings"] == list(results.warnings)
    assert value["data"]["seen_in_training"] == ["test/PNEUMONIA/person90003_virus_4.png"]


def test_without_a_run_the_folder_bears_the_bundles_name(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(root, tmp_path, out=None).out == Path("evaluation-b-test")
    loose = replace(make_bundle(tmp_path / "b.pneumo"), path=None)
    results = run(root, tmp_path, bundle=loose, out=None)
    assert results.out == Path("evaluation-test")
    assert results.bundle["sha256"] is None
    assert len(results.bundle["network_sha256"]) == 64


def test_a_catalog_and_the_public_name_do_as_well(root: Path, tmp_path: Path) -> None:
    make_bundle(tmp_path / "b.pneumo")
    results = pneumoscope.evaluate(
        open_catalog(root),
        bundle=str(tmp_path / "b.pneumo"),
        out=tmp_path / "out",
        resamples=20,
        progress=False,
    )
    assert results.confusion["tp"] == 4
    with pytest.raises(FrozenInstanceError):
        results.films_read = 0  # type: ignore[misc]


def test_a_manifest_gives_patients_and_sizes(tmp_path: Path) -> None:
    for name, logit in {"a": -1.0, "b": -2.0, "c": 2.0}.items():
        write_brightness(tmp_path / f"{name}.png", logit)
    (tmp_path / "films.csv").write_text(
        "path,label,patient,split,subtype,original_width,original_height\n"
        "a.png,0,P1,test,,1000,800\n"
        "b.png,0,P1,test,,900,700\n"
        "c.png,1,P2,test,viral,,\n"
    )
    results = run(tmp_path / "films.csv", tmp_path)
    assert results.patients_read == 2
    assert results.figures["specificity"].interval.method == "Wilson, clustered by patient"
    rows = predictions(results)
    assert [row["file"] for row in rows] == ["a.png", "b.png", "c.png"]
    assert [row["patient"] for row in rows] == ["P1", "P1", "P2"]
    assert rows[0]["original_width"] == "1000"


def test_what_does_not_fit_is_a_usage_error(root: Path, tmp_path: Path) -> None:
    for options in (
        {"resamples": 0},
        {"split": "train"},
        {"operating_point": "best"},
        {"prevalence": 1.0},
        {"threads": 0},
    ):
        with pytest.raises(UsageError):
            run(root, tmp_path, **options)
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot be written"):
        run(root, tmp_path, out=tmp_path / "file")
    assert not (tmp_path / "out").exists()
