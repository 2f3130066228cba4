"""The model behind a fusion: penalised logistic regression, scored out of fold.

The film's logit is all but free of the penalty and the fields are not: where they tell nothing, the
strongest penalty leaves the film alone. How strong it is, is chosen by log loss in folds of
patients inside the films of each fit, so that a fold that is scored has had no part in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pneumoscope.data.fields import Field
from pneumoscope.evaluation.figures import Booleans, Floats, Names
from pneumoscope.inference.fusion import Fusion, Scored, Weights
from pneumoscope.metrics import calibration
from pneumoscope.metrics.calibration import Calibration, OperatingPoints
from pneumoscope.metrics.folds import deal_patients, fewest_patients
from pneumoscope.metrics.logistic import fit_logistic

# Of a column with a standard deviation of about 1, in nats over all films of a fit.
PENALTIES = tuple(float(10.0 ** (power / 2)) for power in range(-2, 7))
_FILM = 0.1  # the film's: less than one film's worth, as in metrics.calibration
INNER_FOLDS = 5


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """Films that were read: truth, the film's logit and patient (n,), columns (n, c) of fields."""

    truth: Booleans
    logit: Floats
    patients: Names
    fields: tuple[Field, ...]
    columns: Floats

    def at(self, names: Sequence[str]) -> NDArray[np.intp]:
        """Places, among the columns, of those of the fields with these names."""
        owners = [field.name for field in self.fields for _ in field.columns]
        return np.flatnonzero(np.isin(owners, list(names)))


@dataclass(frozen=True, slots=True, eq=False)
class OutOfFold:
    """Logit, probability and call (n,) of each film by a model that was fitted without its patient.

    Calls are made at the threshold of best balanced accuracy on the films of the fit.
    """

    logit: Floats
    probability: Floats
    call: Booleans


def film_out_of_fold(known: Known, fold: NDArray[np.intp]) -> OutOfFold:
    """The film alone: its own logit, with calibration and threshold of the other folds."""
    chance, call = np.empty(known.logit.size), np.empty(known.logit.size, dtype=bool)
    for number in np.unique(fold):
        inside, outside = fold == number, fold != number
        truth, logit = known.truth[outside], known.logit[outside]
        chance[inside] = calibration.fit(truth, logit).probability(known.logit[inside])
        balanced = calibration.fit_operating_points(truth, logit).balanced
        call[inside] = known.logit[inside] >= balanced
    return OutOfFold(known.logit, chance, call)


def out_of_fold(
    known: Known, fold: NDArray[np.intp], names: Sequence[str], *, film: bool, seed: int
) -> OutOfFold:
    """Scores of the fields ``names``, with the film's logit or without."""
    logit, call = np.empty(known.logit.size), np.empty(known.logit.size, dtype=bool)
    for number in np.unique(fold):
        inside, outside = fold == number, fold != number
        weights, _ = fit(known, names, film=film, rows=outside, seed=seed + 1 + int(number))
        found = weights.logit(known.logit, known.columns)
        logit[inside] = found[inside]
        points = calibration.fit_operating_points(known.truth[outside], found[outside])
        call[inside] = found[inside] >= points.balanced
    return OutOfFold(logit, 0.5 + 0.5 * np.tanh(0.5 * logit), call)


def fit(
    known: Known,
    names: Sequence[str],
    *,
    film: bool,
    rows: Booleans | None = None,
    seed: int = 0,
) -> tuple[Weights, float]:
    """Weights of the film (if ``film``) and of the fields ``names``, and the penalty chosen.

    ``rows`` (n,) are the films to fit on, by default all. Fields that are not named weigh 0.
    """
    rows = np.ones(known.truth.size, dtype=bool) if rows is None else rows
    at, truth, patients = known.at(names), known.truth[rows], known.patients[rows]
    logit = known.logit[rows]
    centre, scale = float(logit.mean()), float(logit.std()) or 1.0
    film_column = ((logit - centre) / scale)[:, None][:, : int(film)]
    design = np.hstack([np.ones((truth.size, 1)), film_column, known.columns[rows][:, at]])
    shape = np.concatenate([[0.0], np.zeros(int(film)), np.ones(at.size)])
    fixed = np.concatenate([[0.0], np.full(int(film), _FILM), np.zeros(at.size)])
    penalty = _choose(truth, patients, design, shape, fixed, seed=seed)
    found = fit_logistic(truth, design, fixed + penalty * shape)
    own = float(found[1]) / scale if film else 0.0
    fields = np.zeros(known.columns.shape[1])
    fields[at] = found[1 + int(film) :]
    return Weights(float(found[0]) - own * centre, own, tuple(fields.tolist())), penalty


def finish(
    known: Known, both: OutOfFold, fields: OutOfFold, *, seed: int
) -> tuple[Fusion, Calibration, OperatingPoints, dict[str, float]]:
    """The fusion of all films, its calibration and operating points, and the penalties chosen.

    These and the calibrations of film and fields are fitted on the out-of-fold scores: those on the
    films of the fit would be too sure of themselves.
    """
    names = [field.name for field in known.fields]
    weights, strength = fit(known, names, film=True, seed=seed)
    alone, strength_alone = fit(known, names, film=False, seed=seed)
    film = Weights(0.0, 1.0, (0.0,) * known.columns.shape[1])
    fusion = Fusion(
        known.fields,
        weights,
        Scored(film, *_calibrate(known.truth, known.logit)),
        Scored(alone, *_calibrate(known.truth, fields.logit)),
    )
    chosen = {"both": strength, "fields": strength_alone}
    return fusion, *_calibrate(known.truth, both.logit), chosen


def _calibrate(truth: Booleans, logit: Floats) -> tuple[Calibration, OperatingPoints]:
    return calibration.fit(truth, logit), calibration.fit_operating_points(truth, logit)


def _choose(
    truth: Booleans, patients: Names, design: Floats, shape: Floats, fixed: Floats, *, seed: int
) -> float:
    """The penalty of least log loss on films of patients left out; of equals the strongest."""
    _, numbered = np.unique(patients, return_inverse=True)
    folds = min(INNER_FOLDS, fewest_patients(truth, numbered))
    if folds < 2 or not shape.any():
        return PENALTIES[-1]
    fold = deal_patients(truth, numbered, folds=folds, seed=seed)
    losses = np.zeros(len(PENALTIES))
    for number in range(folds):
        inside, outside = fold == number, fold != number
        start = None
        for place in range(len(PENALTIES) - 1, -1, -1):
            pull = fixed + PENALTIES[place] * shape
            start = fit_logistic(truth[outside], design[outside], pull, start=start)
            sign = np.where(truth[inside], -1.0, 1.0)
            losses[place] += np.logaddexp(0, sign * (design[inside] @ start)).sum()
    best = np.flatnonzero(losses <= losses.min() + 1e-9)
    return PENALTIES[int(best[-1])]
