"""The film alone, the fields alone, both, and both without each field: figures and paired tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pneumoscope.evaluation import figures
from pneumoscope.evaluation.compare import paired
from pneumoscope.evaluation.figures import Booleans, Names
from pneumoscope.evaluation.fuse_model import Known, OutOfFold, film_out_of_fold, out_of_fold
from pneumoscope.metrics.intervals import delong, delong_paired, wilson_clustered

FILM, FIELDS, BOTH = READERS = ("film", "fields", "both")
SHOWN = ("roc_auc", "accuracy", "recall", "specificity", "brier", "expected_calibration_error")
GIVES_AWAY = 0.95  # ROC-AUC of one field, out of fold, from which it is taken for the label itself
# Columns that tell how, where or by whom a film was taken, and nothing of the patient but that.
_ACQUISITION = frozenset(
    {"detector", "device", "hospital", "institution", "kvp", "machine", "manufacturer", "modality"}
    | {"model", "position", "projection", "scanner", "site", "station", "view", "viewposition"}
    | {"ward"}
)


@dataclass(frozen=True, slots=True, eq=False)
class CrossValidated:
    """What came of all folds: scores of the film, the fields and both, and figures as plain data.

    ``by_field`` has for each field its ROC-AUC alone, what both are without it, and what is lost.
    """

    film: OutOfFold
    fields: OutOfFold
    both: OutOfFold
    readers: Mapping[str, Any]
    paired: Mapping[str, Any]
    by_field: tuple[Mapping[str, Any], ...]


def cross_validate(
    known: Known, fold: NDArray[np.intp], *, seed: int, resamples: int
) -> CrossValidated:
    """Score the films of each ``fold`` (n,) by models fitted on the others, and compare."""
    names = [field.name for field in known.fields]
    film = film_out_of_fold(known, fold)
    fields = out_of_fold(known, fold, names, film=False, seed=seed)
    both = out_of_fold(known, fold, names, film=True, seed=seed)
    found = {FILM: film, FIELDS: fields, BOTH: both}
    rows = []
    for name in names:
        others = [other for other in names if other != name]
        alone = fields if not others else out_of_fold(known, fold, [name], film=False, seed=seed)
        without = film if not others else out_of_fold(known, fold, others, film=True, seed=seed)
        rows.append(_field(known, name, alone, without, both))
    readers, tests = hold_against(known.truth, known.patients, found, resamples=resamples)
    return CrossValidated(film, fields, both, readers, tests, tuple(rows))


def hold_against(
    truth: Booleans, patients: Names, found: Mapping[str, OutOfFold], *, resamples: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Figures of the three ``READERS`` on the same films (n,), and both less each of the others."""
    readers = {}
    for name in READERS:
        said = found[name]
        every = figures.every_figure(
            truth,
            logit=said.logit,
            probability=said.probability,
            call=said.call,
            patients=patients,
            resamples=resamples,
        )
        readers[name] = {key: every[key].to_json() for key in SHOWN}
    tests = {
        other: paired(
            truth,
            (found[BOTH].logit, found[other].logit),
            (found[BOTH].probability, found[other].probability),
            (found[BOTH].call, found[other].call),
            patients,
            resamples=resamples,
        )
        for other in (FILM, FIELDS)
    }
    return readers, tests


def is_acquisition(name: str) -> bool:
    """Whether a field's name says that it tells how the film was taken, not of the patient."""
    words = name.casefold().replace("_", " ").replace("-", " ").split()
    return any(word in _ACQUISITION for word in words)


def _field(
    known: Known, name: str, alone: OutOfFold, without: OutOfFold, both: OutOfFold
) -> dict[str, Any]:
    truth, patients = known.truth, known.patients
    area = delong(truth, alone.logit, patients)
    return {
        "field": name,
        "acquisition": is_acquisition(name),
        "gives_away": area.value > GIVES_AWAY or _is_the_label(known, name),
        "alone": area.to_json(),
        "without": {
            "roc_auc": delong(truth, without.logit, patients).to_json(),
            "accuracy": wilson_clustered(without.call == truth, patients).to_json(),
        },
        "lost": delong_paired(truth, both.logit, without.logit, patients).to_json(),
    }


def _is_the_label(known: Known, name: str) -> bool:
    """Whether each value of a field, or each side of one number, is that of one class alone."""
    columns = known.columns[:, known.at([name])]
    _, value = np.unique(columns, axis=0, return_inverse=True)
    positive = np.bincount(value.ravel(), known.truth)
    mixed = (positive > 0) & (positive < np.bincount(value.ravel()))
    # A number that is never the same twice divides any films: only an order tells.
    if positive.size > known.truth.size / 2:
        return delong(known.truth, columns[:, 0]).value in (0.0, 1.0)
    return not mixed.any()
