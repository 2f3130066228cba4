from __future__ import annotations

import json
import math

import numpy as np
import pytest

from pneumoscope.evaluation.audit_verdict import (
    FAIL,
    NOT_ASKED,
    PASS,
    WARN,
    Limits,
    changed_calls,
    judge,
    judged,
    of_paired,
    too_few,
)
from pneumoscope.evaluation.figures import Estimate
from pneumoscope.metrics.intervals import Interval, Paired


def estimate(value: float, low: float, high: float) -> Estimate:
    return Estimate(
        Interval(value, low, high, 100, 90, "made"), "no film" if value != value else None
    )


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        ((0.02, 0.01, 0.04), PASS),
        ((0.04, 0.01, 0.14), PASS),
        ((0.04, 0.01, 0.16), WARN),  # too few films: failure is not ruled out
        ((0.06, 0.05, 0.07), WARN),
        ((0.20, 0.14, 0.26), WARN),  # and neither is health
        ((0.20, 0.16, 0.26), FAIL),
        ((0.00, math.nan, math.nan), WARN),
        ((0.90, math.nan, math.nan), WARN),
    ],
)
def test_one_rule_for_every_figure(found: tuple[float, float, float], verdict: str) -> None:
    assert judge(estimate(*found), Limits(0.05, 0.15)) == verdict
    mirrored = estimate(1 - found[0], 1 - found[2], 1 - found[1])
    assert judge(mirrored, Limits(0.95, 0.85)) == verdict


def test_a_figure_that_is_not_defined_is_not_judged() -> None:
    row = judged("curves", "blur", "share", estimate(*[math.nan] * 3), Limits(0, 1), says="x")
    assert (row.verdict, row.says, row.estimate) == (NOT_ASKED, "no film", None)
    assert json.loads(json.dumps(row.to_json(), allow_nan=False))["limits"] is None


def test_a_row_is_plain_data() -> None:
    row = judged("curves", "blur", "share", estimate(0.1, 0.0, 0.2), Limits(0.05, 0.3), says="x")
    value = json.loads(json.dumps(row.to_json(), allow_nan=False))
    assert value["figure"]["n"] == 100
    assert value["limits"] == {"warn": 0.05, "fail": 0.3}


def test_few_films_and_one_class_are_no_ground() -> None:
    classes = ("NORMAL", "PNEUMONIA")
    assert too_few(np.arange(20) % 2 == 0, classes) is None
    assert too_few(np.arange(19) % 2 == 0, classes) == "19 films, and at least 20 are needed"
    one = "all 30 films are {}, and both classes are needed"
    assert too_few(np.ones(30, dtype=bool), classes) == one.format("PNEUMONIA")
    assert too_few(np.zeros(30, dtype=bool), classes) == one.format("NORMAL")


def test_changed_calls_count_both_ways_and_respect_patients() -> None:
    whole, changed = np.array([-1.0, 1.0, 2.0, -2.0]), np.array([1.0, -1.0, 3.0, -3.0])
    found = changed_calls(whole, changed, np.array(["a", "a", "b", "c"]), threshold=0.0)
    assert found.value == 0.5
    assert (found.interval.n, found.interval.patients) == (4, 3)


def test_a_difference_keeps_its_interval() -> None:
    found = of_paired(Paired(0.1, 0.0, 0.2, 0.05, 30, 20, "DeLong"))
    assert (found.value, found.interval.high, found.reason) == (0.1, 0.2, None)
    assert of_paired(Paired(0.1, math.nan, math.nan, math.nan, 30, 20, "DeLong")).reason
