from __future__ import annotations

import json
import math
from pathlib import Path

from pneumoscope.evaluation.figures import Estimate
from pneumoscope.evaluation.results import Point, Results
from pneumoscope.metrics.intervals import Interval, wilson

NOTHING = Estimate(Interval(math.nan, math.nan, math.nan, 0, 0, "Wilson"), "no film was read")
HALF = Estimate(wilson(1, 2))
POINTS = {
    name: Point(logit=logit, probability=0.5, figures={"sensitivity": HALF, "specificity": NOTHING})
    for name, logit in {"screen": -1.0, "balanced": 0.0, "confirm": 1.0}.items()
}
RESULTS = Results(
    out=Path("/somewhere/private"),
    time="2026-01-02T03:04:05+00:00",
    bundle={"file": "b.pneumo"},
    data={"name": "chest", "split": "test"},
    warnings=("look out",),
    notes=(),
    films_read=2,
    patients_read=2,
    refused=(("a.png", "blank"), ("b.png", "too small"), ("c.png", "blank")),
    point="confirm",
    points=POINTS,
    prevalence=HALF,
    assumed_prevalence=0.7,
    figures={"accuracy": HALF, "roc_auc": NOTHING},
    counting_refusals={"accuracy": HALF},
    confusion={"tp": 1, "fp": 0, "tn": 0, "fn": 1},
    subtypes={"viral": HALF},
    resamples=10,
    seed=0,
)


def test_json_has_no_nan_and_no_path() -> None:
    text = json.dumps(RESULTS.to_json(), allow_nan=False)
    assert "private" not in text
    value = json.loads(text)
    assert value["figures"]["roc_auc"]["value"] is None
    assert value["figures"]["roc_auc"]["reason"] == "no film was read"
    assert value["figures"]["accuracy"]["value"] == 0.5
    assert value["operating_points"]["screen"]["specificity"]["low"] is None
    assert value["warnings"] == ["look out"]


def test_the_operating_point_is_one_of_the_three() -> None:
    value = RESULTS.to_json()
    assert value["operating_point"] == {"name": "confirm", "logit": 1.0, "probability": 0.5}
    assert list(value["operating_points"]) == ["screen", "balanced", "confirm"]
    assert value["prevalence"]["assumed"] == 0.7


def test_refusals_are_counted_by_reason() -> None:
    refused = RESULTS.to_json()["refused"]
    assert refused["films"] == 3
    assert refused["reasons"] == {"blank": 2, "too small": 1}
    assert refused["list"][1] == {"file": "b.png", "reason": "too small"}
