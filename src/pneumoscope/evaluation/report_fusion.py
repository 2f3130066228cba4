"""What a report shows of a bundle that takes fields beside the film, out of fusion.json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pneumoscope.errors import PneumoscopeError
from pneumoscope.evaluation.fuse_figures import FIELDS, FILM, READERS
from pneumoscope.evaluation.results import FUSION

_FIGURES = ("roc_auc", "accuracy", "recall", "specificity")
_TESTED = ("roc_auc", "accuracy", "sensitivity", "specificity")


def fusion_facts(told: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Figures on the evaluated films and, where ``fuse`` left them, cross-validated by field.

    None where there is no ``fusion.json``; ``PneumoscopeError`` where it lacks what is shown.
    """
    if told is None:
        return None
    try:
        here, before = told["evaluated"], told["cross_validated"]
        return {
            "evaluated": {
                **{name: here[name] for name in ("films", "patients", "operating_point")},
                "readers": _readers(here["readers"]),
                "paired": _paired(here["paired"]),
            },
            "cross_validated": None if before is None else _before(before),
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise PneumoscopeError(f"{FUSION} is damaged; evaluate again.") from error


def _readers(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: {key: _figure(told[name][key]) for key in _FIGURES} for name in READERS}


def _paired(told: Mapping[str, Any]) -> dict[str, Any]:
    return {
        other: {key: _difference(told[other][key]) for key in _TESTED} for other in (FILM, FIELDS)
    }


def _before(told: Mapping[str, Any]) -> dict[str, Any]:
    difference = _difference(told["paired"][FILM]["roc_auc"])
    return {
        "data": str(told["data"]["name"]),
        "films": told["data"]["films"],
        "patients": told["data"]["patients"],
        "folds": told["method"]["folds"],
        "fields": [str(row["field"]) for row in told["fields"]],
        "readers": _readers(told["readers"]),
        "paired": _paired(told["paired"]),
        "gains": difference["low"] is not None and difference["low"] > 0,
        "by_field": [
            {
                "field": str(row["field"]),
                "acquisition": bool(row["acquisition"]),
                "gives_away": bool(row["gives_away"]),
                "alone": _figure(row["alone"]),
                "without": {key: _figure(row["without"][key]) for key in ("roc_auc", "accuracy")},
                "lost": _difference(row["lost"]),
            }
            for row in told["by_field"]
        ],
        "refused_fields": [
            {"field": str(row["field"]), "reason": str(row["reason"])}
            for row in told["refused_fields"]
        ],
    }


def _figure(found: Mapping[str, Any]) -> dict[str, Any]:
    return {name: found[name] for name in ("value", "low", "high", "n", "patients")}


def _difference(found: Mapping[str, Any]) -> dict[str, Any]:
    """A paired difference with ``value`` for the page's tables."""
    rest = {name: found[name] for name in ("low", "high", "p", "n", "patients", "method")}
    return {"value": found["difference"], **rest}
