from __future__ import annotations

import itertools
import json
import math
from statistics import NormalDist

import numpy as np
import pytest
from scipy import stats

from pneumoscope.metrics import intervals, scores
from pneumoscope.metrics.clustered import placement_variance, placements
from pneumoscope.metrics.intervals import (
    Interval,
    bootstrap,
    delong,
    delong_paired,
    mcnemar,
    wilson,
    wilson_clustered,
)


def bounds(interval):
    return interval.low, interval.high


def clustered_films(random, patients: int, auc: float, alike: float, mixed: bool = False):
    """Truth, score and patient of films whose area under the curve is ``auc``.

    Patients have 1 to 12 films, whose scores correlate by ``alike``; a patient has one class, or
    with ``mixed`` films of both.
    """
    patient = np.repeat(np.arange(patients), np.minimum(random.geometric(0.6, patients), 12))
    truth = random.integers(0, 2, size=patient.size if mixed else patients)
    truth = truth if mixed else truth[patient]
    own, shared = random.normal(size=patient.size), random.normal(size=patients)[patient]
    apart = math.sqrt(2) * NormalDist().inv_cdf(auc)
    return truth, math.sqrt(alike) * shared + math.sqrt(1 - alike) * own + apart * truth, patient


def variance_by_pairs(truth, scores_, patients):
    """Obuchowski's variance from the definition, pair by pair (``scores_``: (readers, n))."""
    positive, negative = np.flatnonzero(truth == 1), np.flatnonzero(truth == 0)
    m, n = positive.size, negative.size
    wins = np.zeros((m, n))
    for sign, score in zip((1, -1), scores_, strict=False):
        difference = score[positive][:, None] - score[negative][None, :]
        wins += sign * ((difference > 0) + 0.5 * (difference == 0))
    area = wins.mean()
    count = np.unique(patients).size
    of_positive = np.bincount(patients[positive], wins.mean(axis=1) - area, count)
    of_negative = np.bincount(patients[negative], wins.mean(axis=0) - area, count)
    k10, k01 = np.unique(patients[positive]).size, np.unique(patients[negative]).size
    s10 = k10 / ((k10 - 1) * m) * np.square(of_positive).sum()
    s01 = k01 / ((k01 - 1) * n) * np.square(of_negative).sum()
    s11 = count / (count - 1) * np.dot(of_positive, of_negative)
    return area, s10 / m + s01 / n + 2 * s11 / (m * n)


