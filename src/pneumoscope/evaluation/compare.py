"""Two bundles on the same films: paired tests, and the facts of the page that shows them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import numpy as np

from pneumoscope.errors import UsageError
from pneumoscope.evaluation.figures import Booleans, Floats, Names
from pneumoscope.evaluation.report_curves import roc
from pneumoscope.evaluation.report_input import Evaluation, finite
from pneumoscope.metrics import scores
from pneumoscope.metrics.arrays import Figure
from pneumoscope.metrics.intervals import bootstrap, delong_paired, mcnemar

SCHEMA = 1
_FILMS_SHOWN = 20


def gather(a: Evaluation, b: Evaluation) -> dict[str, Any]:
    """All facts of a comparison, on the films that both have read.

    Raises ``UsageError``, naming a film, where the evaluations are of different films, or take a
    film for different classes.
    """
    _require_same_films(a, b)
    rows_a, rows_b = _shared(a, b)
    truth, patients = a.truth[rows_a], a.patients[rows_a]
    logits = a.logit[rows_a], b.logit[rows_b]
    chances = a.probability[rows_a], b.probability[rows_b]
    calls = a.call[rows_a], b.call[rows_b]
    method = a.results["method"]
    right = [call == truth for call in calls]
    both = bool(truth.any() and not truth.all())
    return {
        "schema": SCHEMA,
        "kind": "comparison",
        "a": _side(a),
        "b": _side(b),
        "data": a.results["data"]["name"],
        "classes": list(a.results["data"]["classes"]),
        "warnings": [f"A: {text}" for text in a.results["warnings"]]
        + [f"B: {text}" for text in b.results["warnings"]],
        "films": int(truth.size),
        "patients": int(np.unique(patients).size),
        "refused": len(a.rows) + len(a.refused) - int(truth.size),
        "paired": paired(truth, logits, chances, calls, patients, resamples=method["resamples"]),
        "agreement": {
            "both_right": int((right[0] & right[1]).sum()),
            "only_a": int((right[0] & ~right[1]).sum()),
            "only_b": int((~right[0] & right[1]).sum()),
            "both_wrong": int((~right[0] & ~right[1]).sum()),
        },
        "roc": {"a": roc(truth, logits[0]), "b": roc(truth, logits[1])} if both else None,
        "differ": _differ(a, rows_a, truth, chances, calls),
        "data_fingerprint": a.results["data"]["sha256"],
        "reported": datetime.now(UTC).isoformat(timespec="seconds"),
        "reported_with": f"pneumoscope {version('pneumoscope')}",
    }


def _require_same_films(a: Evaluation, b: Evaluation) -> None:
    films_a, films_b = (
        {row["sha256"]: row for row in (*held.rows, *held.refused)} for held in (a, b)
    )
    only_a, only_b = films_a.keys() - films_b.keys(), films_b.keys() - films_a.keys()
    if only_a or only_b:
        first = min(
            [films_a[key]["file"] for key in only_a] or [films_b[k]["file"] for k in only_b]
        )
        raise UsageError(
            f"The results in {a.folder} and {b.folder} are of different films: {len(only_a):,} are "
            f"only in the first and {len(only_b):,} only in the second, such as {first}."
        )
    for key, row in films_a.items():
        if row["label"] != films_b[key]["label"]:
            raise UsageError(
                f"The results in {a.folder} and {b.folder} differ in the truth of {row['file']}."
            )


def _shared(a: Evaluation, b: Evaluation) -> tuple[list[int], list[int]]:
    """Rows of the films that both have read, in the order of ``a``; a film twice counts once."""
    places = {row["sha256"]: index for index, row in enumerate(b.rows)}
    first = {row["sha256"]: index for index, row in reversed(list(enumerate(a.rows)))}
    shared = sorted((index, places[key]) for key, index in first.items() if key in places)
    return [index for index, _ in shared], [index for _, index in shared]


def _side(held: Evaluation) -> dict[str, Any]:
    results = held.results
    return {
        "name": results["bundle"].get("file"),
        "folder": held.folder.name,
        "network_sha256": results["bundle"].get("network_sha256"),
        "time": results["time"],
        "figures": results["figures"],
        "operating_point": results["operating_point"],
        "refused": results["refused"]["films"],
    }


def paired(
    truth: Booleans,
    logits: tuple[Floats, Floats],
    chances: tuple[Floats, Floats],
    calls: tuple[Booleans, Booleans],
    patients: Names,
    *,
    resamples: int,
) -> dict[str, Any]:
    """Differences A - B of two readers of the same films, as plain values by name of figure.

    Areas are compared by DeLong, calls by McNemar, the rest by one paired bootstrap.
    """
    found = {
        "roc_auc": delong_paired(truth, *logits, patients).to_json(),
        "accuracy": mcnemar(truth, *calls, patients).to_json(),
    }
    for name, films in (("sensitivity", truth), ("specificity", ~truth)):
        tested = mcnemar(truth[films], calls[0][films], calls[1][films], patients[films])
        found[name] = tested.to_json()
    found |= _resampled(truth, logits, chances, patients, resamples=resamples)
    return found


def _resampled(
    truth: Booleans,
    logits: tuple[Floats, Floats],
    chances: tuple[Floats, Floats],
    patients: Names,
    *,
    resamples: int,
) -> dict[str, Any]:
    """Differences whose interval comes from drawing patients, for both readers alike; without p."""
    if not truth.size:
        return {}

    def precision(weights: Floats) -> Figure:
        area_a, area_b = (scores.average_precision(truth, logit, weights) for logit in logits)
        return area_a - area_b

    def brier(weights: Floats) -> Figure:
        area_a, area_b = (scores.brier(truth, chance, weights) for chance in chances)
        return area_a - area_b

    wanted = {"average_precision": precision, "brier": brier}
    limits = bootstrap(wanted, patients, resamples=resamples)
    once = np.ones(truth.size)
    count = int(np.unique(patients).size)
    return {
        name: {
            "difference": finite(float(statistic(once))),
            "low": finite(limits[name][0]),
            "high": finite(limits[name][1]),
            "p": None,
            "n": int(truth.size),
            "patients": count,
            "method": f"bootstrap over patients, {resamples} resamples",
        }
        for name, statistic in wanted.items()
    }


def _differ(
    a: Evaluation,
    rows: list[int],
    truth: Booleans,
    chances: tuple[Floats, Floats],
    calls: tuple[Booleans, Booleans],
) -> list[Mapping[str, Any]]:
    """The films with different calls whose probabilities are furthest apart."""
    gap = np.where(calls[0] != calls[1], np.abs(chances[0] - chances[1]), -1)
    order = [index for index in np.argsort(-gap, kind="stable") if gap[index] >= 0]
    return [
        {
            "file": a.rows[rows[index]]["file"],
            "positive": bool(truth[index]),
            "a": float(chances[0][index]),
            "b": float(chances[1][index]),
        }
        for index in order[:_FILMS_SHOWN]
    ]
