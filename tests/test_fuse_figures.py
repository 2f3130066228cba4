import numpy as np
import pytest

from manifests import draw
from pneumoscope.evaluation.fuse_figures import (
    READERS,
    SHOWN,
    CrossValidated,
    cross_validate,
    is_acquisition,
)
from pneumoscope.metrics.folds import deal_patients


def found(**fields: list[str]) -> CrossValidated:
    drawn = draw(200, 160)
    drawn.fields.update(fields)
    known = drawn.known()
    fold = deal_patients(known.truth, known.patients, folds=5)
    return cross_validate(known, fold, seed=0, resamples=20)


@pytest.fixture(scope="module")
def plain() -> CrossValidated:
    return found()


def test_three_readers_with_intervals_and_paired_tests(plain: CrossValidated) -> None:
    assert tuple(plain.readers) == READERS
    for figures in plain.readers.values():
        assert tuple(figures) == SHOWN
        assert figures["roc_auc"]["low"] < figures["roc_auc"]["value"] < figures["roc_auc"]["high"]
        assert figures["roc_auc"]["n"] == 200
        assert figures["roc_auc"]["patients"] == 160
    area = {name: plain.readers[name]["roc_auc"]["value"] for name in READERS}
    test = plain.paired["film"]["roc_auc"]
    assert test["difference"] == pytest.approx(area["both"] - area["film"])
    assert test["low"] > 0
    assert plain.paired["fields"]["accuracy"]["method"].startswith("McNemar")


def test_each_field_left_out_and_alone(plain: CrossValidated) -> None:
    fever, sex = plain.by_field
    both = plain.readers["both"]["roc_auc"]["value"]
    for row in (fever, sex):
        lost = both - row["without"]["roc_auc"]["value"]
        assert row["lost"]["difference"] == pytest.approx(lost)
        assert not row["gives_away"]
    assert fever["lost"]["low"] > 0 > sex["lost"]["low"]
    assert fever["alone"]["value"] > 0.75 > sex["alone"]["value"]


def test_a_field_that_is_the_label_is_named() -> None:
    truth = draw(200, 160).truth
    exact = found(diagnosis=np.where(truth, "ill", "well").tolist()).by_field[-1]
    assert exact["gives_away"]
    assert exact["alone"]["value"] > 0.99
    rng = np.random.default_rng(0)
    near = found(crp=[f"{v:.2f}" for v in rng.normal(truth * 3.2, 1)]).by_field[-1]
    assert near["gives_away"]
    assert 0.95 < near["alone"]["value"] < 1


def test_one_field_alone_leaves_the_film() -> None:
    drawn = draw(120, 100)
    known = drawn.known("fever")
    fold = deal_patients(known.truth, known.patients, folds=4)
    one = cross_validate(known, fold, seed=0, resamples=10)
    (row,) = one.by_field
    assert row["without"]["roc_auc"]["value"] == one.readers["film"]["roc_auc"]["value"]
    assert row["alone"]["value"] == one.readers["fields"]["roc_auc"]["value"]


def test_names_of_how_a_film_was_taken() -> None:
    assert is_acquisition("View")
    assert is_acquisition("view_position")
    assert is_acquisition("scanner model")
    assert not is_acquisition("age")
    assert not is_acquisition("review")
