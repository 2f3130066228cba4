from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bundles import LABELLED, make_bundle, seen, write_brightness, write_labelled
from pneumoscope.data.duplicates import perceptual_hash
from pneumoscope.errors import PneumoscopeError, UsageError
from pneumoscope.evaluation.score_files import SCORES, write_scores
from pneumoscope.evaluation.suggest import suggest
from pneumoscope.evaluation.suggestions import Suggestions
from pneumoscope.files import write_json
from pneumoscope.inference.bundle import SeenFilm, hash_patient
from pneumoscope.inference.reader import Look, Reader


def run(where: Path, **options: Any) -> Suggestions:
    """``suggest`` with the bundle of brightness, into a folder beside ``where``."""
    options = {"out": where.parent / "out", "threads": 1, "progress": False} | options
    if "bundle" not in options:
        options["bundle"] = make_bundle(where.parent / "b.pneumo")
    return suggest(where, **options)


def pile(folder: Path, logits: list[float]) -> Path:
    for i, logit in enumerate(logits):
        write_brightness(folder / f"film-{i}.png", logit, seed=i)
    return folder


def keep_scores(folder: Path, logits: dict[str, float]) -> Path:
    """What ``crossval`` leaves: scores and their calibration, which here changes nothing."""
    rows = [("fold-1", key, key, 0, "", 0, logit, None) for key, logit in logits.items()]
    write_scores(folder / SCORES, rows)
    part = {"figures": {"roc_auc": {"value": 0.9}}}
    calibration = {"temperature": 1.0, "offset": 0.0, "prevalence": 0.5}
    write_json(
        folder / "results.json", {"by": "grouped", "parts": [part], "calibration": calibration}
    )
    return folder


def test_unsure_films_come_first_one_a_patient(tmp_path: Path) -> None:
    logits = [3.0, -0.1, 2.0, -4.0, 0.4, 5.0, -5.0, 4.0, -3.0, 3.5, -2.5, 4.5, 1.0]
    found = run(pile(tmp_path / "ward", logits), n=2)
    assert found.to_label[0].film.key == "film-1.png"
    assert found.to_label[0].probability == pytest.approx(0.475, abs=0.01)
    # Of the eight nearest to one half the second is the one that looks least like the first.
    near = {f"film-{i}.png" for i in np.argsort(np.abs(logits))[:8]}
    assert found.to_label[1].film.key in near
    assert (found.unlabelled.films, found.unlabelled.read, found.unlabelled.found) == (13, 13, 13)
    assert found.labelled.films == 0
    assert found.to_check == ()


def test_uncertainty_is_that_of_the_calibrated_probability(tmp_path: Path) -> None:
    from pneumoscope.metrics.calibration import Calibration

    bundle = make_bundle(tmp_path / "b.pneumo", calibration=Calibration(2.0, 1.0))
    found = run(pile(tmp_path / "ward", [0.0, -2.0, 1.0, -5.0]), n=1, bundle=bundle)
    assert found.to_label[0].film.key == "film-1.png"
    assert found.to_label[0].probability == pytest.approx(0.5, abs=0.02)


def test_more_than_there_are_gives_all_with_a_note(tmp_path: Path) -> None:
    found = run(pile(tmp_path / "ward", [1.0, 2.0]), n=50)
    assert len(found.to_label) == 2
    assert "50 films to label were asked for, and there are 2, one a patient." in found.notes


def test_equal_scores_are_said(tmp_path: Path) -> None:
    where = pile(tmp_path / "ward", [1.0])
    for name in ("a", "b"):
        Image.open(where / "film-0.png").save(where / f"{name}.png")
    assert any("same score" in note for note in run(where).notes)


def test_labels_that_the_bundle_contradicts(tmp_path: Path) -> None:
    found = run(write_labelled(tmp_path / "films"))
    against = [(each.label, each.film.path.name) for each in found.to_check]
    assert against == [
        ("PNEUMONIA", "person90005_virus_6.png"),
        ("PNEUMONIA", "person90002_bacteria_3.png"),
        ("NORMAL", "NORMAL2-IM-90004-0001.png"),
    ]
    first = found.to_check[0]
    assert first.self_confidence == pytest.approx(first.probability)
    assert first.self_confidence == pytest.approx(1 / (1 + np.exp(1.7)), abs=0.01)
    assert first.confident
    assert (found.labelled.films, found.labelled.read, found.labelled.found) == (11, 11, 3)
    assert found.scores == "bundle"
    assert any("crossval" in note for note in found.notes)


