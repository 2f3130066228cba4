from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from bundles import make_bundle, seen
from manifests import FILMS, PATIENTS, draw, write_manifest
from pneumoscope.errors import PneumoscopeError, UsageError
from pneumoscope.evaluation.fuse import Fused, fuse, record_path
from pneumoscope.inference.bundle import Bundle, hash_patient, load_bundle


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("fuse")
    write_manifest(root)
    make_bundle(root / "plain.pneumo")
    return root


@pytest.fixture(scope="module")
def made(root: Path) -> Fused:
    return run(root, out=root / "fused.pneumo")


def run(root: Path, name: str = "films.csv", **options: object) -> Fused:
    given = {"bundle": root / "plain.pneumo", "resamples": 10, "threads": 1, "progress": False}
    return fuse(root / name, **(given | options))  # type: ignore[arg-type]


def fields_of(found: Fused) -> list[str]:
    return [row["field"] for row in found.record["fields"]]


def test_a_bundle_and_its_record_are_written(root: Path, made: Fused) -> None:
    written = load_bundle(root / "fused.pneumo")
    assert written == made.bundle
    assert written.fusion is not None
    assert written.fusion.names == ("fever", "sex")
    record = json.loads(record_path(root / "fused.pneumo").read_text(encoding="utf-8"))
    assert record == made.record
    assert record_path(root / "fused.pneumo").name == "fused.fusion.json"
    data = record["data"]
    assert (data["films"], data["patients"], data["positive"]) == (FILMS, PATIENTS, 24)
    fever, sex = record["fields"]
    assert (fever["kind"], fever["missing"]) == ("number", 6)
    assert (sex["kind"], sex["categories"]) == ("category", ["F", "M"])
    columns = ["fever", "fever missing", "sex=F", "sex=M"]
    assert list(record["weights"]) == columns


def test_the_network_is_the_same_and_the_films_are_listed_without_names(
    root: Path, made: Fused
) -> None:
    plain = load_bundle(root / "plain.pneumo")
    assert made.bundle.network == plain.network
    assert made.bundle.calibration != plain.calibration
    listed = [film for film in made.bundle.films if film.split == "fused"]
    assert len(listed) == FILMS
    assert {film.patient for film in listed} == {
        hash_patient(plain.salt, f"p{i}") for i in range(PATIENTS)
    }
    with zipfile.ZipFile(root / "fused.pneumo") as archive:
        assert b"films-000.png" not in archive.read("manifest.json")


def test_the_same_films_give_the_same_bundle(root: Path, made: Fused) -> None:
    again = run(root)
    assert again.bundle.path is None
    assert again.bundle.fusion == made.bundle.fusion
    assert again.record["readers"] == made.record["readers"]


def test_a_fused_bundle_is_fused_anew(root: Path, made: Fused) -> None:
    again = run(root, bundle=made.bundle, fields=["fever"])
    assert again.bundle.fusion is not None
    assert again.bundle.fusion.names == ("fever",)
    assert len(again.bundle.films) == FILMS
    assert again.record["readers"]["film"] == made.record["readers"]["film"]


def test_films_trained_on_and_test_films_are_left_out(root: Path, tmp_path: Path) -> None:
    trained = [seen(root / "films" / f"films-{i:03}.png", "train", patient="x") for i in range(4)]
    bundle = make_bundle(tmp_path / "b.pneumo", films=trained)
    record = run(root, bundle=bundle).record
    assert record["data"]["left_out_as_trained_on"] == 4
    assert record["data"]["films"] == FILMS - 4
    write_manifest(root, name="test.csv", split="test")
    with pytest.raises(UsageError, match="test films alone"):
        run(root, "test.csv")
    everything = [seen(film, "train") for film in (root / "films").glob("films-*.png")]
    with pytest.raises(UsageError, match="has trained on all"):
        run(root, bundle=make_bundle(tmp_path / "all.pneumo", films=everything))


