from __future__ import annotations

from typing import Any

from pneumoscope.evaluation.report_checklist import _ITEMS, checklist
from pneumoscope.evaluation.report_page import SECTIONS


def facts(**changes: Any) -> dict[str, Any]:
    bare = {
        "subgroups": [],
        "reference": {"told": None, "kermany": False},
        "audit": None,
        "shift": [],
        "errors": [],
        "flow": {"fp": 1, "fn": 0},
    }
    return bare | changes


def answers(**changes: Any) -> dict[str, str]:
    return {row["topic"]: row["answer"] for row in checklist(facts(**changes))}


def test_every_item_of_both_guidelines_is_there_once() -> None:
    claim = [int(n) for item in _ITEMS for n in item[0].split(", ") if n]
    assert sorted(claim) == list(range(1, 43))
    tripod = [n for item in _ITEMS for n in item[1].split(", ") if n]
    assert len(tripod) == len(set(tripod))
    assert {int(n.rstrip("abcdefg")) for n in tripod} == set(range(1, 28))


def test_sections_are_on_the_page() -> None:
    assert {item[3] for item in _ITEMS} <= {*SECTIONS, ""}


def test_what_the_report_has_is_answered() -> None:
    assert answers()["robustness"] == "author"
    assert answers(audit={"rows": []})["robustness"] == "yes"
    assert answers()["explain"] == "author"
    assert answers(errors=[{"method": "cam"}])["explain"] == "yes"
    assert answers()["failures"] == "author"
    assert answers(flow={"fp": 0, "fn": 0})["failures"] == "yes"
    assert answers(reference={"told": "x", "kermany": False})["reference"] == "yes"
    assert answers()["funding"] == "author"
