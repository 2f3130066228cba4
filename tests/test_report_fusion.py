import copy
from typing import Any

import pytest

from pneumoscope.errors import PneumoscopeError
from pneumoscope.evaluation.report_fusion import fusion_facts
from test_fuse_words import RECORD, figure

TEST = {"difference": 0.1, "low": 0.02, "high": 0.2, "p": 0.01, "n": 4, "patients": 4}
TESTS = dict.fromkeys(("roc_auc", "accuracy", "sensitivity", "specificity"), TEST | {"method": "m"})
READERS = dict.fromkeys(
    ("film", "fields", "both"),
    dict.fromkeys(("roc_auc", "accuracy", "recall", "specificity"), figure(0.8, 0.7, 0.9)),
)
HERE = {
    "films": 4,
    "patients": 4,
    "operating_point": "balanced",
    "readers": READERS,
    "paired": {"film": TESTS, "fields": TESTS},
}


def told() -> dict[str, Any]:
    record = copy.deepcopy(RECORD) | {"paired": HERE["paired"], "readers": READERS}
    for row in record["by_field"]:
        row["lost"]["method"] = "DeLong"
    return {"evaluated": copy.deepcopy(HERE), "cross_validated": record}


def test_nothing_where_there_is_no_fusion() -> None:
    assert fusion_facts(None) is None


def test_what_is_shown_is_kept_and_files_are_not() -> None:
    facts = fusion_facts(told())
    assert facts is not None
    before = facts["cross_validated"]
    assert before["gains"] is True
    assert [row["field"] for row in before["by_field"]] == ["view", "age"]
    assert before["by_field"][0]["lost"]["value"] == 0.08
    assert facts["evaluated"]["paired"]["film"]["roc_auc"]["value"] == 0.1
    assert "0.png" not in str(facts)


def test_a_fusion_that_was_not_cross_validated_is_shown_on_the_films_alone() -> None:
    facts = fusion_facts(told() | {"cross_validated": None})
    assert facts is not None
    assert facts["cross_validated"] is None


@pytest.mark.parametrize("spoil", [{}, {"evaluated": {}}, {"evaluated": HERE}, {"evaluated": []}])
def test_a_damaged_file_is_named(spoil: dict[str, Any]) -> None:
    with pytest.raises(PneumoscopeError, match=r"fusion\.json is damaged"):
        fusion_facts(spoil)