# Proportions


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [  # Newcombe 1998, Statistics in Medicine 17:857, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_equals_published_intervals(hits, n, low, high):
    assert bounds(wilson(hits, n)) == pytest.approx((low, high), abs=5e-5)
    assert bounds(wilson(n - hits, n)) == pytest.approx((1 - high, 1 - low), abs=5e-5)


def test_wilson_of_nothing_and_of_the_impossible():
    nothing = wilson(0, 0)
    assert math.isnan(nothing.value)
    assert math.isnan(nothing.low)
    assert nothing.n == 0
    with pytest.raises(ValueError, match="5 hits among 4"):
        wilson(5, 4)


def test_clustered_wilson_is_wilson_where_every_patient_has_one_film():
    hit = np.arange(50) % 5 > 0

    assert wilson_clustered(hit, [f"p{i}" for i in range(50)]) == wilson(40, 50)
    assert wilson_clustered([], []).n == 0


def test_repeated_films_add_nothing():
    hit = np.random.default_rng(1).random(400) < 0.8
    once, twice = wilson(int(hit.sum()), 400), wilson_clustered(hit.repeat(2), np.arange(800) // 2)

    assert (twice.n, twice.patients) == (800, 400)
    assert bounds(twice) == pytest.approx(bounds(once), abs=2e-4)


@pytest.mark.parametrize("value", [0, 1])
def test_all_films_alike_count_as_patients(value):
    found = wilson_clustered(np.full(60, value), np.arange(60) // 3)

    assert bounds(found) == pytest.approx(bounds(wilson(20 * value, 20)))


def test_a_single_mistake_does_not_make_films_independent():
    # One mistake cannot show how alike a patient's films are: half the largest effect is kept.
    found = wilson_clustered(np.arange(300) > 0, np.arange(300) // 3)

    assert found.low == pytest.approx(
        _wilson_by_formula(299 / 300, 300 / ((1 + 3) / 2))[0], rel=1e-4
    )
    assert found.low < wilson(299, 300).low - 0.01


def test_patients_who_balance_do_not_make_it_narrower():
    assert bounds(wilson_clustered(np.arange(80) % 2, np.arange(80) // 2)) == bounds(wilson(40, 80))


def test_one_patient_is_one_observation():
    assert bounds(wilson_clustered([1, 1, 0, 1], ["a"] * 4)) == pytest.approx(
        bounds(Interval(0.75, *_wilson_by_formula(0.75, 1), 4, 1, ""))
    )


def _wilson_by_formula(share, n):
    z = NormalDist().inv_cdf(0.975)
    centre, reach = (
        share + z * z / (2 * n),
        z * math.sqrt(share * (1 - share) / n + (z / n) ** 2 / 4),
    )
    return (centre - reach) / (1 + z * z / n), (centre + reach) / (1 + z * z / n)


# Area under the curve


def test_delong_by_hand():
    # Placements: positives 1 and 3/4, negatives 1 and 3/4; variance 2 * (1/32) / 2.
    found = delong([1, 1, 0, 0], [3, 2, 1, 2])
    reach = stats.t.ppf(0.975, 4) * math.sqrt(1 / 32) / (7 / 8 / 8)

    assert found.value == 7 / 8
    expected = [1 / (1 + math.exp(-math.log(7) + sign * reach)) for sign in (1, -1)]
    assert bounds(found) == pytest.approx(expected)


@pytest.mark.parametrize("decimals", [1, 6])
@pytest.mark.parametrize("mixed", [False, True])
def test_delong_has_obuchowskis_variance(mixed, decimals):
    random = np.random.default_rng(4)
    truth, score, patients = clustered_films(random, 60, 0.8, 0.7, mixed=mixed)
    score = score.round(decimals)
    area, variance = variance_by_pairs(truth, [score], patients)
    found = delong(truth, score, patients)

    assert found.value == pytest.approx(area)
    assert found.value == pytest.approx(scores.roc_auc(truth, score))
    placed = placements(truth == 1, score)
    assert placement_variance(truth == 1, placed, patients)[0] == pytest.approx(variance)
    log_odds = [math.log(p / (1 - p)) for p in (found.low, area, found.high)]
    assert log_odds[2] - log_odds[1] == pytest.approx(log_odds[1] - log_odds[0])
    quantile = (log_odds[2] - log_odds[1]) * area * (1 - area) / math.sqrt(variance)
    assert 1.95 < quantile < stats.t.ppf(0.975, 4)


def test_delong_tends_to_the_normal_quantile():
    random = np.random.default_rng(5)
    truth = random.integers(0, 2, size=4000)
    score = random.normal(size=4000) + truth
    _, variance = variance_by_pairs(truth, [score], np.arange(4000))
    found = delong(truth, score)

    assert (found.high - found.low) / 2 == pytest.approx(1.96 * math.sqrt(variance), rel=0.005)


def test_delong_counts_a_repeated_film_once():
    random = np.random.default_rng(6)
    truth = random.integers(0, 2, size=80)
    score = random.normal(size=80) + truth
    once = delong(truth, score)
    twice = delong(truth.repeat(2), score.repeat(2), np.arange(160) // 2)

    assert bounds(twice) == pytest.approx(bounds(once))
    assert (twice.n, twice.patients) == (160, 80)
    assert delong(truth.repeat(2), score.repeat(2)).low > once.low + 0.02


def test_delong_of_a_flawless_reader_depends_on_the_smaller_class():
    truth = np.array([1] * 40 + [0] * 10)
    flawless = delong(truth, truth)

    assert flawless.value == 1.0
    assert bounds(flawless) == pytest.approx(bounds(wilson(10, 10)))
    assert bounds(delong(truth, -truth)) == pytest.approx(bounds(wilson(0, 10)))
    patients = np.repeat(np.arange(25), 2)
    assert bounds(delong(truth, truth, patients)) == pytest.approx(bounds(wilson(5, 5)))


def test_delong_of_equal_scores_and_of_a_lone_positive():
    tied = delong([1, 1, 0, 0, 0], [0.5] * 5)
    assert tied.value == 0.5
    assert tied.low < 0.2
    assert tied.high > 0.8
    lone = delong([1, 0, 0, 0, 0], [0.5, 0.1, 0.2, 0.3, 0.6])
    assert lone.value == 0.75
    assert 0 < lone.low < 0.25


@pytest.mark.parametrize("truth", [[], [1, 1], [0, 0, 0]])
def test_delong_of_one_class_is_nan(truth):
    found = delong(truth, np.arange(len(truth)))

    assert all(math.isnan(x) for x in (found.value, found.low, found.high))
    assert found.n == len(truth)
    written = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert written["value"] is None
    assert written["n"] == len(truth)


def test_patients_must_match_the_films():
    with pytest.raises(ValueError, match="3 films"):
        delong([0, 1, 1], [1, 2, 3], ["a", "b"])


# Coverage: how often the interval holds the truth. 95 % of 1,000 sets vary by 0.7 points.


@pytest.mark.parametrize(
    ("patients", "auc", "alike", "mixed"),
    [
        (300, 0.75, None, False),
        (300, 0.95, None, False),
        (250, 0.90, 0.7, False),
        (250, 0.98, 0.7, False),
        (150, 0.90, 0.5, True),
    ],
)
def test_delong_covers(patients, auc, alike, mixed):
    random = np.random.default_rng(7)
    held = 0
    for _ in range(1000):
        truth, score, patient = clustered_films(random, patients, auc, alike or 0.0, mixed=mixed)
        found = delong(truth, score, None if alike is None else patient)
        held += found.low <= auc <= found.high

    assert 930 <= held <= 970


@pytest.mark.parametrize(("share", "spread"), [(0.8, 2.0), (0.95, 2.0), (0.9, None)])
def test_clustered_wilson_covers(share, spread):
    random = np.random.default_rng(8)
    held = 0
    for _ in range(1000):
        patient = np.repeat(np.arange(200), np.minimum(random.geometric(0.6, 200), 12))
        own = (
            random.beta(spread * share, spread * (1 - share), 200)
            if spread
            else np.full(200, share)
        )
        found = wilson_clustered(random.random(patient.size) < own[patient], patient)
        held += found.low <= share <= found.high

    assert 930 <= held <= 970


def test_bootstrap_covers_a_score_near_its_limit():
    # Percentiles as they come hold the true value in 89 % of such sets.
    def drawn(random, patients):
        truth, score, patient = clustered_films(random, patients, 0.97, 0.5)
        return truth, score, patient

    random = np.random.default_rng(9)
    truth, score, _ = drawn(random, 200_000)
    true = scores.average_precision(truth, score)
    held = 0
    for seed in range(250):
        truth, score, patient = drawn(random, 100)
        prepared = {"ap": lambda w, t=truth, s=score: scores.average_precision(t, s, w)}
        low, high = bootstrap(prepared, patient, resamples=500, seed=seed)["ap"]
        held += low <= true <= high

    assert 0.92 <= held / 250 <= 0.98


# Bootstrap


def figures_of(truth, score):
    probability = 1 / (1 + np.exp(-score))
    return scores.figures(truth, score=score, probability=probability, call=score >= 0)


def test_bootstrap_agrees_with_delong_and_wilson_on_many_patients():
    random = np.random.default_rng(10)
    truth, score, patients = clustered_films(random, 1500, 0.85, 0.6)
    found = bootstrap(figures_of(truth, score), patients)

    area = delong(truth, score, patients)
    assert found["roc_auc"] == pytest.approx(bounds(area), abs=0.1 * (area.high - area.low))
    right = wilson_clustered((score >= 0) == truth, patients)
    assert found["accuracy"] == pytest.approx(bounds(right), abs=0.1 * (right.high - right.low))


def test_bootstrap_draws_patients_not_films():
    random = np.random.default_rng(11)
    truth = random.integers(0, 2, size=150)
    score = random.normal(size=150) + truth
    once = bootstrap(figures_of(truth, score), [f"p{i:03}" for i in range(150)], resamples=300)
    patients = np.repeat([f"p{i:03}" for i in range(150)], 4)
    again = bootstrap(figures_of(truth.repeat(4), score.repeat(4)), patients, resamples=300)

    for name in once:
        if name != "expected_calibration_error":  # its bins are finer on more films
            assert again[name] == pytest.approx(once[name], abs=1e-9), name


def test_bootstrap_weights_are_how_often_each_patient_was_drawn():
    seen = []

    def keep(weights):
        seen.append(weights)
        return weights[:, 0]

    bootstrap({"kept": keep}, ["a", "b", "b", "c"], resamples=200)
    weights = np.concatenate(seen[:-1])

    assert weights.shape == (200, 4)
    np.testing.assert_array_equal(weights[:, 1], weights[:, 2])
    np.testing.assert_array_equal(weights[:, [0, 1, 3]].sum(axis=1), np.full(200, 3))
    assert len(np.unique(weights, axis=0)) == 10  # the multisets of three out of three


def test_bootstrap_depends_on_the_seed_and_not_on_the_block(monkeypatch):
    random = np.random.default_rng(12)
    truth, score, patients = clustered_films(random, 60, 0.9, 0.5)
    prepared = figures_of(truth, score)
    whole = bootstrap(prepared, patients, resamples=100, seed=3)
    monkeypatch.setattr(intervals, "_BLOCK", 7 * truth.size)

    again = bootstrap(prepared, patients, resamples=100, seed=3)
    for name in whole:
        assert again[name] == pytest.approx(whole[name]), name
    assert bootstrap(prepared, patients, resamples=100, seed=4)["brier"] != whole["brier"]


def test_bootstrap_leaves_out_undefined_resamples():
    truth, score = np.array([1, 0, 1]), np.array([0.9, 0.1, 0.2])
    found = bootstrap({"auc": lambda w: scores.roc_auc(truth, score, w)}, [1, 2, 3], resamples=99)

    assert found["auc"] == (1.0, 1.0)


@pytest.mark.parametrize("patients", [[], ["a", "a"]])
def test_bootstrap_needs_two_patients(patients):
    n = len(patients)
    found = bootstrap({"brier": lambda w: scores.brier(np.zeros(n), np.zeros(n), w)}, patients)

    assert all(math.isnan(x) for x in found["brier"])


def test_bootstrap_of_a_figure_that_is_never_defined_is_nan():
    found = bootstrap({"auc": lambda w: scores.roc_auc([1, 1], [0.1, 0.2], w)}, [1, 2])

    assert all(math.isnan(x) for x in found["auc"])


def test_calibration_error_interval_holds_the_value_and_reaches_zero_when_calibrated():
    random = np.random.default_rng(13)
    probability = random.random(600)
    truth = (random.random(600) < probability).astype(int)

    def error(weights):
        return scores.expected_calibration_error(truth, probability, weights)

    def skewed(weights):
        return scores.expected_calibration_error(truth, probability**3, weights)

    both = {"true": error, "skewed": skewed}
    found = bootstrap(both, np.arange(600), inflated=both)
    assert found["true"][0] == 0.0
    assert error(None) <= found["true"][1] < 0.1
    assert 0.15 < found["skewed"][0] < skewed(None) < found["skewed"][1] < 0.35


# Two readers


@pytest.mark.parametrize("mixed", [False, True])
def test_paired_delong_has_obuchowskis_variance(mixed):
    random = np.random.default_rng(14)
    truth, score, patients = clustered_films(random, 80, 0.8, 0.6, mixed=mixed)
    other = (score + random.normal(size=score.size)).round(1)
    difference, variance = variance_by_pairs(truth, [score, other], patients)
    found = delong_paired(truth, score, other, patients)

    assert found.difference == pytest.approx(difference)
    t = difference / math.sqrt(variance)
    assert stats.norm.sf(abs(t)) * 2 <= found.p <= stats.t.sf(abs(t), 15) * 2
    assert (found.low > 0 or found.high < 0) == (found.p < 0.05)
    assert (found.low + found.high) / 2 == pytest.approx(difference)
    reverse = delong_paired(truth, other, score, patients)
    assert (reverse.low, reverse.high, reverse.p) == pytest.approx(
        (-found.high, -found.low, found.p)
    )


def test_paired_delong_rejects_as_often_as_it_says():
    random = np.random.default_rng(15)
    rejected = 0
    for _ in range(1000):
        truth, score, patients = clustered_films(random, 120, 0.85, 0.6)
        base = score - score.mean()
        a, b = (base + random.normal(size=120)[patients] for _ in range(2))
        rejected += delong_paired(truth, a, b, patients).p < 0.05

    assert 30 <= rejected <= 70


def test_paired_delong_of_the_same_ranking():
    truth, score = [1, 0, 1, 0], [0.9, 0.2, 0.6, 0.7]
    same = delong_paired(truth, score, np.exp(score))

    assert (same.difference, same.low, same.high, same.p) == (0.0, 0.0, 0.0, 1.0)


def test_paired_delong_without_variance_or_class_is_nan():
    opposite = delong_paired([1, 1, 0, 0], [4, 3, 2, 1], [1, 2, 3, 4])
    assert opposite.difference == 1.0
    assert math.isnan(opposite.p)
    assert math.isnan(delong_paired([1, 1], [1, 2], [2, 1]).difference)
    assert opposite.to_json()["p"] is None


def mistakes(both: int, only_a: int, only_b: int, none: int):
    """Truth and two readers' calls from the four counts of who is right."""
    right = np.repeat([[1, 1], [1, 0], [0, 1], [0, 0]], [both, only_a, only_b, none], axis=0)
    truth = np.arange(len(right)) % 2
    return truth, np.where(right[:, 0], truth, 1 - truth), np.where(right[:, 1], truth, 1 - truth)


@pytest.mark.parametrize(("only_a", "only_b"), [(1, 7), (6, 16), (0, 0), (5, 5), (40, 3)])
def test_mcnemar_is_the_binomial_test(only_a, only_b):
    found = mcnemar(*mistakes(50, only_a, only_b, 9))
    discordant = only_a + only_b

    assert found.difference == pytest.approx((only_a - only_b) / (59 + discordant))
    expected = stats.binomtest(only_a, discordant).pvalue if discordant else 1.0
    assert found.p == pytest.approx(expected)


def test_mcnemar_interval_equals_a_published_one():
    # Bentur 2009, in Fagerland, Lydersen & Laake 2014: -0.29 (-0.507 to -0.026), exact p 0.070.
    found = mcnemar(*mistakes(1, 1, 7, 12))

    assert (found.low, found.high) == pytest.approx((-0.507, -0.026), abs=5e-4)
    assert found.p == pytest.approx(0.0703, abs=5e-5)


def test_mcnemar_interval_has_width_without_discordant_films():
    found = mcnemar(*mistakes(30, 0, 0, 0))

    assert found.low == pytest.approx(-found.high)
    assert 0.05 < found.high < 0.2


def test_clustered_mcnemar_flips_whole_patients():
    truth = np.ones(9, dtype=int)
    a = np.array([1, 1, 1, 1, 0, 1, 1, 0, 1])
    b = np.array([0, 0, 1, 0, 1, 0, 1, 1, 1])
    patients = np.array([0, 0, 0, 1, 2, 3, 3, 4, 4])
    leads = np.bincount(patients, a - b)
    flipped = [abs(np.dot(leads, signs)) for signs in itertools.product((1, -1), repeat=5)]

    found = mcnemar(truth, a, b, patients)
    assert found.p == pytest.approx(np.mean(np.array(flipped) >= abs(leads.sum())))
    assert found.patients == 5


def test_clustered_mcnemar_counts_a_repeated_film_once():
    truth, a, b = mistakes(120, 24, 9, 20)
    once = mcnemar(truth, a, b)
    twice = mcnemar(truth.repeat(2), a.repeat(2), b.repeat(2), np.arange(2 * truth.size) // 2)

    assert twice.p == pytest.approx(once.p)
    assert (twice.low, twice.high) == pytest.approx((once.low, once.high), abs=2e-3)


def test_mcnemar_of_nothing_and_of_unfit_calls():
    assert math.isnan(mcnemar([], [], []).p)
    with pytest.raises(ValueError, match="2 films, but call"):
        mcnemar([0, 1], [0, 1], [0])
    with pytest.raises(ValueError, match="Calls must be"):
        mcnemar([0, 1], [0, 1], [0.2, 0.8])
