from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy.optimize import minimize

from pneumoscope.errors import UsageError
from pneumoscope.metrics import scores
from pneumoscope.metrics.calibration import (
    Calibration,
    OperatingPoints,
    fit,
    fit_operating_points,
)


def films(n: int = 600, seed: int = 1, prevalence: float = 0.74):
    """Truth and a logit that is right by itself, whose log-odds are exact."""
    random = np.random.default_rng(seed)
    truth = (random.random(n) < prevalence).astype(int)
    distance = random.normal(size=n) + 2 * truth
    return truth, 2 * distance - 2 + math.log(prevalence / (1 - prevalence))


# Probabilities


def test_probability_by_hand():
    calibration = Calibration(temperature=2.0, offset=0.5, prevalence=0.25)

    expected = 1 / (1 + np.exp(-np.array([-1.5, 0.5, 2.5])))
    np.testing.assert_allclose(calibration.probability([-4.0, 0.0, 4.0]), expected)
    np.testing.assert_allclose(
        calibration.probability([-4.0, 0.0, 4.0], prevalence=0.25), expected, rtol=1e-14
    )


def test_prevalence_moves_the_probability_as_bayes_does():
    calibration = Calibration(prevalence=0.74)
    before = calibration.probability([-2.0, 0.3, 3.0])
    after = calibration.probability([-2.0, 0.3, 3.0], prevalence=0.1)

    positive, negative = before * 0.1 / 0.74, (1 - before) * 0.9 / 0.26
    np.testing.assert_allclose(after, positive / (positive + negative))


def test_rebased_probability_is_calibrated_where_fewer_films_are_positive():
    calibration = fit(*films(n=4000))
    truth, _ = films(n=20_000, seed=2, prevalence=0.1)
    # The same appearance of each class: the logit still has the prior of the first films in it.
    distance = np.random.default_rng(3).normal(size=truth.size) + 2 * truth
    logit = 2 * distance - 2 + math.log(0.74 / 0.26)

    moved = calibration.probability(logit, prevalence=0.1)
    assert scores.expected_calibration_error(truth, moved) < 0.015
    assert scores.expected_calibration_error(truth, calibration.probability(logit)) > 0.2


def test_extreme_logits_keep_their_probability():
    found = Calibration().probability([-1e6, -700.0, 0.0, 1e6])

    np.testing.assert_allclose(found, [0.0, math.exp(-700), 0.5, 1.0])


def test_probability_has_the_shape_of_the_logit():
    assert Calibration().probability(0.0).shape == ()
    assert Calibration().probability(np.zeros((2, 3), dtype=np.float32)).dtype == np.float64
    assert Calibration().probability(np.zeros((2, 3))).shape == (2, 3)


@pytest.mark.parametrize("prevalence", [0.0, 1.0, -0.1, math.nan])
def test_impossible_prevalence_is_refused(prevalence):
    with pytest.raises(ValueError, match="prevalence"):
        Calibration().probability(0.0, prevalence=prevalence)
    with pytest.raises(ValueError, match="prevalence"):
        Calibration(prevalence=prevalence)


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.nan, math.inf])
def test_impossible_temperature_is_refused(temperature):
    with pytest.raises(ValueError, match="temperature"):
        Calibration(temperature=temperature)


# The fit


def test_fit_is_maximum_likelihood():
    truth, logit = films()
    found = fit(truth, logit * 3 + 5)
    unpenalised = minimize(
        lambda at: scores.log_loss(truth, Calibration(*at).probability(logit * 3 + 5)),
        [3.0, -1.0],
        method="Nelder-Mead",
        options={"xatol": 1e-8, "fatol": 1e-14},
    )

    assert found.temperature == pytest.approx(unpenalised.x[0], rel=2e-3)
    assert found.offset == pytest.approx(unpenalised.x[1], abs=1e-2)
    assert found.temperature == pytest.approx(3, rel=0.2)
    assert found.prevalence == truth.mean()


