from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grids import SMALL
from pneumoscope.data.split import Split, make_split
from pneumoscope.errors import PneumoscopeError, UsageError
from pneumoscope.evaluation import trained
from pneumoscope.evaluation.score_files import SCORES, read_scores
from pneumoscope.evaluation.study_plan import BASE
from pneumoscope.evaluation.trained import (
    Films,
    open_films,
    read_result,
    require_same,
    train_and_score,
)

# Enough steps to learn the made films for certain: their order is then no matter of rounding.
STEPS = {"epochs": 8, "steps": 60, "learning_rate": 2e-3, "schedule": "cosine", "width": 0.5}
RECIPE = replace(BASE, **{**SMALL, **STEPS})


@pytest.fixture(scope="module")
def opened(films: Path, sizes: Path, cache: Path) -> Films:
    return open_films(films, sizes=sizes, cache=cache, shift=True)


@pytest.fixture(scope="module")
def split(opened: Films, cache: Path) -> Split:
    return make_split(opened.catalog, method="shift", cache=cache)


@pytest.fixture(scope="module")
def done(
    opened: Films, split: Split, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Any], list[float]]:
    folder = tmp_path_factory.mktemp("cells") / "one"
    epochs: list[float] = []
    result = train_and_score(
        *(folder, opened, RECIPE, split),
        sets={"val": split.val, "shift": split.apart},
        facts={"seed": 0},
        threads=1,
        watch=lambda row: epochs.append(row["epoch"]),
    )
    return folder, result, epochs


def test_what_is_left_is_the_result_and_the_scores(
    done: tuple[Path, dict[str, Any], list[float]], split: Split
) -> None:
    folder, result, epochs = done
    assert {path.name for path in folder.iterdir()} == {"result.json", SCORES}
    assert read_result(folder) == result
    assert result["status"] == "done"
    assert epochs == [1, 2, 3, 4, 5, 6, 7, 8]
    assert [row["epoch"] for row in result["history"]] == epochs
    assert result["split"] == {
        "train": len(split.train), "val": len(split.val), "apart": len(split.apart),
    }  # fmt: skip
    assert len(result["variance_shift"]) == 7


def test_every_film_of_every_set_has_its_logit(
    done: tuple[Path, dict[str, Any], list[float]], split: Split, opened: Films
) -> None:
    scores = read_scores(done[0] / SCORES)
    assert tuple(scores.keys[scores.sets == "val"]) == split.val
    assert tuple(scores.keys[scores.sets == "shift"]) == split.apart
    label = {film.key: film.label for film in opened.catalog.films}
    assert scores.truth.tolist() == [bool(label[key]) for key in scores.keys]
    assert scores.slice.tolist() == [key in opened.slice for key in scores.keys]
    assert np.isfinite(scores.logit).all()


def test_the_reader_scores_as_the_training_did(
    done: tuple[Path, dict[str, Any], list[float]],
) -> None:
    from sklearn.metrics import roc_auc_score

    folder, result, _ = done
    scores = read_scores(folder / SCORES)
    own = scores.where(scores.sets == "val")
    measured = result["history"][result["epoch"] - 1]["val_auc"]
    assert measured > 0.9
    assert roc_auc_score(own.truth, own.logit) == pytest.approx(measured, abs=0.02)


def test_the_slice_is_of_small_normal_and_large_pneumonia_films(opened: Films) -> None:
    films = opened.catalog.pick(opened.slice).films
    normal = [film.width for film in films if film.label == 0 and film.width]
    pneumonia = [film.width for film in films if film.label == 1 and film.width]
    assert normal
    assert pneumonia
    all_normal = sorted(f.width or 0 for f in opened.catalog.films if f.label == 0)
    assert max(normal) < all_normal[len(all_normal) // 2]
    assert not any(film.split == "test" for film in films)


def test_a_training_that_diverges_is_a_result(opened: Films, split: Split, tmp_path: Path) -> None:
    recipe = replace(RECIPE, learning_rate=9.9, normalise=False, epochs=3)
    result = _until_diverged(opened, split, tmp_path, recipe)
    assert result["status"] == "diverged"
    assert "diverged in epoch" in result["reason"]
    assert read_result(tmp_path / "bad") == result


def _until_diverged(opened: Films, split: Split, out: Path, recipe: Any) -> dict[str, Any]:
    """The loss is made infinite: a learning rate alone need not do it on every machine."""
    import torch

    def infinite(output: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
        return output.mean() * torch.inf

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pneumoscope.model.teaching.loss_of", infinite)
        return train_and_score(
            *(out / "bad", opened, recipe, split), sets={"val": split.val}, facts={"seed": 0}
        )


def test_stopped_between_training_and_scoring_it_goes_on(
    opened: Films, split: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: Any, **__: Any) -> int:
        raise KeyboardInterrupt

    arguments = (tmp_path / "cell", opened, replace(RECIPE, epochs=1), split)
    with monkeypatch.context() as patch:
        patch.setattr(trained, "_score", stop)
        with pytest.raises(KeyboardInterrupt):
            train_and_score(*arguments, sets={"val": split.val}, facts={"seed": 0})
    assert read_result(tmp_path / "cell") is None
    epochs: list[float] = []
    watch: Callable[[dict[str, float]], None] = lambda row: epochs.append(row["epoch"])  # noqa: E731
    result = train_and_score(*arguments, sets={"val": split.val}, facts={"seed": 0}, watch=watch)
    assert result["status"] == "done"
    assert epochs == []  # nothing was trained again


def test_damage_is_named(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text("{", encoding="utf-8")
    with pytest.raises(PneumoscopeError, match=r"result.json is damaged; delete it"):
        read_result(tmp_path)
    (tmp_path / SCORES).write_bytes(b"\x1f\x8b and no more")
    with pytest.raises(PneumoscopeError, match=r"scores.csv.gz is damaged; delete its folder"):
        read_scores(tmp_path / SCORES)
    assert read_result(tmp_path / "nothing") is None


def test_other_films_and_other_recipes_are_refused(
    done: tuple[Path, dict[str, Any], list[float]], opened: Films
) -> None:
    folder, result, _ = done
    require_same(result, opened, RECIPE, folder)
    with pytest.raises(UsageError, match="holds a training on other films"):
        require_same(result, replace(opened, digest="other"), RECIPE, folder)
    with pytest.raises(UsageError, match="holds a training of another recipe"):
        require_same(result, opened, replace(RECIPE, width=1.0), folder)
