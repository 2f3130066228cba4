from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn import metrics as oracle

from pneumoscope.metrics import scores

PROPORTIONS = {
    scores.accuracy: oracle.accuracy_score,
    scores.sensitivity: oracle.recall_score,
    scores.precision: oracle.precision_score,
    scores.f1: oracle.f1_score,
    scores.balanced_accuracy: oracle.balanced_accuracy_score,
}


def films(n: int = 300, decimals: int | None = None, seed: int = 1):
    """Truth, score, probability and call; ``decimals`` makes ties."""
    random = np.random.default_rng(seed)
    truth = (random.random(n) < 0.6).astype(int)
    score = random.normal(size=n) + truth
    if decimals is not None:
        score = score.round(decimals)
    return truth, score, 1 / (1 + np.exp(-score)), score >= 0.4


def weightings(n: int, rows: int = 5):
    """Whole-number weights, a third of them zero, as a bootstrap draws them."""
    return np.random.default_rng(2).poisson(1.0, size=(rows, n)).astype(float)


@pytest.mark.parametrize("decimals", [None, 1, 0])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (scores.roc_auc, oracle.roc_auc_score),
        (scores.average_precision, oracle.average_precision_score),
    ],
)
def test_ranking_figures_equal_scikit_learn_with_ties_and_weights(ours, theirs, decimals):
    truth, score, _, _ = films(decimals=decimals)
    weights = weightings(truth.size)

    assert ours(truth, score) == pytest.approx(theirs(truth, score), abs=1e-12)
    expected = [theirs(truth, score, sample_weight=row) for row in weights]
    np.testing.assert_allclose(ours(truth, score, weights), expected, atol=1e-12)
    assert ours(truth, score, weights[0]) == pytest.approx(expected[0], abs=1e-12)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(scores.brier, oracle.brier_score_loss), (scores.log_loss, oracle.log_loss)],
)
def test_probability_figures_equal_scikit_learn(ours, theirs):
    truth, _, probability, _ = films()
    weights = weightings(truth.size)

    assert ours(truth, probability) == pytest.approx(theirs(truth, probability), abs=1e-12)
    expected = [theirs(truth, probability, sample_weight=row) for row in weights]
    np.testing.assert_allclose(ours(truth, probability, weights), expected, atol=1e-12)


@pytest.mark.parametrize("share", PROPORTIONS, ids=lambda share: share.__name__)
def test_proportions_equal_scikit_learn(share):
    truth, _, _, call = films()
    weights = weightings(truth.size)

    assert share(scores.confusion(truth, call)) == pytest.approx(PROPORTIONS[share](truth, call))
    expected = [PROPORTIONS[share](truth, call, sample_weight=row) for row in weights]
    np.testing.assert_allclose(share(scores.confusion(truth, call, weights)), expected)


def test_confusion_by_hand():
    counts = scores.confusion([1, 1, 1, 0, 0, 0, 0], [1, 1, 0, 1, 0, 0, 0])

    assert counts == scores.Confusion(tp=2.0, fp=1.0, tn=3.0, fn=1.0)
    assert scores.specificity(counts) == 3 / 4
    assert scores.negative_predictive_value(counts) == 3 / 4


def test_log_loss_of_a_certain_mistake_is_finite():
    assert scores.log_loss([1, 0], [0.0, 1.0]) == pytest.approx(-math.log(np.finfo(float).eps))


def test_calibration_error_by_hand():
    # Two bins: (0.1, 0.3) holds one positive of two, (0.6, 0.8) two of two.
    error = scores.expected_calibration_error([0, 1, 1, 1], [0.1, 0.3, 0.6, 0.8], bins=2)

    assert error == pytest.approx((abs(0.2 - 0.5) + abs(0.7 - 1.0)) / 2)


def test_calibration_error_keeps_its_bins_under_weights():
    truth, probability = [0, 1, 1, 1], [0.1, 0.3, 0.6, 0.8]
    # Bins drawn afresh by weight would put the first film alone into one, and give 1.6 / 6.
    error = scores.expected_calibration_error(truth, probability, [3, 1, 1, 1], bins=2)

    assert error == pytest.approx((abs(3 * 0.1 + 0.3 - 1) + abs(0.6 + 0.8 - 2)) / 6)


def test_calibration_error_does_not_depend_on_the_order_of_tied_films():
    truth, _, probability, _ = films(decimals=1)
    shuffled = np.random.default_rng(3).permutation(truth.size)

    error = scores.expected_calibration_error(truth, probability)
    assert error == pytest.approx(
        scores.expected_calibration_error(truth[shuffled], probability[shuffled]), abs=1e-12
    )


def test_calibration_bins_hold_equal_numbers_and_make_up_the_error():
    truth, _, probability, _ = films(n=302)
    mean_p, rate, count = scores.reliability_curve(truth, probability)

    assert count.sum() == 302
    assert set(count) == {20, 21}
    assert count.size == 15
    assert (np.diff(mean_p) > 0).all()
    assert scores.expected_calibration_error(truth, probability) == pytest.approx(
        (np.abs(mean_p - rate) * count).sum() / 302
    )


