"""What a report is made from: the files of one evaluation, read, checked and held together."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pneumoscope.errors import PneumoscopeError, UsageError
from pneumoscope.evaluation.figures import LABELS, Booleans, Floats, Names
from pneumoscope.evaluation.report_audit import open_audit
from pneumoscope.evaluation.results import FUSION, PREDICTIONS, RESULTS, SCHEMA
from pneumoscope.evaluation.table import FIELD
from pneumoscope.inference.reader import READ
from pneumoscope.metrics import OPERATING_POINTS

OPENINGS = "test-openings.jsonl"
_NEEDED = (
    *("bundle", "data", "read", "refused", "operating_point", "prevalence", "figures"),
    *("refused_counted_as_wrong", "confusion", "subtype_sensitivity", "operating_points"),
    *("method", "warnings", "notes", "versions", "time"),
)

_OF_DATA = frozenset({"name", "split", "films", "patients", "negative", "positive", "sha256"})


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """The files of an evaluation.

    ``results`` is results.json; ``audit`` the audit.json of the same network and ``fusion`` the
    fusion.json beside the results, None where there is none; ``openings`` how often the run says
    that its test split was opened. The arrays are of the rows of predictions.csv whose films were
    read (n,), ``rows`` those rows themselves and ``refused`` the other ones. ``fields`` are the
    manifest's own columns.
    """

    folder: Path
    results: Mapping[str, Any]
    rows: Sequence[Mapping[str, str]]
    refused: Sequence[Mapping[str, str]]
    truth: Booleans
    logit: Floats
    probability: Floats
    patients: Names
    fields: Mapping[str, Names]
    audit: Mapping[str, Any] | None
    fusion: Mapping[str, Any] | None
    openings: int | None

    @property
    def call(self) -> Booleans:
        """Calls (n,) at the operating point of the results."""
        threshold: float = self.results["operating_point"]["logit"]
        return self.logit >= threshold


def open_evaluation(where: Path | str, *, audit: Path | None = None) -> Evaluation:
    """The evaluation in ``where``: a run folder, a folder of ``evaluate``, or its results.json.

    Of a run's evaluations the one on the test split counts, else the one on validation. ``audit``
    is an audit.json or its folder, as for :func:`~pneumoscope.evaluation.report_audit.open_audit`,
    which looks for it where it is None. Raises
    ``UsageError`` where no evaluation has been made or finished, saying what to run next, and
    ``PneumoscopeError`` for files that are damaged, newer, or of two evaluations.
    """
    folder = _find(Path(where))
    results = _results(folder / RESULTS)
    rows = _rows(folder / PREDICTIONS)
    read = [row for row in rows if row["status"] == READ]
    refused = [row for row in rows if row["status"] != READ]
    counted = results["read"]["films"], results["refused"]["films"]
    if (len(read), len(refused)) != counted:
        raise PneumoscopeError(
            f"{folder / PREDICTIONS} has {len(read):,} read and {len(refused):,} refused films and "
            f"{RESULTS} {counted[0]:,} and {counted[1]:,}: they are of two evaluations; evaluate "
            "again."
        )
    names = [name for name in (rows[0] if rows else ()) if name.startswith(FIELD)]
    try:
        columns = {name: _numbers(read, name) for name in ("label", "logit", "probability")}
    except ValueError as error:
        raise PneumoscopeError(f"{folder / PREDICTIONS} is damaged: {error}.") from error
    return Evaluation(
        folder=folder,
        results=results,
        rows=read,
        refused=refused,
        truth=columns["label"] == 1,
        logit=columns["logit"],
        probability=columns["probability"],
        patients=np.array([row["patient"] for row in read], dtype=str),
        fields={
            name.removeprefix(FIELD): np.array([row[name] for row in read], dtype=str)
            for name in names
        },
        audit=open_audit(folder, results, told=audit),
        fusion=_json(folder / FUSION) if (folder / FUSION).is_file() else None,
        openings=_openings(folder.parent),
    )


def open_crossval(folder: Path) -> Mapping[str, Any]:
    """The results of ``crossval`` in ``folder``; ``UsageError`` where there are none."""
    try:
        told: dict[str, Any] = json.loads((folder / RESULTS).read_text(encoding="utf-8"))
        _ = told["by"], [part["figures"]["roc_auc"] for part in told["parts"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{folder} holds no results of a cross-validation; make them with pneumoscope crossval."
        ) from error
    return told


def _find(where: Path) -> Path:
    """The folder that holds results.json, or what has to be done before there is one."""
    if where.is_file():
        if where.name != RESULTS:
            raise UsageError(f"{where} is not a {RESULTS}; name the folder that evaluate wrote.")
        return where.parent
    if not where.is_dir():
        raise UsageError(f"There is no folder {where}.")
    if (where / RESULTS).is_file():
        return where
    if (where / PREDICTIONS).is_file():
        raise UsageError(
            f"The evaluation in {where} was not finished: it has no {RESULTS}; evaluate again."
        )
    if not (where / "recipe.json").is_file():
        raise UsageError(f"{where} is neither a run nor a folder that evaluate wrote.")
    made = [
        folder for split in ("test", "val") if (folder := where / f"evaluation-{split}").is_dir()
    ]
    for folder in made:
        if (folder / RESULTS).is_file():
            return folder
    raise UsageError(_next_step(where, half=bool(made)))


def _next_step(run: Path, *, half: bool) -> str:
    if half:
        return f"The evaluation in {run} was not finished; run pneumoscope evaluate again."
    epochs, planned = _epochs(run)
    if not epochs or (planned and epochs < planned):
        of = f" of {planned}" if planned else ""
        return (
            f"{run} is half-finished (epoch {epochs}{of}): continue it with pneumoscope train "
            "--resume, then export and evaluate it."
        )
    if not (run / "bundle.pneumo").is_file():
        return f"{run} has no bundle yet: run pneumoscope export, then evaluate."
    return f"{run} has not been evaluated: run pneumoscope evaluate DIR --split test."


def _epochs(run: Path) -> tuple[int, int]:
    """Finished epochs and those that the recipe plans; 0 where a file does not tell."""
    try:
        with (run / "history.csv").open(encoding="utf-8", newline="") as file:
            done = len(list(csv.DictReader(file)))
    except OSError:
        done = 0
    recipe = _json(run / "recipe.json")
    planned = recipe.get("epochs", 0)
    return done, planned if isinstance(planned, int) else 0


def _results(path: Path) -> dict[str, Any]:
    value = _json(path)
    schema = value.get("schema")
    if isinstance(schema, int) and schema > SCHEMA:
        raise PneumoscopeError(
            f"{path} has schema {schema}, newer than this version reads ({SCHEMA}); upgrade "
            "pneumoscope."
        )
    absent = [name for name in _NEEDED if name not in value]
    if schema is None or absent:
        what = f": it has no {absent[0]}" if absent else ""
        raise PneumoscopeError(f"{path} holds no results of an evaluation{what}.")
    # Drawn and compared as numbers: what else stands there would be found out too late.
    points = value["operating_points"]
    numbers = [points[name]["logit"] for name in OPERATING_POINTS if name in points]
    numbers += [value["operating_point"]["logit"], *value["confusion"].values()]
    whole = set(points) == set(OPERATING_POINTS) and all(
        isinstance(number, int | float) for number in numbers
    )
    whole = whole and len(value["data"].get("classes", ())) == 2
    if not (
        whole and value["data"].keys() >= _OF_DATA and LABELS.keys() <= value["figures"].keys()
    ):
        raise PneumoscopeError(f"{path} is damaged; evaluate again.")
    return value


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} is needed beside {RESULTS}: {error.strerror}.") from error
    rows = list(csv.DictReader(text.splitlines(keepends=True)))
    needed = {"file", "status", "logit", "probability", "label", "patient", "sha256"}
    if rows and not needed <= rows[0].keys():
        raise PneumoscopeError(f"{path} does not have the columns that evaluate writes.")
    return rows


def _numbers(rows: Sequence[Mapping[str, str]], name: str) -> Floats:
    values = np.array([float(row[name]) for row in rows], dtype=np.float64)
    if not np.isfinite(values).all():
        raise ValueError(f"{name} is not always a number")
    return values


def _openings(run: Path) -> int | None:
    path = run / OPENINGS
    if not (run / "recipe.json").is_file():
        return None
    return len(path.read_text(encoding="utf-8").splitlines()) if path.is_file() else 0


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse)
    except OSError as error:
        raise PneumoscopeError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise PneumoscopeError(f"{path} is damaged: it is not JSON.") from error
    if not isinstance(value, dict):
        raise PneumoscopeError(f"{path} is damaged: it is not a JSON object.")
    return value


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is not JSON")


def finite(value: float) -> float | None:
    """``value`` as JSON can hold it: None for NaN and infinity."""
    return float(value) if math.isfinite(value) else None
