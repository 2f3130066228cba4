from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import pytest

from evaluations import evaluated
from pneumoscope.evaluation.report_drawings import by_change, of_report
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


def test_corruption_is_a_plot_for_each_change(facts: dict[str, Any]) -> None:
    area = {"value": 0.9, "low": 0.8, "high": 0.95}
    unknown = {"value": None, "low": None, "high": None}
    rows = [
        {"change": "blur", "level": 0.0, "roc_auc": area},
        {"change": "blur", "level": 0.1, "roc_auc": unknown},
        {"change": "noise", "level": 0.2, "roc_auc": area},
    ]
    changed = facts | {"corruption": rows}
    assert [name for name, _ in by_change(changed)] == ["blur", "noise"]
    assert len(of_report(changed, ENGLISH)["corruption"]) == 2
