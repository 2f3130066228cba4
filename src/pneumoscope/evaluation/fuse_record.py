"""The record of a fusion, as plain data: what was fused, on which films, with which fields."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from pneumoscope.data.catalog import Film
from pneumoscope.data.fields import Field, is_missing
from pneumoscope.evaluation.evaluate import describe_bundle, describe_data
from pneumoscope.evaluation.selection import Selection
from pneumoscope.inference.bundle import Bundle
from pneumoscope.inference.reader import READ, Reading

SCHEMA = 1


def about_films(
    bundle: Bundle,
    selection: Selection,
    kept: Sequence[Film],
    readings: Sequence[Reading],
) -> dict[str, Any]:
    """What was fused: the bundle, the films that were ``kept``, and those that were refused.

    ``readings`` are of the films of ``selection``, in their order.
    """
    described = describe_bundle(bundle)
    data = describe_data(selection)
    truth = [film.label for film in kept]
    refused = [
        {"file": film.key, "reason": reading.reason or ""}
        for film, reading in zip(selection.catalog.films, readings, strict=True)
        if reading.status != READ
    ]
    return {
        "schema": SCHEMA,
        "kind": "fusion",
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "with": f"pneumoscope {version('pneumoscope')}",
        "bundle": {name: described[name] for name in ("file", "sha256", "network_sha256")},
        "data": {
            **{name: data[name] for name in ("name", "classes", "patients_known", "sha256")},
            "films": len(kept),
            "patients": len({film.patient for film in kept}),
            "positive": sum(truth),
            "negative": len(truth) - sum(truth),
            "left_out_as_trained_on": len(selection.trained_on),
        },
        "refused": {"films": len(refused), "list": refused},
        "notes": list(selection.notes),
    }


def about_field(field: Field, films: Sequence[Film]) -> dict[str, Any]:
    """What a field takes, and on how many of ``films`` it is missing or has too rare a name."""
    values = [film.fields.get(field.name, "") for film in films]
    missing = sum(map(is_missing, values))
    known = {each.casefold() for each in field.categories}
    rare = sum(not is_missing(v) and v.casefold() not in known for v in values) if known else 0
    return {
        "field": field.name,
        "kind": field.kind,
        "categories": list(field.categories),
        "low": None if field.categories else field.low,
        "high": None if field.categories else field.high,
        "missing": missing,
        "rare": rare,
    }
