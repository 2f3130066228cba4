from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import pytest

from evaluations import evaluated
from pneumoscope.evaluation.audit_changes import CURVES
from pneumoscope.evaluation.report_drawings import of_report
from pneumoscope.evaluation.report_facts import gather
from pneumoscope.evaluation.report_input import open_evaluation
from pneumoscope.evaluation.report_words import say

ENGLISH = functools.partial(say, "en")


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder: Path = evaluated(tmp_path_factory.mktemp("drawings"))
    return gather(open_evaluation(folder), errors=[])


def test_every_plot_is_drawn(facts: dict[str, Any]) -> None:
    drawn = of_report(facts, ENGLISH)
    assert drawn.pop("corruption") == []
    assert all(svg.startswith("<svg") for svg in drawn.values())
    assert drawn["roc"].count("<circle") == 3
    assert "screen" in drawn["roc"]


def test_what_is_not_defined_says_so(facts: dict[str, Any]) -> None:
    nothing = {**facts["curves"], "roc": None, "scores": None, "reliability": None}
    drawn = of_report(facts | {"curves": nothing}, ENGLISH)
    assert "not of both classes" in drawn["roc"]
    assert "no film was read" in drawn["scores"]
    assert "no film was read" in drawn["reliability"]


def test_every_change_of_an_audit_is_a_plot_of_three_figures(facts: dict[str, Any]) -> None:
    known, unknown = (
        {"value": 0.9, "low": 0.8, "high": 0.95},
        dict.fromkeys(("value", "low", "high")),
    )
    steps = [
        {"level": level, "roc_auc": known, "sensitivity": known, "specificity": specificity}
        for level, specificity in ((0.0, known), (0.1, unknown), (0.2, {**known, "value": 0.21}))
    ]
    curves = dict.fromkeys(CURVES, steps)
    drawn = of_report(facts | {"audit": {"curves": curves}}, ENGLISH)["corruption"]
    assert len(drawn) == len(CURVES)
    for svg in drawn:
        assert svg.count('<path class="line') == 3
        assert ">0.2</text>" in svg  # the axis goes down as far as the lowest of them
