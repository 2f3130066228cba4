from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn import metrics as reference

from pneumoscope.evaluation.figures import (
    LABELS,
    Estimate,
    every_figure,
    mean,
    prevalence,
    proportions,
    subtype_sensitivity,
)
from pneumoscope.metrics.intervals import Interval, delong, wilson, wilson_clustered

FILMS = 300


@pytest.fixture(scope="module")
def films() -> dict[str, np.ndarray]:
    """Overlapping scores of 300 films, up to three of a patient."""
    random = np.random.default_rng(3)
    patients = np.sort(random.integers(0, 150, FILMS)).astype(str)
    truth = np.array([int(patient) % 3 > 0 for patient in patients])
    logit = random.normal(np.where(truth, 1.0, -1.0), 1.5)
    return {
        "truth": truth,
        "logit": logit,
        "probability": 1 / (1 + np.exp(-logit)),
        "call": logit >= 0.2,
        "patients": patients,
    }


@pytest.fixture(scope="module")
def found(films: dict[str, np.ndarray]) -> dict[str, Estimate]:
    columns = dict(films)
    return every_figure(columns.pop("truth"), **columns, resamples=400)


def test_values_are_those_of_scikit_learn(
    films: dict[str, np.ndarray], found: dict[str, Estimate]
) -> None:
    truth, call, probability = films["truth"], films["call"], films["probability"]
    expected = {
        "loss": reference.log_loss(truth, probability),
        "accuracy": reference.accuracy_score(truth, call),
        "precision": reference.precision_score(truth, call),
        "recall": reference.recall_score(truth, call),
        "specificity": reference.recall_score(~truth, ~call),
        "negative_predictive_value": reference.precision_score(~truth, ~call),
        "f1": reference.f1_score(truth, call),
        "balanced_accuracy": reference.balanced_accuracy_score(truth, call),
        "roc_auc": reference.roc_auc_score(truth, films["logit"]),
        "average_precision": reference.average_precision_score(truth, films["logit"]),
        "brier": reference.brier_score_loss(truth, probability),
    }
    assert list(found) == list(LABELS)
    assert {name: found[name].value for name in expected} == pytest.approx(expected)


def test_every_figure_has_its_films_patients_interval_and_method(
    films: dict[str, np.ndarray], found: dict[str, Estimate]
) -> None:
    truth, call, patients = films["truth"], films["call"], films["patients"]
    for name, estimate in found.items():
        interval = estimate.interval
        assert interval.low < interval.value < interval.high, name
        assert estimate.reason is None
    assert found["recall"].interval == wilson_clustered(call[truth], patients[truth])
    assert found["precision"].interval == wilson_clustered(truth[call], patients[call])
    assert found["negative_predictive_value"].interval.n == (~call).sum()
    assert found["roc_auc"].interval == delong(truth, films["logit"], patients)
    loss = found["loss"].interval
    assert (loss.n, loss.patients) == (FILMS, np.unique(patients).size)
    assert loss.method == "bootstrap over patients, 400 resamples"


def test_the_seed_decides_on_the_bootstrap(films: dict[str, np.ndarray]) -> None:
    columns = dict(films)
    truth = columns.pop("truth")
    first, again, other = (
        every_figure(truth, **columns, resamples=50, seed=seed)["loss"].interval
        for seed in (1, 1, 2)
    )
    assert first == again
    assert first.value == other.value
    assert first.low != other.low


def figures_of(truth: list[int], logit: list[float]) -> dict[str, Estimate]:
    scores = np.array(logit, dtype=float)
    return every_figure(
        np.array(truth, dtype=bool),
        logit=scores,
        probability=1 / (1 + np.exp(-scores)),
        call=scores >= 0,
        patients=np.arange(len(truth)).astype(str),
        resamples=50,
    )


def test_one_class_leaves_figures_undefined_with_a_reason() -> None:
    found = figures_of([1, 1, 1, 1], [-1.0, 0.5, 1.0, 2.0])
    undefined = {name: found[name].reason for name in LABELS if not found[name].defined}
    both = "the films that were read are not of both classes"
    assert undefined == {
        "specificity": "no negative film was read",
        "balanced_accuracy": both,
        "roc_auc": both,
        "average_precision": both,
    }
    assert found["recall"].value == 0.75
    assert found["specificity"].to_json() == {
        "value": None,
        "low": None,
        "high": None,
        "n": 0,
        "patients": 0,
        "method": "Wilson",
        "reason": "no negative film was read",
    }


