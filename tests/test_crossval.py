from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grids import SMALL
from pneumoscope.data.acquisition import SHIFT_FOLDS
from pneumoscope.data.catalog import open_catalog
from pneumoscope.errors import PneumoscopeError, UsageError
from pneumoscope.evaluation.crossval import (
    CrossValidation,
    cross_validate,
    to_text,
)
from pneumoscope.evaluation.score_files import SCORES
from pneumoscope.evaluation.trained import read_result
from pneumoscope.metrics import scores
from pneumoscope.model.recipe import NOTEBOOK

RECIPE = replace(NOTEBOOK, **{**SMALL, "epochs": 1}, precision="fp32")


def run(films: Path, sizes: Path, cache: Path, out: Path, **more: Any) -> CrossValidation:
    options = {"by": "grouped", "folds": 2, "recipe": RECIPE, "threads": 1, **more}
    return cross_validate(
        films, out=out, sizes=sizes, cache=cache, resamples=50, progress=False, **options
    )


@pytest.fixture(scope="module")
def grouped(
    films: Path, sizes: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> CrossValidation:
    return run(films, sizes, cache, tmp_path_factory.mktemp("crossval") / "out")


def test_every_film_is_scored_once_by_who_has_not_seen_its_patient(
    grouped: CrossValidation, films: Path
) -> None:
    catalog = open_catalog(films)
    trainable = [film for film in catalog.films if film.split != "test"]
    assert sorted(grouped.scores.keys) == [film.key for film in trainable]
    fold = dict(zip(grouped.scores.keys, grouped.scores.sets, strict=True))
    of_patient: dict[str, set[str]] = {}
    for film in trainable:
        of_patient.setdefault(film.patient, set()).add(fold[film.key])
    assert all(len(folds) == 1 for folds in of_patient.values())
    for name in ("fold-1", "fold-2"):
        result = read_result(grouped.out / name)
        assert result is not None
        # A fold neither trains nor selects.
        assert sum(result["split"].values()) == len(trainable)
        assert result["split"]["apart"] == (grouped.scores.sets == name).sum()
        assert result["split"]["val"] > 0


def test_where_nothing_is_selected_more_is_learned_from(
    grouped: CrossValidation, films: Path, sizes: Path, cache: Path, tmp_path: Path
) -> None:
    last = run(films, sizes, cache, tmp_path / "last", recipe=replace(RECIPE, select="last"))
    for name in ("fold-1", "fold-2"):
        selecting, watching = (read_result(found.out / name) for found in (grouped, last))
        assert selecting is not None
        assert watching is not None
        assert watching["split"]["apart"] == selecting["split"]["apart"]
        assert 0 < watching["split"]["val"] < selecting["split"]["val"]
        assert watching["split"]["train"] > selecting["split"]["train"]


def test_figures_are_of_the_pooled_scores_at_one_threshold(grouped: CrossValidation) -> None:
    assert [part.name for part in grouped.parts] == [
        "fold-1", "fold-2", "pooled", "counter-stereotype",
    ]  # fmt: skip
    pooled, own = grouped.parts[2], grouped.scores
    assert pooled.films == len(own.keys) == 120
    expected = scores.roc_auc(own.truth, own.logit)
    assert pooled.figures["roc_auc"].value == pytest.approx(expected, abs=1e-12)
    called = own.logit >= grouped.operating_points.balanced
    table = scores.confusion(own.truth, called)
    assert pooled.figures["specificity"].value == scores.specificity(table)
    first = own.where(own.sets == "fold-1")
    assert grouped.parts[0].figures["recall"].value == np.mean(
        first.logit[first.truth] >= grouped.operating_points.balanced
    )
    assert grouped.parts[3].films == own.slice.sum() > 0


def test_the_folder_holds_scores_and_results(grouped: CrossValidation) -> None:
    results = json.loads((grouped.out / "results.json").read_text(encoding="utf-8"))
    assert results["by"] == "grouped"
    assert results["operating_points"] == grouped.operating_points.to_json()
    assert [part["name"] for part in results["parts"]] == [p.name for p in grouped.parts]
    assert results["parts"][0]["figures"]["roc_auc"]["patients"] > 0
    assert (grouped.out / SCORES).exists()
    text = to_text(grouped)
    assert "pooled" in text
    assert "sensitivity" in text


def test_done_folds_are_not_trained_again(
    grouped: CrossValidation, films: Path, sizes: Path, cache: Path
) -> None:
    before = (grouped.out / "fold-1" / "result.json").stat().st_mtime_ns
    again = run(films, sizes, cache, grouped.out)
    assert (grouped.out / "fold-1" / "result.json").stat().st_mtime_ns == before
    assert np.array_equal(again.scores.logit, grouped.scores.logit)
    with pytest.raises(UsageError, match="holds a training of another recipe"):
        run(films, sizes, cache, grouped.out, recipe=replace(RECIPE, width=0.5))


def test_by_shift_there_is_a_fold_an_axis(
    films: Path, sizes: Path, cache: Path, tmp_path: Path
) -> None:
    found = run(films, sizes, cache, tmp_path, by="shift")
    assert [part.name for part in found.parts][: len(SHIFT_FOLDS)] == list(SHIFT_FOLDS)
    assert [part.name for part in found.parts][-2:] == ["pooled", "counter-stereotype"]
    size = found.scores.where(found.scores.sets == "size")
    assert size.slice.mean() > 0.45  # small normal and large pneumonia films


def test_what_cannot_be_divided(films: Path, sizes: Path, cache: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="grouped or shift, not 'size'"):
        run(films, sizes, cache, tmp_path, by="size")
    with pytest.raises(PneumoscopeError, match=r"NORMAL .* has 20 patients only: at least 50"):
        run(films, sizes, cache, tmp_path, folds=50)
    with pytest.raises(PneumoscopeError, match="No original size is known"):
        cross_validate(films, by="shift", out=tmp_path, recipe=RECIPE, cache=cache)


def test_a_fold_that_another_process_holds_is_said(
    films: Path, sizes: Path, cache: Path, tmp_path: Path
) -> None:
    from filelock import FileLock

    with (
        FileLock(tmp_path / "fold-1.lock"),
        pytest.raises(UsageError, match="Another process is training"),
    ):
        run(films, sizes, cache, tmp_path)
