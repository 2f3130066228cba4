"""What an evaluation found, and the JSON that it is kept in."""

from __future__ import annotations

import os
import platform
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pneumoscope.evaluation.figures import Estimate, Estimates
from pneumoscope.metrics.clustered import LEVEL
from pneumoscope.metrics.scores import BINS

SCHEMA = 1
ROC, PRECISION_RECALL, RELIABILITY, CONFUSION = (
    "roc.png",
    "precision_recall.png",
    "reliability.png",
    "confusion.png",
)
PREDICTIONS = "predictions.csv"
RESULTS = "results.json"
FUSION = "fusion.json"


@dataclass(frozen=True, slots=True)
class Point:
    """An operating point: its threshold, and what it does on the films that were read.

    ``figures``: sensitivity, specificity, positive and negative predictive value.
    """

    logit: float
    probability: float
    figures: Estimates


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """Everything that an evaluation found.

    ``figures``, ``confusion`` (tp, fp, tn, fn), ``subtypes`` (sensitivity) and ``points`` are of
    the films that were read, ``point`` naming the one of ``points`` that calls were made at;
    ``counting_refusals`` has accuracy, sensitivity and specificity over all films, with a refusal
    counted as wrong. ``prevalence`` is that of all films, ``assumed_prevalence`` the one that
    probabilities refer to. ``refused`` is key and reason of each refused film. ``out`` is the
    folder of the files. ``fusion`` is what ``fusion.json`` holds, where the bundle takes fields.
    """

    out: Path
    time: str
    bundle: Mapping[str, Any]
    data: Mapping[str, Any]
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    films_read: int
    patients_read: int
    refused: tuple[tuple[str, str], ...]
    point: str
    points: Mapping[str, Point]
    prevalence: Estimate
    assumed_prevalence: float
    figures: Estimates
    counting_refusals: Estimates
    confusion: Mapping[str, int]
    subtypes: Estimates
    resamples: int
    seed: int
    fusion: Mapping[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """What ``results.json`` holds: plain values, ``None`` for what the films do not define."""
        reasons = Counter(reason for _, reason in self.refused)
        return {
            "schema": SCHEMA,
            "time": self.time,
            "versions": _versions(),
            "machine": {
                "system": f"{platform.system()} {platform.machine()}",
                "cores": os.cpu_count() or 0,
            },
            "bundle": dict(self.bundle),
            "data": dict(self.data),
            "warnings": list(self.warnings),
            "notes": list(self.notes),
            "read": {"films": self.films_read, "patients": self.patients_read},
            "refused": {
                "films": len(self.refused),
                "reasons": dict(reasons.most_common()),
                "list": [{"file": key, "reason": reason} for key, reason in self.refused],
            },
            "operating_point": {"name": self.point, **_threshold(self.points[self.point])},
            "prevalence": {
                "in_this_set": self.prevalence.to_json(),
                "assumed": self.assumed_prevalence,
            },
            "figures": _plain(self.figures),
            "refused_counted_as_wrong": _plain(self.counting_refusals),
            "confusion": dict(self.confusion),
            "subtype_sensitivity": _plain(self.subtypes),
            "operating_points": {
                name: {**_threshold(point), **_plain(point.figures)}
                for name, point in self.points.items()
            },
            "method": {
                "level": LEVEL,
                "resamples": self.resamples,
                "seed": self.seed,
                "calibration_bins": BINS,
            },
            "files": [PREDICTIONS, ROC, PRECISION_RECALL, RELIABILITY, CONFUSION]
            + [FUSION] * (self.fusion is not None),
        }


def _threshold(point: Point) -> dict[str, float]:
    return {"logit": point.logit, "probability": point.probability}


def _plain(estimates: Estimates) -> dict[str, Any]:
    return {name: estimate.to_json() for name, estimate in estimates.items()}


def _versions() -> dict[str, str]:
    packages = ("pneumoscope", "numpy", "scipy", "onnxruntime", "pillow", "simplejpeg")
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}