def test_nothing_called_has_no_precision() -> None:
    found = figures_of([0, 1, 0, 1], [-1.0, -2.0, -3.0, -1.0])
    assert found["precision"].reason == "no film was called positive"
    assert found["negative_predictive_value"].value == 0.5


def test_no_film_at_all() -> None:
    found = figures_of([], [])
    assert not any(estimate.defined for estimate in found.values())
    assert all(estimate.reason for estimate in found.values())
    assert found["loss"].reason == "no film was read"


def test_a_bootstrap_without_spread_gives_no_interval() -> None:
    found = figures_of([0, 0, 1, 1], [-2.0, -1.0, 1.0, 2.0])
    assert found["f1"].value == 1
    assert math.isnan(found["f1"].interval.low)
    assert found["f1"].reason == "no interval: every resample gives the same figure"
    assert found["accuracy"].interval == wilson(4, 4)
    assert found["loss"].reason is None


def test_one_patient_cannot_be_resampled() -> None:
    estimate = every_figure(
        np.array([True, False]),
        logit=np.array([1.0, -0.5]),
        probability=np.array([0.7, 0.4]),
        call=np.array([True, False]),
        patients=np.array(["a", "a"]),
    )["loss"]
    assert estimate.defined
    assert estimate.limits == "-"
    assert estimate.reason == "no interval: one patient alone cannot be resampled"


def test_proportions_of_a_table_done_by_hand() -> None:
    truth = np.array([1, 1, 1, 0, 0], dtype=bool)
    call = np.array([1, 0, 1, 1, 0], dtype=bool)
    found = proportions(truth, call, np.array(list("abcde")))
    assert {name: estimate.interval for name, estimate in found.items()} == {
        "accuracy": wilson(3, 5),
        "sensitivity": wilson(2, 3),
        "specificity": wilson(1, 2),
        "positive_predictive_value": wilson(2, 3),
        "negative_predictive_value": wilson(1, 2),
    }


def test_subtypes_without_films_are_left_out() -> None:
    found = subtype_sensitivity(
        np.array([True, False, True]),
        np.array(["viral", "viral", "normal"]),
        np.array(list("abc")),
        ("bacterial", "viral"),
    )
    assert {name: estimate.interval for name, estimate in found.items()} == {"viral": wilson(1, 2)}


def test_prevalence_is_the_share_of_positive_films() -> None:
    found = prevalence(np.array([True, False, False, False]), np.array(list("abcd")))
    assert found.interval == wilson(1, 4)


def test_an_estimate_as_text() -> None:
    interval = Interval(0.96149, 0.9339, 0.98, 10, 9, "DeLong")
    assert str(Estimate(interval)) == "0.961 (95 % 0.934 to 0.980)"
    assert "reason" not in Estimate(interval).to_json()
    nothing = Interval(math.nan, math.nan, math.nan, 0, 0, "DeLong")
    assert str(Estimate(nothing, "no film was read")) == "undefined"


def test_a_mean_counts_patients_and_leaves_out_what_is_not_known() -> None:
    random = np.random.default_rng(0)
    of_patient = random.normal(5, 1, 40)
    values = np.repeat(of_patient, 3) + random.normal(0, 0.1, 120)
    patients = np.repeat(np.arange(40), 3).astype(str)
    found = mean(np.append(values, np.nan), np.append(patients, "x")).interval
    assert found.value == pytest.approx(values.mean())
    assert (found.n, found.patients) == (120, 40)
    reach = 2.02 * of_patient.std() / math.sqrt(40)  # of 40 patients, not of 120 films
    assert found.high - found.low == pytest.approx(2 * reach, rel=0.15)


def test_a_mean_without_films_or_spread_says_so() -> None:
    nothing = mean(np.array([np.nan]), np.array(["a"]))
    assert (nothing.defined, nothing.reason) == (False, "no film has this figure")
    same = mean(np.ones(5), np.array(list("abcde")))
    assert same.value == 1
    assert math.isnan(same.interval.low)
    assert same.reason == "no interval: every resample gives the same figure"
