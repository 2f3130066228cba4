import numpy as np
import pytest

from pneumoscope.metrics.folds import deal_patients, fewest_patients


def test_patients_are_whole_and_classes_even() -> None:
    patients = np.repeat(np.arange(50), 2)
    truth = patients < 20
    fold = deal_patients(truth, patients, folds=5, seed=3)
    assert all(np.unique(fold[patients == patient]).size == 1 for patient in range(50))
    assert np.bincount(fold, truth).tolist() == [8] * 5
    assert np.bincount(fold).tolist() == [20] * 5
    assert not np.array_equal(fold, deal_patients(truth, patients, folds=5, seed=4))


def test_every_fold_leaves_both_classes_where_patients_have_both() -> None:
    truth = np.array(
        [1, 0, 1, 0, 0, 0, 0, 0, 0]
    )  # three patients have positive films, one has both
    patients = np.array(list("aabcdefgh"))
    truth[4] = 1
    for seed in range(20):
        fold = deal_patients(truth, patients, folds=3, seed=seed)
        for number in range(3):
            assert set(truth[fold != number]) == {0, 1}


def test_too_few_patients() -> None:
    assert fewest_patients([1, 1, 0, 0], ["a", "a", "b", "c"]) == 1
    with pytest.raises(ValueError, match="1 patients, too few for 3 folds"):
        deal_patients([1, 1, 0, 0], ["a", "a", "b", "c"], folds=3)