@pytest.mark.parametrize("scale", [-1000.0, -1.0, 1e-3, 1.0, 7.0, 1e4])
@pytest.mark.parametrize("shift", [-60.0, 0.0, 5000.0])
def test_mean_probability_is_the_prevalence(scale, shift):
    truth, logit = films()
    found = fit(truth, logit * scale + shift)

    probability = found.probability(logit * scale + shift)
    assert probability.mean() == pytest.approx(found.prevalence, abs=1e-6)
    assert found.temperature > 0


def test_fit_undoes_the_logit_of_an_overconfident_network():
    truth, logit = films(n=3000)
    found = fit(truth, logit * 4 - 3)

    probability = found.probability(logit * 4 - 3)
    assert scores.expected_calibration_error(truth, probability) < 0.02
    assert found.temperature == pytest.approx(4, rel=0.1)
    assert found.offset == pytest.approx(0.75, abs=0.2)


def test_misleading_logit_keeps_its_order_and_loses_its_weight():
    truth, logit = films()
    found = fit(truth, -logit)

    probability = found.probability(np.sort(-logit))
    assert (np.diff(probability) >= 0).all()
    assert probability[-1] - probability[0] < 0.02
    assert 100 < found.temperature < 10_000


@pytest.mark.parametrize(("n", "margin"), [(40, 1e-3), (40, 1.0), (40, 1e3), (2, 1.0), (2, 1e3)])
def test_separable_films_give_a_finite_fit(n, margin):
    truth = np.arange(n) % 2
    logit = margin * (2 * truth - 1 + np.linspace(-0.3, 0.3, n))
    found = fit(truth, logit)

    probability = found.probability(logit)
    # Without the pull towards 1 it would shrink until rounding ends it, at 0.03 margins and less.
    assert min(0.99, 0.1 * margin) < found.temperature < 1.01
    assert scores.log_loss(truth, probability) < 0.3
    assert ((probability > 0.5) == truth).all()


def test_one_wild_logit_does_not_spoil_the_fit():
    truth, logit = films()
    wild = np.append(logit, 1e6)

    assert fit(np.append(truth, 1), wild).temperature == pytest.approx(
        fit(truth, logit).temperature, rel=0.01
    )


def test_equal_logits_give_the_prevalence():
    found = fit([1, 1, 1, 0], [2.5] * 4)

    assert found.probability(2.5) == pytest.approx(0.75)
    assert found.temperature == pytest.approx(1.0)


@pytest.mark.parametrize("fitting", [fit, fit_operating_points])
@pytest.mark.parametrize(
    ("truth", "logit", "fault"),
    [
        ([1, 1, 1], [0.1, 0.2, 0.3], "both classes"),
        ([0, 0], [0.1, 0.2], "both classes"),
        ([], [], "both classes"),
        ([0, 1], [0.1, math.nan], "finite"),
        ([0, 1], [0.1], "2 films"),
        ([0, 2], [0.1, 0.2], "0 and 1"),
    ],
)
def test_unfit_films_are_refused(fitting, truth, logit, fault):
    with pytest.raises(ValueError, match=fault):
        fitting(truth, logit)


# Operating points


def rates(truth, logit, threshold):
    counts = scores.confusion(truth, logit >= threshold)
    return scores.sensitivity(counts), scores.specificity(counts)


def test_operating_points_by_hand():
    #       negatives 0, 1, 2, 5 and positives 3, 4, 6, 7
    truth, logit = [0, 0, 0, 1, 1, 0, 1, 1], [0, 1, 2, 3, 4, 5, 6, 7]
    points = fit_operating_points(truth, logit, screen_sensitivity=1.0, confirm_specificity=1.0)

    # 2.5 calls all positives and one negative: 7/8; 5.5 misses two positives: 3/4.
    assert points == OperatingPoints(screen=2.5, balanced=2.5, confirm=5.5)
    less = fit_operating_points(truth, logit, screen_sensitivity=0.5, confirm_specificity=0.5)
    assert less == OperatingPoints(screen=2.5, balanced=2.5, confirm=2.5)


