"""For whom does a reader fail? Age, sex and view, where a manifest has them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping

import numpy as np

from pneumoscope.evaluation.audit_films import Looked
from pneumoscope.evaluation.audit_verdict import (
    Limits,
    Row,
    judged,
    not_asked,
    too_few,
)
from pneumoscope.evaluation.figures import Booleans, Estimate, Floats, Names, proportions
from pneumoscope.metrics import scores
from pneumoscope.metrics.arrays import Figure
from pneumoscope.metrics.intervals import Interval, bootstrap, delong

GAP = Limits(0.05, 0.15)  # ROC-AUC
COLUMNS: Mapping[str, frozenset[str]] = {
    "age": frozenset({"age", "patientage", "ageyears"}),
    "sex": frozenset({"sex", "gender", "patientsex", "patientgender"}),
    "view": frozenset({"view", "viewposition", "projection"}),
}
_BANDS = (0, 5, 18, 40, 65)  # years
_UNKNOWN = ""


def group_rows(
    looked: Looked,
    *,
    threshold: float,
    classes: tuple[str, str],
    resamples: int = 2000,
    seed: int = 0,
) -> Iterator[Row]:
    """One row for each subgroup: how far its ROC-AUC lies below that of all other films."""
    for column in COLUMNS:
        values = group_of(looked, column)
        if values is None:
            yield not_asked("subgroups", column, f"the films have no column {column}")
            continue
        found = _in_order(values)
        if len(found) < 2:
            text = f"every film is {found[0]}" if found else "no film has a value that can be read"
            yield not_asked("subgroups", column, text)
            continue
        for value in found:
            yield _gap(
                looked,
                f"{column} {value}",
                inside=values == value,
                others=(values != value) & (values != _UNKNOWN),
                threshold=threshold,
                classes=classes,
                resamples=resamples,
                seed=seed,
            )


def group_of(looked: Looked, column: str) -> Names | None:
    """The subgroup of each film (n,), '' where it is not known; None without such a column."""
    raw = [_value(film.fields, column) for film in looked.films]
    if all(value is None for value in raw):
        return None
    words = [(value or "").strip() for value in raw]
    return np.array([age_band(w) if column == "age" else w.upper() for w in words], dtype=np.str_)


def age_band(text: str) -> str:
    """Years, or a DICOM age such as 058Y or 007M, as a band such as '40 to 64'; '' for neither."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([YMWD]?)", text.strip().upper())
    if match is None:
        return _UNKNOWN
    years = float(match[1]) / {"M": 12, "W": 52.18, "D": 365.25}.get(match[2], 1)
    if years > 130:
        return _UNKNOWN
    band = max(i for i, low in enumerate(_BANDS) if low <= years)
    return f"{_BANDS[band]} to {_BANDS[band + 1] - 1}" if band + 1 < len(_BANDS) else "65 and over"


def _in_order(values: Names) -> list[str]:
    """The known values, bands of age from the youngest."""
    found = sorted(set(values.tolist()) - {_UNKNOWN})
    return sorted(found, key=lambda text: int(re.match(r"\d*", text)[0] or 0))  # type: ignore[index]


def _gap(
    looked: Looked,
    name: str,
    *,
    inside: Booleans,
    others: Booleans,
    threshold: float,
    classes: tuple[str, str],
    resamples: int,
    seed: int,
) -> Row:
    truth, logit, patients = looked.truth, looked.logit, looked.patients
    if reason := too_few(truth[inside], classes):
        return not_asked("subgroups", name, reason)
    if reason := too_few(truth[others], classes):
        return not_asked("subgroups", name, f"of the other films: {reason}")
    own = Estimate(delong(truth[inside], logit[inside], patients[inside]))
    shares = proportions(truth[inside], logit[inside] >= threshold, patients[inside])
    gap = auc_gap(truth, logit, patients, inside, others, resamples=resamples, seed=seed)
    positive = int(truth[inside].sum())
    return judged(
        "subgroups",
        name,
        "ROC-AUC below the others",
        gap,
        GAP,
        says=f"ROC-AUC {own}; sensitivity {shares['sensitivity'].value:.3f}, specificity "
        f"{shares['specificity'].value:.3f}; {positive:,} of {inside.sum():,} films are "
        f"{classes[1]}",
        details={
            "films": int(inside.sum()),
            "positive": positive,
            "roc_auc": own.to_json(),
            "sensitivity": shares["sensitivity"].to_json(),
            "specificity": shares["specificity"].to_json(),
        },
    )


def auc_gap(
    truth: Booleans,
    logit: Floats,
    patients: Names,
    inside: Booleans,
    others: Booleans,
    *,
    resamples: int,
    seed: int,
) -> Estimate:
    """ROC-AUC of the ``others`` less that ``inside``; ``n`` counts the films inside.

    A patient may stand on both sides, as one who was filmed in two views: patients are resampled.
    """

    def gap(weights: Figure) -> Figure:
        return scores.roc_auc(truth[others], logit[others], weights[..., others]) - scores.roc_auc(
            truth[inside], logit[inside], weights[..., inside]
        )

    low, high = bootstrap({"gap": gap}, patients, resamples=resamples, seed=seed)["gap"]
    count = np.unique(patients[inside]).size
    method = f"bootstrap over patients, {resamples} resamples"
    value = float(gap(np.ones(truth.size)))
    if not low < high:  # a bootstrap cannot see what no film shows
        low = high = math.nan
    interval = Interval(value, low, high, int(inside.sum()), count, method)
    return Estimate(interval, None if low < high else "no interval: every resample agrees")


def _value(fields: Mapping[str, str], column: str) -> str | None:
    for name, value in fields.items():
        if re.sub(r"[^a-z]", "", name.casefold()) in COLUMNS[column]:
            return value
    return None
