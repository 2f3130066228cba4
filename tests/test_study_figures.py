import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from pneumoscope.evaluation.score_files import Scores
from pneumoscope.evaluation.study_figures import LABELS, figures_by_set


def scored(count: int = 400, *, sets: tuple[str, ...] = ("val", "shift"), seed: int = 0) -> Scores:
    rng = np.random.default_rng(seed)
    truth = rng.random(count) < 0.7
    logit = 2.5 * (truth - 0.3) + rng.normal(0, 1.2, count)
    names = np.array([f"film-{i}" for i in range(count)])
    where = np.array(sets)[np.arange(count) % len(sets)]
    own = rng.random(count) < 0.25
    return Scores(where, names, names, truth, names, own, logit, logit * np.nan)


def test_figures_are_those_of_their_set() -> None:
    table = scored()
    found = figures_by_set(table)
    assert list(found) == ["val", "shift", "slice"]
    for name, members in (("shift", table.sets == "shift"), ("slice", table.slice)):
        part, values = table.where(members), found[name].values
        assert list(values) == list(LABELS)
        assert found[name].films == members.sum()
        assert values["roc_auc"] == pytest.approx(roc_auc_score(part.truth, part.logit))
        assert values["average_precision"] == pytest.approx(
            average_precision_score(part.truth, part.logit)
        )
        assert values["accuracy_as_trained"] == np.mean((part.logit >= 0) == part.truth)


def test_the_threshold_comes_from_validation_alone() -> None:
    table = scored()
    moved = table.logit + np.where(table.sets == "shift", 3.0, 0.0)
    before, after = figures_by_set(table), figures_by_set(Scores(*_with(table, logit=moved)))
    assert after["val"].values == before["val"].values
    assert after["shift"].values["sensitivity"] > before["shift"].values["sensitivity"]
    assert after["shift"].values["specificity"] < before["shift"].values["specificity"]
    assert after["shift"].values["roc_auc"] == before["shift"].values["roc_auc"]
    assert after["shift"].values["calibration_error"] > before["shift"].values["calibration_error"]


def test_where_there_is_an_own_validation_the_threshold_comes_from_there() -> None:
    table = scored(600, sets=("val", "shift", "own"))
    moved = table.logit + np.where(table.sets == "own", 2.0, 0.0)
    before, after = figures_by_set(table), figures_by_set(Scores(*_with(table, logit=moved)))
    assert after["own"].values["sensitivity"] == before["own"].values["sensitivity"]
    assert after["val"].values["sensitivity"] < before["val"].values["sensitivity"]


def test_the_pool_and_the_own_validation_are_not_of_the_slice() -> None:
    table = scored(600, sets=("val", "own", "pool"))
    found = figures_by_set(table)
    assert found["slice"].films == (table.slice & (table.sets == "val")).sum()
    assert "pool" not in found


def test_moving_the_threshold_moves_what_is_as_trained_alone() -> None:
    plain, moved = figures_by_set(scored()), figures_by_set(scored(), log_odds=1.0)
    changed = {n for n in LABELS if abs(moved["val"].values[n] - plain["val"].values[n]) > 1e-6}
    assert changed == {
        "accuracy_as_trained",
        "balanced_accuracy_as_trained",
        "calibration_error_as_trained",
    }


def test_specificity_at_a_fixed_sensitivity() -> None:
    truth = np.array([True] * 20 + [False] * 10)
    logit = np.concatenate([[-5.0], np.linspace(1, 3, 19), np.linspace(-2, 0, 7), [2, 2.5, 4]])
    names = np.array([f"{i}" for i in range(30)])
    sets = np.array(["val"] * 30)
    table = Scores(sets, names, names, truth, names, np.zeros(30, bool), logit, logit)
    # 19 of 20 are kept at a threshold of 1, where 7 of 10 normal films lie below.
    assert figures_by_set(table)["val"].values["specificity_at_95"] == pytest.approx(0.7)


def test_a_set_of_one_class_has_no_figures() -> None:
    table = scored()
    truth = table.truth | (table.sets == "shift")
    assert "shift" not in figures_by_set(Scores(*_with(table, truth=truth)))


def _with(table: Scores, **changed: np.ndarray) -> list[np.ndarray]:
    return [changed.get(name, getattr(table, name)) for name in Scores.__slots__]
