"""A fused bundle evaluated: the film alone, the fields alone, and both, on the same films."""

from __future__ import annotations

from typing import Any

import numpy as np

from pneumoscope.evaluation.fuse_figures import BOTH, FIELDS, FILM, hold_against
from pneumoscope.evaluation.fuse_model import OutOfFold
from pneumoscope.evaluation.table import Table
from pneumoscope.inference.bundle import Bundle
from pneumoscope.inference.fusion import Scored
from pneumoscope.inference.reader import READ

SCHEMA = 1


def evaluated(
    table: Table, bundle: Bundle, *, point: str, prevalence: float | None, resamples: int
) -> dict[str, Any] | None:
    """What ``fusion.json`` holds: ``evaluated`` here, and what ``fuse`` has ``cross_validated``.

    Film and fields are calibrated, and called at ``point``, by the films that fitted the fusion, as
    both are. None where the bundle takes no fields.
    """
    if bundle.fusion is None:
        return None
    fusion = bundle.fusion
    pairs = zip(table.films, table.readings, strict=True)
    read = [(film, said) for film, said in pairs if said.status == READ]
    own = np.array([said.film_logit for _, said in read], dtype=np.float64)
    encoded = [fusion.encode(film.fields)[0] for film, _ in read]
    width = len(fusion.both.fields)
    columns = np.array(encoded, dtype=np.float64).reshape(len(read), width)
    both = Scored(fusion.both, bundle.calibration, bundle.operating_points)
    scored = {FILM: fusion.film_alone, FIELDS: fusion.fields_alone, BOTH: both}
    found = {}
    for name, how in scored.items():
        logit = how.weights.logit(own, columns)
        chance = how.calibration.probability(logit, prevalence=prevalence)
        found[name] = OutOfFold(logit, chance, logit >= how.operating_points.threshold(point))
    readers, tests = hold_against(table.truth, table.patients, found, resamples=resamples)
    return {
        "schema": SCHEMA,
        "evaluated": {
            "films": len(read),
            "patients": int(np.unique(table.patients).size),
            "operating_point": point,
            "readers": readers,
            "paired": tests,
        },
        "cross_validated": bundle.provenance.get("fusion"),
    }
