from __future__ import annotations

import json
from pathlib import Path

import pytest

from evaluations import evaluated
from pneumoscope.evaluation.report_facts import gather
from pneumoscope.evaluation.report_gallery import worst_errors
from pneumoscope.evaluation.report_input import Evaluation, open_evaluation


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    return open_evaluation(evaluated(tmp_path_factory.mktemp("facts")))


def test_facts_are_json(held: Evaluation) -> None:
    facts = gather(held, errors=worst_errors(held, each=3))
    assert json.loads(json.dumps(facts, allow_nan=False)) == facts
    assert facts["figures"] == held.results["figures"]


def test_the_flow_adds_up(held: Evaluation) -> None:
    flow = gather(held, errors=[])["flow"]
    assert flow["read_films"] + flow["refused_films"] == flow["films"] == 11
    assert flow["tp"] + flow["fp"] + flow["tn"] + flow["fn"] == flow["read_films"]


def test_the_selection_tells_the_aims_of_the_thresholds(held: Evaluation) -> None:
    chosen = gather(held, errors=[])["selection"]
    assert (chosen["screen_sensitivity"], chosen["confirm_specificity"]) == (0.98, 0.98)
    assert chosen["recipe"] == "brightness"
    assert chosen["train"] is None


def test_names_tell_whose_labels_they_are(held: Evaluation) -> None:
    assert gather(held, errors=[])["reference"] == {"told": None, "kermany": True}
    told = gather(held, errors=[], reference="Two of us.")["reference"]
    assert told["told"] == "Two of us."


def test_cross_validations_keep_what_is_shown(held: Evaluation) -> None:
    figure = {"value": 0.9, "low": 0.8, "high": 0.95, "n": 4, "patients": 4}
    part = {"name": "pooled", "films": 4, "patients": 4, "positives": 2}
    figures = dict.fromkeys(("roc_auc", "recall", "specificity", "f1"), figure)
    told = {"by": "shift", "recipe": {"name": "full"}, "parts": [part | {"figures": figures}]}
    (shown,) = gather(held, errors=[], crossval=[told])["shift"]
    assert (shown["by"], shown["recipe"]) == ("shift", "full")
    assert shown["parts"][0]["roc_auc"] == figure
    assert "f1" not in shown["parts"][0]


def test_provenance_names_machine_and_code(held: Evaluation) -> None:
    told = gather(held, errors=[])["provenance"]
    assert "pneumoscope" in told["evaluated_with"]
    assert told["evaluated_on"].endswith("cores")
    assert told["data_fingerprint"] == held.results["data"]["sha256"]
    assert str(Path(held.folder).parent) not in json.dumps(told)
