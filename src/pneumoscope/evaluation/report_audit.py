"""What a report shows of an audit, out of audit.json: its table, and curves of changed films."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pneumoscope.errors import PneumoscopeError, UsageError
from pneumoscope.evaluation.audit_changes import CURVES
from pneumoscope.evaluation.audit_verdict import AUDIT, SCHEMA, VERDICTS

RECIPE = "recipe.json"
CURVE = ("roc_auc", "sensitivity", "specificity")


def open_audit(
    evaluation: Path, results: Mapping[str, Any], *, told: Path | None = None
) -> Mapping[str, Any] | None:
    """The audit of the network that ``results`` are of, None where none is found.

    It is ``told``, an audit.json or its folder, or else lies beside the results in the folder
    ``evaluation``, or where ``audit`` puts it in the run of that folder. Raises ``UsageError``
    where ``told`` holds none, or is an audit of another network, and ``PneumoscopeError`` for a
    file that is damaged or newer.
    """
    path = next(iter(_places(evaluation, str(results["data"].get("split")), told)), None)
    if path is None:
        if told is not None:
            raise UsageError(f"{told} holds no {AUDIT}; make one with pneumoscope audit.")
        return None
    found = _read(path)
    theirs = found["bundle"].get("network_sha256"), results["bundle"].get("network_sha256")
    if None not in theirs and len(set(theirs)) > 1:
        raise UsageError(f"{path} is an audit of another network; audit this one, or move it away.")
    return found


def _places(evaluation: Path, split: str, told: Path | None) -> Iterator[Path]:
    if told is not None:
        places = [told, told / AUDIT]
    else:
        run = evaluation.parent
        in_run = [run / f"audit-{split}" / AUDIT, run / "audit" / AUDIT]
        places = [evaluation / AUDIT, *(in_run if (run / RECIPE).is_file() else [])]
    return (place for place in places if place.is_file())


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        schema = found["schema"]
        if isinstance(schema, int) and schema > SCHEMA:
            raise PneumoscopeError(
                f"{path} has schema {schema}, newer than this version reads ({SCHEMA}); upgrade "
                "pneumoscope."
            )
        _ = audit_facts(found), found["bundle"].get("network_sha256")
    except OSError as error:
        raise PneumoscopeError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PneumoscopeError(f"{path} is damaged; audit again.") from error
    return dict(found)


def audit_facts(told: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The films, the count of verdicts, the rows, and the curves by kind of change.

    None where there was no audit. Raises ``KeyError``, ``TypeError``, ``ValueError`` or
    ``AttributeError`` for what no audit writes.
    """
    if told is None:
        return None
    rows = [_row(row) for row in told["rows"]]
    return {
        "time": str(told["time"]),
        "data": str(told["data"]["name"]),
        "films": int(told["read"]["films"]),
        "patients": int(told["read"]["patients"]),
        "changed": int(told["changed"]["films"]),
        "left_out": int(told["left_out_as_trained_on"]),
        "verdicts": {verdict: int(told["verdicts"][verdict]) for verdict in VERDICTS},
        "rows": rows,
        "curves": {
            row["name"]: [_step(step) for step in row["details"]["curve"]]
            for row in told["rows"]
            if row["name"] in CURVES and "curve" in row["details"]
        },
    }


def _row(told: Mapping[str, Any]) -> dict[str, Any]:
    if told["verdict"] not in VERDICTS:
        raise ValueError(f"{told['verdict']} is no verdict")
    limits = told["limits"] or {"warn": None, "fail": None}
    figure = told["figure"] or dict.fromkeys(("value", "low", "high", "n", "patients"))
    return {
        **{name: str(told[name]) for name in ("probe", "name", "verdict", "measure", "says")},
        **_figure(figure),
        "warn": _number(limits["warn"]),
        "fail": _number(limits["fail"]),
    }


def _step(told: Mapping[str, Any]) -> dict[str, Any]:
    return {"level": float(told["level"]), **{name: _figure(told[name]) for name in CURVE}}


def _figure(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _number(told[name]) for name in ("value", "low", "high", "n", "patients")}


def _number(value: Any) -> int | float | None:
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    raise ValueError(f"{value!r} is no number")
