from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from evaluations import audit_record
from pneumoscope.errors import PneumoscopeError, UsageError
from pneumoscope.evaluation.audit_verdict import AUDIT, SCHEMA, Limits, judged, not_asked
from pneumoscope.evaluation.figures import Estimate
from pneumoscope.evaluation.report_audit import audit_facts, open_audit
from pneumoscope.evaluation.report_words import catalogue
from pneumoscope.metrics.intervals import Interval

RESULTS: dict[str, Any] = {"data": {"split": "val"}, "bundle": {"network_sha256": "a" * 64}}
SOURCES = Path(__file__).parents[1] / "src" / "pneumoscope" / "evaluation"


def put(folder: Path, **changes: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / AUDIT).write_text(json.dumps(audit_record(**changes)), encoding="utf-8")
    return folder


def test_rows_of_an_audit_are_shown_as_they_are_written() -> None:
    estimate = Estimate(Interval(0.2, 0.1, 0.3, 50, 40, "Wilson"))
    limits = Limits(0.05, 0.15)
    asked = judged("letters", "a letter", "share", estimate, limits, says="10 calls turn over")
    rows = [asked.to_json(), not_asked("subgroups", "age", "no column age").to_json()]
    facts = audit_facts(audit_record(rows=rows))
    assert facts is not None
    first, second = facts["rows"]
    assert first == {
        "probe": "letters",
        "name": "a letter",
        "verdict": "warn",
        "measure": "share",
        "value": 0.2,
        "low": 0.1,
        "high": 0.3,
        "n": 50,
        "patients": 40,
        "warn": 0.05,
        "fail": 0.15,
        "says": "10 calls turn over",
    }
    assert (second["value"], second["n"], second["warn"]) == (None, None, None)
    assert second["says"] == "no column age"


def test_films_verdicts_and_curves() -> None:
    facts = audit_facts(audit_record())
    assert facts is not None
    assert (facts["data"], facts["films"], facts["changed"], facts["left_out"]) == (
        *("audited", 11),
        *(7, 3),
    )
    assert facts["verdicts"] == {"fail": 1, "warn": 0, "pass": 1, "not asked": 1}
    assert list(facts["curves"]) == ["blur"]
    assert [step["level"] for step in facts["curves"]["blur"]] == [0.0, 0.1]
    assert audit_facts(None) is None


def test_it_is_found_beside_the_results_and_in_the_run(tmp_path: Path) -> None:
    run = tmp_path / "run"
    evaluation = run / "evaluation-val"
    evaluation.mkdir(parents=True)
    put(run / "audit", time="of the run")
    assert open_audit(evaluation, RESULTS) is None  # no run: the folder beside is anybody's
    (run / "recipe.json").write_text("{}")
    for place, time in (
        (run / "audit", "of the run"),
        (run / "audit-test", "of the run"),  # of another split
        (run / "audit-val", "of the split"),
        (evaluation, "beside"),
    ):
        put(place, time=time)
        found = open_audit(evaluation, RESULTS)
        assert found is not None
        assert found["time"] == time
    for told in (put(tmp_path / "told", time="told"), tmp_path / "told" / AUDIT):
        found = open_audit(evaluation, RESULTS, told=told)
        assert found is not None
        assert found["time"] == "told"


def test_an_audit_of_another_network_is_refused(tmp_path: Path) -> None:
    put(tmp_path, bundle={"network_sha256": "b" * 64})
    with pytest.raises(UsageError, match=r"audit\.json is an audit of another network"):
        open_audit(tmp_path, RESULTS)
    put(tmp_path, bundle={"network_sha256": "a" * 64})
    assert open_audit(tmp_path, RESULTS) is not None


def test_where_there_is_none(tmp_path: Path) -> None:
    assert open_audit(tmp_path, RESULTS) is None
    with pytest.raises(UsageError, match=r"holds no audit\.json; make one with pneumoscope audit"):
        open_audit(tmp_path, RESULTS, told=tmp_path)


ROW = audit_record()["rows"][0]


@pytest.mark.parametrize(
    "changes",
    [
        {"rows": None},
        {"rows": [[]]},
        {"rows": [{}]},
        {"rows": [ROW | {"verdict": "splendid"}]},
        {"rows": [ROW | {"figure": "0.9"}]},
        {"rows": [ROW | {"figure": {**ROW["figure"], "low": "<b>"}}]},
        {"rows": [ROW | {"limits": {"warn": True, "fail": 1}}]},
        {"rows": [ROW | {"name": "blur", "details": {"curve": [{"level": 0}]}}]},
        {"verdicts": {}},
        {"read": {"films": None}},
        {"bundle": []},
    ],
)
def test_a_damaged_audit_is_named(tmp_path: Path, changes: dict[str, Any]) -> None:
    put(tmp_path, **changes)
    with pytest.raises(PneumoscopeError, match=r"audit\.json is damaged; audit again"):
        open_audit(tmp_path, RESULTS)


def test_what_is_no_json_and_what_is_newer(tmp_path: Path) -> None:
    put(tmp_path, schema=SCHEMA + 1)
    with pytest.raises(PneumoscopeError, match="newer than this version reads"):
        open_audit(tmp_path, RESULTS)
    (tmp_path / AUDIT).write_bytes(b"\xff{")
    with pytest.raises(PneumoscopeError, match="is damaged"):
        open_audit(tmp_path, RESULTS)


def test_probes_have_korean_names() -> None:
    """Whatever a row may be called, measure or say of its verdict; subgroups have their values."""
    terms = catalogue("ko")["terms"]
    texts = " ".join(path.read_text(encoding="utf-8") for path in SOURCES.glob("audit_*.py"))
    named = set(re.findall(r'(?:judged|not_asked|_worst)\(\s*(?:changed, )?"([^"]+)"', texts))
    named |= set(re.findall(r'(?:probe|measure)="([^"]+)"', texts))
    assert len(named) >= 6
    assert named <= terms.keys()