def test_operating_points_reach_what_was_asked_at_the_best_threshold():
    truth, logit = films(n=2000)
    points = fit_operating_points(truth, logit)
    ordered = np.sort(logit)

    assert points.screen < points.balanced < points.confirm
    assert rates(truth, logit, points.screen)[0] >= 0.98
    assert rates(truth, logit, points.confirm)[1] >= 0.98
    next_up = ordered[np.searchsorted(ordered, points.screen) + 1]
    assert rates(truth, logit, next_up)[0] < 0.98
    last_down = ordered[np.searchsorted(ordered, points.confirm) - 1]
    assert rates(truth, logit, last_down)[1] < 0.98
    best = max(sum(rates(truth, logit, at)) for at in ordered)
    assert sum(rates(truth, logit, points.balanced)) == pytest.approx(best)


def test_balanced_is_the_middle_of_several_best_thresholds():
    # Thresholds 0.5, 2.5 and 4.5 all have sensitivity + specificity 4/3, those between them 1.
    points = fit_operating_points([0, 1, 0, 1, 0, 1], [0, 1, 2, 3, 4, 5])

    assert points == OperatingPoints(screen=0.5, balanced=2.5, confirm=4.5)


def test_tied_films_are_called_together():
    truth = np.array([0, 0, 0, 1, 0, 1, 1, 1])
    logit = np.array([0.0, 0.0, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0])
    points = fit_operating_points(truth, logit)

    assert points.screen == 0.5
    assert points.balanced == points.confirm == 1.5


@pytest.mark.parametrize("logit", [[1.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
def test_two_films_give_ordered_finite_thresholds(logit):
    points = fit_operating_points([0, 1], logit)
    logit = np.array(logit)

    assert points.screen <= points.balanced <= points.confirm
    assert rates([0, 1], logit, points.screen)[0] == 1
    assert rates([0, 1], logit, points.confirm)[1] == 1
    if logit[1] > logit[0]:
        assert points == OperatingPoints(0.5, 0.5, 0.5)


def test_neighbouring_numbers_are_still_told_apart():
    below = 1.0
    above = math.nextafter(below, 2)
    points = fit_operating_points([0, 1], [below, above])

    assert below < points.balanced <= above


@pytest.mark.parametrize("share", [-0.1, 1.1, math.nan])
def test_impossible_targets_are_refused(share):
    with pytest.raises(ValueError, match="within 0 and 1"):
        fit_operating_points([0, 1], [0, 1], screen_sensitivity=share)


def test_threshold_by_name():
    points = OperatingPoints(-1.0, 0.5, 2.0)

    assert [points.threshold(name) for name in ("screen", "balanced", "confirm")] == [-1, 0.5, 2]
    with pytest.raises(UsageError, match="'triage', only screen, balanced, confirm"):
        points.threshold("triage")


@pytest.mark.parametrize("values", [(1, 0, 2), (0, 1, math.inf), (math.nan, 1, 2)])
def test_disordered_or_infinite_thresholds_are_refused(values):
    with pytest.raises(ValueError, match="finite and rise"):
        OperatingPoints(*values)


# JSON


@pytest.mark.parametrize(
    "value", [Calibration(1.7, -0.3, 0.742), OperatingPoints(-1.25, 0.1, 3.0)], ids=type
)
def test_json_there_and_back(value):
    written = json.dumps(value.to_json(), allow_nan=False)

    assert type(value).from_json(json.loads(written)) == value


@pytest.mark.parametrize(
    "written", [{}, {"temperature": 1}, {"temperature": "warm", "offset": 0, "prevalence": 0.5}]
)
def test_json_that_is_no_calibration_is_refused(written):
    with pytest.raises(ValueError, match="Calibration cannot be made of"):
        Calibration.from_json(written)
