"""Films with their truth and what a network made of them: what a bundle is calibrated on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pneumoscope.data.catalog import Catalog
from pneumoscope.errors import PneumoscopeError
from pneumoscope.inference.reader import READ, SUBTYPES, Reading
from pneumoscope.metrics import calibration
from pneumoscope.metrics.calibration import Calibration


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Films (n,) scored by networks that had seen neither them nor their patients.

    ``truth``: 0 or 1; ``logit``; ``subtypes``: names as in ``catalog.SUBTYPES``; ``leaning``: NaN
    where it is not known; ``about`` goes into the bundle's provenance.
    """

    truth: np.ndarray
    logit: np.ndarray
    subtypes: np.ndarray
    leaning: np.ndarray
    about: Mapping[str, Any]


def of_validation(films: Catalog, readings: Sequence[Reading]) -> Scored:
    """The validation films that were read."""
    pairs = [
        (film, reading)
        for film, reading in zip(films.films, readings, strict=True)
        if reading.status == READ
    ]
    if len({film.label for film, _ in pairs}) < 2:
        raise PneumoscopeError(
            "The validation films that could be read are not of both classes, so the bundle "
            "cannot be calibrated."
        )
    return Scored(
        np.array([film.label for film, _ in pairs]),
        np.array([reading.logit for _, reading in pairs]),
        np.array([film.subtype for film, _ in pairs]),
        np.array([reading.leaning for _, reading in pairs], dtype=np.float64),
        {"by": "validation", "refused": len(readings) - len(pairs)},
    )


def fit_subtype(scored: Scored) -> Calibration | None:
    """Calibration of viral against bacterial, on films with pneumonia; None without both kinds."""
    known = np.isin(scored.subtypes, SUBTYPES) & np.isfinite(scored.leaning)
    viral = scored.subtypes[known] == SUBTYPES[1]
    if viral.all() or not viral.any():
        return None
    return calibration.fit(viral, scored.leaning[known])