def test_films_trained_on_their_near_copies_and_test_films_are_left_out(tmp_path: Path) -> None:
    where = write_labelled(tmp_path / "films")
    reader = Reader(make_bundle(tmp_path / "plain.pneumo"))
    doubted = where / "PNEUMONIA" / "person90005_virus_6.png"
    alike = where / "PNEUMONIA" / "person90002_bacteria_3.png"
    look = reader.look(alike)
    assert isinstance(look, Look)
    copy = SeenFilm("0" * 64, perceptual_hash(look.pixels), hash_patient("salt", "x"), "train")
    bundle = make_bundle(tmp_path / "b.pneumo", films=[seen(doubted, "train"), copy])
    whole = tmp_path / "whole"
    write_labelled(whole / "train")
    write_brightness(whole / "test" / "NORMAL" / "held.png", 4.0)
    found = run(whole, bundle=bundle)
    names = [each.film.path.name for each in found.to_check]
    assert names == ["NORMAL2-IM-90004-0001.png"]
    assert "1 labelled test films were left alone." in found.notes
    assert "1 labelled films that the bundle has trained on were left out." in found.notes
    assert any("look like films that the bundle has trained on" in note for note in found.notes)


def test_scores_out_of_fold_decide_where_there_are_such(tmp_path: Path) -> None:
    where = write_labelled(tmp_path / "films")
    logits = {key: (3.0 if key.startswith("P") else -3.0) for key in LABELLED}
    wrong = "NORMAL/NORMAL2-IM-90001-0001.png"
    logits[wrong] = 2.0
    del logits["PNEUMONIA/person90004_virus_5.png"]
    found = run(where, out_of_fold=keep_scores(tmp_path / "cv", logits))
    (only,) = found.to_check
    assert only.film.key == wrong
    assert only.probability == pytest.approx(1 / (1 + np.exp(-2.0)))
    assert only.confident == (only.probability >= 1 / (1 + np.exp(-3.0)))
    assert found.scores == "out-of-fold"
    assert (found.labelled.films, found.labelled.read) == (11, 10)
    assert any(note.startswith("10 of 11 labelled films have") for note in found.notes)


def test_a_doubtful_film_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    where = write_labelled(tmp_path / "films")
    logits = dict.fromkeys(LABELLED, 3.0)
    broken = where / "NORMAL" / "NORMAL2-IM-90001-0001.png"
    logits["NORMAL/NORMAL2-IM-90001-0002.png"] = -3.0
    broken.write_bytes(b"no film")
    found = run(where, out_of_fold=keep_scores(tmp_path / "cv", logits))
    assert [key for key, _ in found.refused] == ["NORMAL/NORMAL2-IM-90001-0001.png"]
    assert len(found.to_check) == 3


def test_what_cannot_be_asked_is_one_sentence(tmp_path: Path) -> None:
    where = write_labelled(tmp_path / "films")
    with pytest.raises(UsageError, match="not 0"):
        run(where, n=0)
    scores = keep_scores(tmp_path / "cv", {"other.png": 1.0})
    with pytest.raises(UsageError, match="scores of other films"):
        run(where, out_of_fold=scores)
    with pytest.raises(UsageError, match="no labels to hold against"):
        run(pile(tmp_path / "ward", [1.0]), out_of_fold=scores)
    with pytest.raises(UsageError, match="cannot be written"):
        run(where, out=where / "NORMAL" / "NORMAL2-IM-90001-0001.png")
    broken = tmp_path / "broken"
    broken.mkdir()
    for name in ("a.png", "b.png"):
        (broken / name).write_bytes(b"no film")
    with pytest.raises(PneumoscopeError, match=r"Not one of the 2 films could be read; a.png: "):
        run(broken)
    assert not (tmp_path / "out" / "suggestions.json").exists()


def test_nothing_is_left_where_all_was_trained_on(tmp_path: Path) -> None:
    where = write_labelled(tmp_path / "films")
    films = [seen(path, "train") for path in where.rglob("*.png")]
    bundle = make_bundle(tmp_path / "b.pneumo", films=films)
    with pytest.raises(PneumoscopeError, match="has trained on all 11 films"):
        run(where, bundle=bundle)


def test_equal_scores_contradict_no_label(tmp_path: Path) -> None:
    where = write_labelled(tmp_path / "films")
    found = run(where, out_of_fold=keep_scores(tmp_path / "cv", dict.fromkeys(LABELLED, 3.0)))
    assert found.to_check == ()
    assert "All labelled films have the same score, which contradicts no label." in found.notes


def test_one_class_is_ranked_and_never_confident(tmp_path: Path) -> None:
    where = tmp_path / "films"
    for i, logit in enumerate((-2.0, 1.0, 2.0)):
        write_brightness(where / "NORMAL" / f"{i}.png", logit, seed=i)
    found = run(where)
    assert [each.film.key for each in found.to_check] == ["NORMAL/2.png", "NORMAL/1.png"]
    assert not any(each.confident for each in found.to_check)
    assert any(note.startswith("All labels are NORMAL") for note in found.notes)


def test_some_with_labels_and_some_without(tmp_path: Path) -> None:
    where = write_labelled(tmp_path / "films")
    write_brightness(where / "unlabelled" / "new.png", 0.2, seed=50)
    (where / "loose.png").write_bytes(b"no film")
    found = run(where, n=1)
    assert [each.film.key for each in found.to_label] == ["unlabelled/new.png"]
    assert len(found.to_check) == 1
    assert [key for key, _ in found.refused] == ["loose.png"]
    told = json.loads((found.out / "suggestions.json").read_text())
    assert told["labelled"]["contradicted"] == 3
    with (found.out / "to_check.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 1
