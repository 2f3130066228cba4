import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from pneumoscope.metrics.logistic import fit_logistic


def design(n: int = 200, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    columns = np.hstack([np.ones((n, 1)), rng.normal(size=(n, 3))])
    truth = rng.random(n) < 1 / (1 + np.exp(-columns @ [0.3, 1.0, -0.5, 0.0]))
    return truth, columns


@pytest.mark.parametrize("strength", [0.1, 3.0, 100.0])
def test_it_agrees_with_scikit_learn(strength: float) -> None:
    truth, columns = design()
    found = fit_logistic(truth, columns, [0, strength, strength, strength])
    theirs = LogisticRegression(C=1 / strength, tol=1e-10, max_iter=1000).fit(columns[:, 1:], truth)
    assert found == pytest.approx([*theirs.intercept_, *theirs.coef_[0]], abs=1e-4)


def test_each_weight_has_a_penalty_of_its_own() -> None:
    truth, columns = design()
    found = fit_logistic(truth, columns, [0, 1e6, 0.1, 0.1])
    assert abs(found[1]) < 1e-3 < abs(found[2])


def test_films_that_a_column_separates_have_finite_weights() -> None:
    truth = np.arange(20) >= 10
    columns = np.stack([np.ones(20), np.arange(20) - 9.5], axis=1) * [1, 1000]
    found = fit_logistic(truth, columns, [0, 0.1])
    assert np.isfinite(found).all()
    assert ((columns @ found > 0) == truth).all()


def test_the_start_does_not_matter() -> None:
    truth, columns = design()
    far = fit_logistic(truth, columns, [0, 1, 1, 1], start=np.array([9.0, -9.0, 9.0, 9.0]))
    assert far == pytest.approx(fit_logistic(truth, columns, [0, 1, 1, 1]), abs=1e-5)


def test_what_does_not_fit_is_refused() -> None:
    truth, columns = design()
    with pytest.raises(ValueError, match="both classes"):
        fit_logistic(np.ones(200), columns, [0, 1, 1, 1])
    with pytest.raises(ValueError, match="does not fit"):
        fit_logistic(truth, columns, [0, 1])
    with pytest.raises(ValueError, match="does not fit"):
        fit_logistic(truth, np.full_like(columns, np.nan), [0, 1, 1, 1])
