"""For whom it works: figures of subgroups, and what a manifest's fields tell by themselves."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from pneumoscope.evaluation import figures
from pneumoscope.evaluation.figures import Booleans, Floats, Names
from pneumoscope.evaluation.report_input import Evaluation
from pneumoscope.metrics.intervals import Interval, delong

MOST_VALUES = 8  # of a field that divides films into groups; with more it is a name or a number
FEW = 10  # films of either class below which a group's figures are marked as hardly any
TELLING = 0.75  # a field with this AUC, its whole interval above one half, gives the label away
_FOLDS = 5
_AGES: tuple[tuple[float, float], ...] = ((0, 18), (18, 40), (40, 65), (65, math.inf))
_MISSING = ""


def subgroups(held: Evaluation) -> list[dict[str, Any]]:
    """Figures of each group of each field that divides the films that were read.

    Fields are those of the manifest, and the size of the original where it is known. Numbers are
    cut into thirds (an age by the years of clinical use); names with more than eight values are
    left out. A group keeps its figures however small it is, and ``few`` says so.
    """
    return [
        {"field": name, "groups": [_group(held, label, films) for label, films in parts]}
        for name, values in _all_fields(held)
        if len(parts := list(_parts(name, values))) > 1
    ]


def giveaways(held: Evaluation) -> list[dict[str, Any]]:
    """How well each field alone tells the label: AUC with interval, the most telling first.

    A number is tried as it is, in the better direction; names by the share of positives among
    other patients with the same name (five folds of patients), so that a name of its own for every
    film tells nothing. Whether a value is missing is tried too.
    """
    if not held.truth.any() or held.truth.all():
        return []
    found = []
    for name, values in _all_fields(held):
        tried = [probe for probe in _probes(held, values) if not math.isnan(probe.value)]
        if tried:
            best = max(tried, key=lambda interval: interval.value)
            telling = best.value >= TELLING and best.low > 0.5
            found.append({"field": name, "roc_auc": best.to_json(), "telling": telling})
    return sorted(found, key=lambda row: -row["roc_auc"]["value"])


def _all_fields(held: Evaluation) -> Iterator[tuple[str, Names]]:
    yield from held.fields.items()
    sides = [(row.get("original_width"), row.get("original_height")) for row in held.rows]
    if any(width and height for width, height in sides):
        pixels = [str(int(w) * int(h)) if w and h else _MISSING for w, h in sides]
        yield "original pixels", np.array(pixels, dtype=str)


def _parts(name: str, values: Names) -> Iterator[tuple[str, Booleans]]:
    """Label and films of each group; what has no value is a group of its own, the last."""
    names, counts = np.unique(values, return_counts=True)
    numbers = as_numbers(values)
    if numbers is not None and (names != _MISSING).sum() > MOST_VALUES:
        yield from _bands(name, numbers)
    elif (names != _MISSING).sum() <= MOST_VALUES:
        order = np.argsort(-counts, kind="stable")
        yield from ((str(names[i]), values == names[i]) for i in order if names[i] != _MISSING)
    else:
        return
    if (values == _MISSING).any():
        yield _MISSING, values == _MISSING


def _bands(name: str, numbers: Floats) -> Iterator[tuple[str, Booleans]]:
    known = numbers[np.isfinite(numbers)]
    if "age" in name.casefold().split() and known.max() <= 120:
        bands = _AGES
    else:
        cuts = np.unique(np.quantile(known, [1 / 3, 2 / 3], method="nearest")).tolist()
        edges = [-math.inf, *cuts, math.inf]
        bands = tuple(itertools.pairwise(edges))
    for low, high in bands:
        films = (numbers >= low) & (numbers < high)
        if films.any():
            top = f"< {_short(high)}" if math.isfinite(high) else ""
            bottom = f"≥ {_short(low)}" if math.isfinite(low) and low > 0 else ""
            yield ", ".join(filter(None, (bottom, top))), films


def _short(number: float) -> str:
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.4g}"


def as_numbers(values: Names) -> Floats | None:
    """``values`` (n,) as floats, NaN where missing; None where one of them is no number."""
    try:
        numbers = np.array([float(v) if v != _MISSING else math.nan for v in values.tolist()])
    except ValueError:
        return None
    return numbers if np.isfinite(numbers).any() and not np.isinf(numbers).any() else None


def _group(held: Evaluation, label: str, films: Booleans) -> dict[str, Any]:
    truth, patients = held.truth[films], held.patients[films]
    shares = figures.proportions(truth, held.call[films], patients)
    positive = int(truth.sum())
    return {
        "value": label,
        "films": int(truth.size),
        "patients": int(np.unique(patients).size),
        "positive": positive,
        "few": min(positive, truth.size - positive) < FEW,
        "roc_auc": delong(truth, held.logit[films], patients).to_json(),
        "sensitivity": shares["sensitivity"].to_json(),
        "specificity": shares["specificity"].to_json(),
    }


def _probes(held: Evaluation, values: Names) -> Iterator[Interval]:
    numbers, known = as_numbers(values), values != _MISSING
    if numbers is not None:
        yield _better(held.truth[known], numbers[known], held.patients[known])
    yield _better(held.truth, (~known).astype(np.float64), held.patients)
    if numbers is None or np.unique(values).size <= MOST_VALUES:
        yield delong(held.truth, _shares_elsewhere(held, values), held.patients)


def _better(truth: Booleans, score: Floats, patients: Names) -> Interval:
    """The area in the direction that is above one half; NaN for a constant."""
    if not score.size or np.ptp(score) == 0:
        return Interval(math.nan, math.nan, math.nan, score.size, 0, "DeLong")
    found = delong(truth, score, patients)
    return found if not found.value < 0.5 else delong(truth, -score, patients)


def _shares_elsewhere(held: Evaluation, values: Names) -> Floats:
    """For each film the share of positives among films of its value, of patients of other folds."""
    _, patient = np.unique(held.patients, return_inverse=True)
    _, value = np.unique(values, return_inverse=True)
    fold = np.random.default_rng(0).permutation(patient.max() + 1)[patient] % _FOLDS
    shares = np.zeros(values.size)
    for number in range(_FOLDS):
        others = fold != number
        films = np.bincount(value[others], minlength=value.max() + 1)
        positive = np.bincount(value[others], held.truth[others], value.max() + 1)
        # A value that no other patient has says as much as the set as a whole.
        prior = held.truth[others].mean() if others.any() else 0.5
        shares[~others] = ((positive + prior) / (films + 1))[value[~others]]
    return shares
