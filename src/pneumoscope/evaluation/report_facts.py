"""An evaluation -> everything that its report shows, as plain data: what report.json holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pneumoscope.data.catalog import kaggle_patient
from pneumoscope.evaluation.report_audit import audit_facts
from pneumoscope.evaluation.report_checklist import checklist
from pneumoscope.evaluation.report_curves import every_curve
from pneumoscope.evaluation.report_fusion import fusion_facts
from pneumoscope.evaluation.report_groups import giveaways, subgroups
from pneumoscope.evaluation.report_input import Evaluation
from pneumoscope.metrics.calibration import fit_operating_points

SCHEMA = 1
# So many of a long list are shown; all of them are in results.json.
_REFUSALS_SHOWN = 20


def gather(
    held: Evaluation,
    *,
    errors: Sequence[Mapping[str, Any]],
    crossval: Sequence[Mapping[str, Any]] = (),
    reference: str | None = None,
) -> dict[str, Any]:
    """All facts of a report on one bundle; ``errors`` are the worst, of ``report_gallery``.

    ``crossval`` are results of cross-validations, ``reference`` what the user says of the labels.
    """
    results = held.results
    method = results["method"]
    facts: dict[str, Any] = {
        "schema": SCHEMA,
        "kind": "report",
        "classes": list(results["data"]["classes"]),
        "warnings": list(results["warnings"]),
        "notes": list(results["notes"]),
        "flow": _flow(results),
        "reference": {"told": reference, "kermany": _named_as_kermany(held)},
        "selection": _selection(results),
        "figures": results["figures"],
        "refused_counted_as_wrong": results["refused_counted_as_wrong"],
        "confusion": results["confusion"],
        "subtypes": results["subtype_sensitivity"],
        "prevalence": results["prevalence"],
        "operating_point": results["operating_point"],
        "operating_points": results["operating_points"],
        "method": method,
        "curves": every_curve(held, resamples=method["resamples"], seed=method["seed"]),
        "subgroups": subgroups(held),
        "fields": giveaways(held),
        "fusion": fusion_facts(held.fusion),
        "shift": [_shift(told) for told in crossval],
        "audit": audit_facts(held.audit),
        "refusals": _refusals(results),
        "errors": list(errors),
        "provenance": _provenance(held),
    }
    facts["checklist"] = checklist(facts)
    return facts


def _flow(results: Mapping[str, Any]) -> dict[str, Any]:
    data, read, refused = results["data"], results["read"], results["refused"]
    return {
        "name": data["name"],
        "split": data["split"],
        "films": data["films"],
        "patients": data["patients"],
        "patients_known": data.get("patients_known", True),
        "negative": data["negative"],
        "positive": data["positive"],
        "read_films": read["films"],
        "read_patients": read["patients"],
        "refused_films": refused["films"],
        "reasons": refused["reasons"],
        **{name: results["confusion"][name] for name in ("tp", "fp", "tn", "fn")},
        "seen_in_training": len(data.get("seen_in_training", ())),
        "patient_seen_in_training": len(data.get("patient_seen_in_training", ())),
    }


def _named_as_kermany(held: Evaluation) -> bool:
    rows = [*held.rows, *held.refused]
    return bool(rows) and all(kaggle_patient(Path(row["file"])) is not None for row in rows)


def _selection(results: Mapping[str, Any]) -> dict[str, Any]:
    """How the network, its calibration and its thresholds were chosen, as far as it is known."""
    provenance = _mapping(results["bundle"].get("provenance"))
    recipe, data = _mapping(provenance.get("recipe")), _mapping(provenance.get("data"))
    calibrated, split = _mapping(provenance.get("calibrated_on")), _mapping(data.get("split"))
    aims = fit_operating_points.__kwdefaults__ or {}
    return {
        "recipe": recipe.get("name"),
        "select": recipe.get("select"),
        "split": split.get("method", recipe.get("split")),
        "epoch": provenance.get("epoch"),
        "epochs": recipe.get("epochs"),
        **{name: split.get(name) for name in ("train", "val", "held_out", "apart")},
        "calibrated_films": calibrated.get("films"),
        "calibrated_positives": calibrated.get("positives"),
        "calibrated_by": _text(calibrated.get("by")),
        "screen_sensitivity": aims.get("screen_sensitivity"),
        "confirm_specificity": aims.get("confirm_specificity"),
    }


def _refusals(results: Mapping[str, Any]) -> dict[str, Any]:
    refused = results["refused"]
    shown = list(refused["list"][:_REFUSALS_SHOWN])
    return {
        "films": refused["films"],
        "reasons": refused["reasons"],
        "list": shown,
        "more": refused["films"] - len(shown),
    }


def _shift(told: Mapping[str, Any]) -> dict[str, Any]:
    shown = ("roc_auc", "recall", "specificity", "expected_calibration_error")
    return {
        "by": _text(told["by"]),
        "recipe": _mapping(told.get("recipe")).get("name"),
        "parts": [
            {
                "name": part["name"],
                "films": part["films"],
                "patients": part["patients"],
                "positives": part["positives"],
                **{name: part["figures"][name] for name in shown if name in part["figures"]},
            }
            for part in told["parts"]
        ],
    }


def _provenance(held: Evaluation) -> dict[str, Any]:
    results, bundle = held.results, held.results["bundle"]
    told = _mapping(bundle.get("provenance"))
    machine, here = _mapping(told.get("machine")), _mapping(results.get("machine"))
    cores = here.get("cores")
    return {
        "data_fingerprint": results["data"]["sha256"],
        "training_fingerprint": _mapping(told.get("data")).get("fingerprint"),
        "bundle": bundle.get("file"),
        "bundle_sha256": bundle.get("sha256"),
        "network_sha256": bundle.get("network_sha256"),
        "recipe": {name: _text(value) for name, value in _mapping(told.get("recipe")).items()},
        "trained": machine.get("time"),
        "trained_on": _line(machine.get("processor"), machine.get("system"), told.get("device")),
        "trained_with": _versions(machine.get("versions")),
        "evaluated": results["time"],
        "evaluated_on": _line(here.get("system"), f"{cores} cores" if cores else None),
        "evaluated_with": _versions(results["versions"]),
        "reported": datetime.now(UTC).isoformat(timespec="seconds"),
        "reported_with": f"pneumoscope {version('pneumoscope')}",
        "openings": held.openings,
    }


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _line(*parts: Any) -> str | None:
    return ", ".join(str(part) for part in parts if part not in (None, "")) or None


def _versions(value: Any) -> str | None:
    return _line(*(f"{name} {number}" for name, number in _mapping(value).items()))