@pytest.mark.parametrize("decimals", [None, 1])
def test_roc_curve_equals_scikit_learn(decimals):
    truth, score, _, _ = films(decimals=decimals)

    expected = oracle.roc_curve(truth, score, drop_intermediate=False)
    for mine, theirs in zip(scores.roc_curve(truth, score), expected, strict=True):
        np.testing.assert_allclose(mine, theirs)


@pytest.mark.parametrize("decimals", [None, 1])
def test_precision_recall_curve_equals_scikit_learn(decimals):
    truth, score, _, _ = films(decimals=decimals)

    expected = oracle.precision_recall_curve(truth, score)
    for mine, theirs in zip(scores.precision_recall_curve(truth, score), expected, strict=True):
        np.testing.assert_allclose(mine, theirs)


def test_net_benefit_by_hand():
    truth, probability = [1, 1, 0, 0, 0], [0.9, 0.2, 0.5, 0.1, 0.0]

    benefit = scores.net_benefit(truth, probability, [0.0, 0.2, 0.5, 0.95])

    # All called; then 2 true and 1 false at odds 1/4; 1 and 1 at odds 1; none.
    np.testing.assert_allclose(benefit, [2 / 5, (2 - 1 / 4) / 5, 0.0, 0.0], atol=1e-12)


@pytest.mark.parametrize("threshold", [1.0, -0.1, np.nan])
def test_net_benefit_refuses_impossible_thresholds(threshold):
    with pytest.raises(ValueError, match="0 <= t < 1"):
        scores.net_benefit([0, 1], [0.2, 0.8], [threshold])


@pytest.mark.parametrize("decimals", [None, 1])
def test_prepared_figures_equal_the_plain_functions(decimals):
    truth, score, probability, call = films(decimals=decimals)
    weights = weightings(truth.size)
    prepared = scores.figures(truth, score=score, probability=probability, call=call)

    assert len(prepared) == 12
    for w in (None, weights, weights[:2], weights[0]):
        counts = scores.confusion(truth, call, w)
        for name, figure in prepared.items():
            plain = getattr(scores, name)
            if name in ("roc_auc", "average_precision"):
                expected = plain(truth, score, w)
            elif name in ("brier", "log_loss", "expected_calibration_error"):
                expected = plain(truth, probability, w)
            else:
                expected = plain(counts)
            np.testing.assert_array_equal(figure(w), expected, err_msg=name)


def test_all_scores_equal():
    truth, same = np.array([1, 1, 1, 0]), np.full(4, 0.3)

    assert scores.roc_auc(truth, same) == 0.5
    assert scores.average_precision(truth, same) == 0.75
    assert scores.expected_calibration_error(truth, same) == pytest.approx(0.45)


@pytest.mark.parametrize("truth", [[], [1, 1, 1], [0, 0]])
def test_one_class_or_no_film_is_nan_without_a_warning(truth):
    n = len(truth)
    probability, call = np.linspace(0.2, 0.8, n), np.zeros(n, dtype=bool)
    prepared = scores.figures(truth, score=probability, probability=probability, call=call)

    for name in ("roc_auc", "average_precision", "balanced_accuracy", "precision"):
        assert math.isnan(prepared[name](None)), name
        assert np.isnan(prepared[name](np.ones((3, n)))).all(), name
    for name in ("brier", "log_loss", "expected_calibration_error", "accuracy"):
        assert math.isnan(prepared[name](None)) == (n == 0), name
    false_rate, true_rate, thresholds = scores.roc_curve(truth, probability)
    assert false_rate.size == true_rate.size == thresholds.size == n + 1
    assert scores.precision_recall_curve(truth, probability)[0].size == n + 1
    assert scores.reliability_curve(truth, probability)[2].sum() == n
    assert np.isnan(scores.net_benefit(truth, probability, [0.5])).all() == (n == 0)


def test_resamples_of_one_class_are_nan_among_others():
    truth, score = np.array([1, 1, 0]), np.array([0.9, 0.1, 0.5])

    found = scores.roc_auc(truth, score, np.array([[1, 1, 1], [1, 2, 0], [1, 0, 2], [0, 0, 0]]))

    np.testing.assert_array_equal(found, [0.5, np.nan, 1.0, np.nan])


@pytest.mark.parametrize(
    ("truth", "score", "fault"),
    [
        ([0, 1, 2], [0.1, 0.2, 0.3], "0 and 1"),
        ([0, 1], [0.1, 0.2, 0.3], "2 films"),
        ([0, 1], [0.1, np.nan], "finite"),
        ([[0, 1]], [[0.1, 0.2]], "one row"),
    ],
)
def test_unfit_arrays_are_refused(truth, score, fault):
    with pytest.raises(ValueError, match=fault):
        scores.roc_auc(truth, score)


def test_unfit_probabilities_weights_and_bins_are_refused():
    with pytest.raises(ValueError, match="within 0 and 1"):
        scores.brier([0, 1], [0.5, 1.5])
    with pytest.raises(ValueError, match="weights"):
        scores.brier([0, 1], [0.5, 0.5], [1, 1, 1])
    with pytest.raises(ValueError, match="bin"):
        scores.expected_calibration_error([0, 1], [0.5, 0.5], bins=0)