def test_columns_that_cannot_be_taken_are_told_and_the_rest_goes_on(root: Path) -> None:
    columns = {
        "record": [str(1000 + i % PATIENTS) for i in range(FILMS)],
        "constant": ["x"] * FILMS,
        "empty": [""] * FILMS,
        "ward": ["3", "4"] * (FILMS // 2),
    }
    write_manifest(root, fields=columns, name="more.csv")
    found = run(root, "more.csv", categories=["Ward"])
    assert fields_of(found) == ["fever", "sex", "ward"]
    assert found.record["fields"][-1]["categories"] == ["3", "4"]
    reasons = {row["field"]: row["reason"] for row in found.record["refused_fields"]}
    assert "no two patients share" in reasons["record"]
    assert "on every film" in reasons["constant"]
    assert "empty" in reasons["empty"]
    with pytest.raises(PneumoscopeError, match=r"No column can be taken as a field \(record: no"):
        run(root, "more.csv", fields=["record"])


def test_thousands_of_names_are_no_field(root: Path) -> None:
    drawn = draw(90, 60)
    names = {"street": [f"Street {i % 22}" for i in range(90)], "sex": drawn.fields["sex"]}
    write_manifest(root, drawn, fields=names, name="many.csv")
    found = run(root, "many.csv", folds=3)
    (refused,) = found.record["refused_fields"]
    assert (refused["field"], "22 different values" in refused["reason"]) == ("street", True)


def test_a_text_among_numbers_refuses_that_film(root: Path) -> None:
    fever = draw().fields["fever"]
    write_manifest(root, fields={"fever": ["hot", *fever[1:]]}, name="text.csv")
    found = run(root, "text.csv")
    assert found.record["refused"] == {
        "films": 1,
        "list": [{"file": "films/text-000.png", "reason": "fever 'hot' is not a number"}],
    }
    assert found.record["data"]["films"] == FILMS - 1
    assert found.bundle.provenance["fusion"]["refused"] == {"films": 1}


def test_the_label_among_the_fields_is_named(root: Path) -> None:
    label = np.where(draw().truth, "yes", "no").tolist()
    write_manifest(root, fields={"antibiotics": label}, name="label.csv")
    (warning, *_) = run(root, "label.csv").record["warnings"]
    assert warning.startswith("The field antibiotics gives the label away")


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"fields": ["age"]}, UsageError, "has no column age; it has fever, sex"),
        ({"categories": ["age"]}, UsageError, "has no column age"),
        ({"folds": 2}, UsageError, "At least 3 folds"),
        ({"folds": 17}, PneumoscopeError, "16 patients only and 17 folds .* use --folds 16"),
        ({"out": "films.csv/x.pneumo"}, UsageError, "cannot be written"),
    ],
)
def test_what_cannot_be_asked(
    root: Path, options: dict[str, object], error: type[Exception], words: str
) -> None:
    if "out" in options:
        options = {"out": root / str(options["out"])}
    with pytest.raises(error, match=words):
        run(root, **options)


def test_manifests_that_cannot_be_fused(root: Path) -> None:
    lines = (root / "films.csv").read_text(encoding="utf-8").splitlines()
    bare = [",".join(line.split(",")[:3]) for line in lines]
    (root / "bare.csv").write_text("\n".join(bare), encoding="utf-8")
    with pytest.raises(UsageError, match="no columns beside those of the films"):
        run(root, "bare.csv")
    ill = [line for line in lines if "NORMAL" not in line]
    (root / "ill.csv").write_text("\n".join(ill), encoding="utf-8")
    with pytest.raises(PneumoscopeError, match="No film of the class NORMAL is left"):
        run(root, "ill.csv")
    (root / "two.csv").write_text("\n".join(lines[:5]), encoding="utf-8")
    with pytest.raises(PneumoscopeError, match=r"2 patients only and 5 folds .* add films"):
        run(root, "two.csv")


def test_films_that_are_all_refused_say_why(root: Path, tmp_path: Path) -> None:
    write_manifest(tmp_path)
    for film in (tmp_path / "films").iterdir():
        film.write_bytes(b"")
    plain: Bundle = load_bundle(root / "plain.pneumo")
    with pytest.raises(PneumoscopeError, match="48 films were refused, as the file is empty"):
        run(tmp_path, bundle=plain)
