import numpy as np
import pytest

from manifests import draw
from pneumoscope.evaluation.fuse_model import (
    PENALTIES,
    Known,
    film_out_of_fold,
    finish,
    fit,
    out_of_fold,
)
from pneumoscope.metrics.folds import deal_patients
from pneumoscope.metrics.intervals import delong


@pytest.fixture(scope="module")
def known() -> Known:
    return draw(600, 400).known()


@pytest.fixture(scope="module")
def fold(known: Known) -> np.ndarray:
    return deal_patients(known.truth, known.patients, folds=5)


def area(known: Known, logit: np.ndarray) -> float:
    return delong(known.truth, logit, known.patients).value


def test_both_are_better_than_either(known: Known, fold: np.ndarray) -> None:
    film = film_out_of_fold(known, fold)
    fields = out_of_fold(known, fold, ["fever", "sex"], film=False, seed=0)
    both = out_of_fold(known, fold, ["fever", "sex"], film=True, seed=0)
    areas = [area(known, each.logit) for each in (film, fields, both)]
    assert areas[2] > max(areas[:2]) + 0.03
    assert film.logit is known.logit
    assert (both.call == known.truth).mean() > 0.8
    assert np.abs(both.probability.mean() - known.truth.mean()) < 0.03


def test_a_film_has_no_part_in_its_own_score(known: Known, fold: np.ndarray) -> None:
    """A column of noise for each film would lift scores that have seen the label."""
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(known.truth.size, known.columns.shape[1]))
    blind = Known(known.truth, 0 * known.logit, known.patients, known.fields, noise)
    found = out_of_fold(blind, fold, ["fever", "sex"], film=True, seed=0)
    assert 0.4 < area(blind, found.logit) < 0.58
    changed = known.truth.copy()
    changed[fold == 0] = ~changed[fold == 0]
    other = Known(changed, known.logit, known.patients, known.fields, known.columns)
    first, second = (out_of_fold(k, fold, ["fever"], film=True, seed=0) for k in (known, other))
    assert np.array_equal(first.logit[fold == 0], second.logit[fold == 0])
    assert np.array_equal(first.call[fold == 0], second.call[fold == 0])


def test_fields_that_tell_nothing_leave_the_film(known: Known) -> None:
    rng = np.random.default_rng(1)
    noise = rng.normal(size=known.columns.shape)
    blind = Known(known.truth, known.logit, known.patients, known.fields, noise)
    weights, penalty = fit(blind, ["fever", "sex"], film=True)
    assert penalty >= PENALTIES[-4]
    assert np.abs(weights.fields).max() < 0.1 * weights.film
    assert weights.film == pytest.approx(fit(known, [], film=True)[0].film, rel=0.05)


def test_fields_that_are_not_named_weigh_nothing(known: Known) -> None:
    weights, _ = fit(known, ["sex"], film=False)
    at = known.at(["fever"])
    assert weights.film == 0
    assert not np.asarray(weights.fields)[at].any()
    assert [known.at([name]).tolist() for name in ("fever", "sex")] == [[0, 1], [2, 3]]


def test_the_whole_is_calibrated_on_scores_out_of_fold(known: Known, fold: np.ndarray) -> None:
    both = out_of_fold(known, fold, ["fever", "sex"], film=True, seed=0)
    fields = out_of_fold(known, fold, ["fever", "sex"], film=False, seed=0)
    fusion, calibration, points, penalties = finish(known, both, fields, seed=0)
    assert calibration.probability(both.logit).mean() == pytest.approx(known.truth.mean(), abs=1e-6)
    assert points.screen <= points.balanced <= points.confirm
    assert set(penalties) == {"both", "fields"}
    told = fusion.fields_alone.calibration.probability(fields.logit)
    assert told.mean() == pytest.approx(known.truth.mean(), abs=1e-6)
    assert fusion.film_alone.weights.logit(known.logit, known.columns).tolist() == (
        known.logit.tolist()
    )
    assert fusion.both.fields[0] > 0
