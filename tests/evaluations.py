"""A finished evaluation of the brightness network, and changes to it, for the tests of reports."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bundles import LABELLED, make_bundle, write_labelled
from pneumoscope.evaluation.evaluate import evaluate

HOSTILE = "\"><script>alert(1)</script>&'|`x`"


def evaluated(root: Path, *, fields: Mapping[str, list[str]] | None = None, **bundle: Any) -> Path:
    """Evaluate the films of ``LABELLED``; ``fields`` are columns of a manifest, ``bundle`` changes.

    Returns the folder of results; films lie in ``root / "chest" / "test"``.
    """
    films = root / "chest" / "test"
    write_labelled(films)
    where = root / "chest"
    if fields is not None:
        where = root / "films.csv"
        with where.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["path", "label", "patient", *fields])
            for index, name in enumerate(LABELLED):
                label = name.split("/")[0]
                patient = Path(name).stem.rsplit("_" if label == "PNEUMONIA" else "-", 1)[0]
                values = [column[index] for column in fields.values()]
                writer.writerow([f"chest/test/{name}", label, patient, *values])
    made = make_bundle(root / "b.pneumo", **bundle)
    out = root / "out"
    return evaluate(where, bundle=made, out=out, resamples=50, threads=1, progress=False).out


def audit_record(**changes: Any) -> dict[str, Any]:
    """What ``audit`` writes: a row that passes, a curve that fails, one that was not asked."""
    figure = {"value": 0.81, "low": 0.7, "high": 0.9, "n": 11, "patients": 9, "method": "m"}
    steps = [
        {"level": level, **dict.fromkeys(("roc_auc", "sensitivity", "specificity"), figure)}
        for level in (0.0, 0.1)
    ]
    row = {"probe": "regions", "name": "border only", "verdict": "pass", "measure": "ROC-AUC"}
    row |= {"figure": figure, "limits": {"warn": 0.6, "fail": 0.75}, "says": "why", "details": {}}
    curve = {"probe": "curves", "name": "blur", "verdict": "fail", "details": {"curve": steps}}
    unasked = {"probe": "subgroups", "name": "age", "verdict": "not asked", "measure": ""}
    return {
        "schema": 1,
        "time": "2025-01-01T00:00:00+00:00",
        "bundle": {},
        "data": {"name": "audited"},
        "read": {"films": 11, "patients": 9},
        "changed": {"films": 7},
        "left_out_as_trained_on": 3,
        "verdicts": {"fail": 1, "warn": 0, "pass": 1, "not asked": 1},
        "rows": [row, row | curve, row | unasked | {"figure": None, "limits": None}],
    } | changes


def change(folder: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    """Rewrite results.json after ``edit``."""
    path = folder / "results.json"
    value = json.loads(path.read_text(encoding="utf-8"))
    edit(value)
    path.write_text(json.dumps(value), encoding="utf-8")
