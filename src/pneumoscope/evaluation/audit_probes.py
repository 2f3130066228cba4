"""Films as they are and changed -> rows: size, regions, letters, positions, curves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pneumoscope.data.size_probe import Signal, probe_sizes
from pneumoscope.evaluation.audit_changes import (
    BORDER_ONLY,
    CORNERS,
    CURVES,
    LUNGS_ONLY,
    MIRRORED,
    NO_BORDER,
    NO_LUNGS,
    SHIFTS,
    curve_name,
    marker_name,
    mildest,
    shift_name,
)
from pneumoscope.evaluation.audit_films import WHOLE, Changed, Looked
from pneumoscope.evaluation.audit_verdict import (
    PASS,
    WARN,
    Limits,
    Row,
    changed_calls,
    judged,
    not_asked,
    of_paired,
    too_few,
)
from pneumoscope.evaluation.figures import Booleans, Estimate, Floats, Names, proportions
from pneumoscope.metrics.intervals import delong, delong_paired

SKILL = Limits(0.8, 0.7)  # AUC of the whole film; what has none of it need not be audited
SHORTCUT = Limits(0.6, 0.75)  # AUC of what should tell nothing
LOSS = Limits(0.05, 0.15)  # AUC that is lost with what should not matter
LUNGS_LOSS = Limits(0.1, 0.25)  # lungs cut out are a sight that no network was trained on
CALLS = Limits(0.05, 0.15)  # share of calls that turn over
_TELLING = 0.6  # of sizes alone, as in data.size_probe


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """Films that could be changed: truth, patients, logits as they are and changed."""

    truth: Booleans
    patients: Names
    whole: Floats
    changed: Floats

    @property
    def loss(self) -> Estimate:
        """AUC of the whole film less that of the changed one."""
        return of_paired(delong_paired(self.truth, self.whole, self.changed, self.patients))


def whole_film(looked: Looked, classes: tuple[str, str]) -> Row:
    """Does the reader tell the classes apart at all? The other probes are nothing without."""
    probe, name = "whole film", "films as they are"
    if reason := too_few(looked.truth, classes):
        return not_asked(probe, name, reason)
    auc = Estimate(delong(looked.truth, looked.logit, looked.patients))
    return judged(probe, name, "ROC-AUC", auc, SKILL, says="what the rows below are held against")


def size_rows(looked: Looked, classes: tuple[str, str]) -> Iterator[Row]:
    """Do sizes give labels away, and does the score follow them where the label cannot?"""
    found = probe_sizes(looked.films, looked.sizes)
    signals: Mapping[str, Signal | None] = {"pixels": found.pixels, "aspect": found.aspect}
    words = {"pixels": "number of pixels", "aspect": "width over height"}
    for key, signal in signals.items():
        names = f"labels from the {words[key]}", f"score follows the {words[key]}"
        if signal is None:
            for name in names:
                yield not_asked("size", name, found.silent or "sizes are not known")
            continue
        # A direction was chosen, so that the figure is never below one half: the lower limit counts
        telling = signal.auc.low > _TELLING
        yield Row(
            probe="size",
            name=names[0],
            verdict=WARN if telling else PASS,
            measure="ROC-AUC of the size alone",
            estimate=Estimate(signal.auc),
            says=f"{classes[1]} films are {signal.positive_films_are}, whatever reads them"
            + ("; a reader may have learned the scanner" if telling else ""),
            details={"source": found.source, "films_with_size": found.films},
        )
        yield _follows_size(names[1], looked, key, signal, classes, source=found.source)


def _follows_size(
    name: str,
    looked: Looked,
    key: str,
    signal: Signal,
    classes: tuple[str, str],
    *,
    source: str,
) -> Row:
    """Within a class a size says nothing of the truth: there the score should not know it either.

    Films are split at the median size of their class and ranked within it, so that the classes
    can be taken together.
    """
    sizes: Mapping[str, tuple[int | None, int | None]] = looked.sizes
    if source == "original":
        sizes = {film.key: (film.width, film.height) for film in looked.films}
    shape = np.array([sizes[film.key] for film in looked.films], dtype=np.float64)  # None is NaN
    value = shape[:, 0] * shape[:, 1] if key == "pixels" else shape[:, 0] / shape[:, 1]
    if signal.positive_films_are in ("smaller", "narrower"):
        value = -value
    known = np.isfinite(value)
    value, logit, truth = value[known], looked.logit[known], looked.truth[known]
    if reason := too_few(truth, classes):
        return not_asked("size", name, reason)
    beyond, rank = np.zeros(truth.size, dtype=bool), np.zeros(truth.size)
    for side in (truth, ~truth):
        beyond[side] = value[side] > np.median(value[side])
        order = np.searchsorted(np.sort(logit[side]), logit[side])
        rank[side] = order / side.sum()
    return judged(
        "size",
        name,
        "ROC-AUC within a class",
        Estimate(delong(beyond, rank, looked.patients[known])),
        SHORTCUT,
        says=f"how often the {signal.positive_films_are} of two films of one class scores higher",
    )


def region_rows(changed: Changed, classes: tuple[str, str], *, masks: bool) -> Iterator[Row]:
    """Is the score in the lungs, and nowhere else?"""
    for name in (BORDER_ONLY, NO_BORDER, NO_LUNGS, LUNGS_ONLY):
        part = _part(changed, name)
        if part is None:
            none = "no film has a mask" if masks else "no folder of lung masks was given (--masks)"
            yield not_asked("regions", name, none)
        elif reason := _senseless(part, classes):
            yield not_asked("regions", name, reason)
        else:
            yield _region(changed, name, part)


def _region(changed: Changed, name: str, part: _Part) -> Row:
    whole = Estimate(delong(part.truth, part.whole, part.patients))
    left = Estimate(delong(part.truth, part.changed, part.patients))
    details: dict[str, Any] = {"roc_auc": left.to_json(), "roc_auc_whole": whole.to_json()}
    held, to = f"whole films give {whole.value:.3f}", f"{whole.value:.3f} to {left.value:.3f}"
    if name == BORDER_ONLY:
        says = f"the corners, outside of the ellipse that touches a film's sides; {held}"
        return judged("regions", name, "ROC-AUC", left, SHORTCUT, says=says, details=details)
    if name == NO_LUNGS:
        assert changed.box is not None  # or there would be no such films
        details["lungs_hidden"] = changed.box.hides
        hidden = f"{100 * changed.box.hides:.1f} %"
        says = f"one box over all films, which hides {hidden} of the lungs; {held}"
        return judged("regions", name, "ROC-AUC", left, SHORTCUT, says=says, details=details)
    if name == NO_BORDER:
        limits, says = LOSS, f"{to} without the corners"
    else:
        limits, says = LUNGS_LOSS, f"{to} with all but the lungs black, a sight new to any network"
    return judged("regions", name, "ROC-AUC lost", part.loss, limits, says=says, details=details)


def call_rows(changed: Changed, *, threshold: float, classes: tuple[str, str]) -> Iterator[Row]:
    """Does a call stand where nothing changed that matters? ``threshold``: logit of a call."""
    mirror, letters = {MIRRORED: MIRRORED}, {corner: marker_name(corner) for corner in CORNERS}
    shifts = {direction: shift_name(direction) for direction in SHIFTS}
    yield _worst(changed, "letters", "a letter in a corner", letters, threshold, classes)
    yield _worst(changed, "position", "mirrored", mirror, threshold, classes)
    yield _worst(changed, "position", "shifted by 5 %", shifts, threshold, classes)
    for kind in CURVES:
        steps = {f"{level:g}": curve_name(kind, level) for level in mildest(kind)}
        curve = curve_of(changed, kind, threshold=threshold)
        row = _worst(changed, "curves", kind, steps, threshold, classes, details={"curve": curve})
        yield row


def curve_of(changed: Changed, kind: str, *, threshold: float) -> list[dict[str, Any]]:
    """The figures of every level of ``kind``; the one that changes nothing is the film itself."""
    curve = []
    for level in CURVES[kind]:
        part = _part(changed, curve_name(kind, level)) or _part(changed, WHOLE)
        assert part is not None
        shares = proportions(part.truth, part.changed >= threshold, part.patients)
        curve.append(
            {
                "level": level,
                "roc_auc": Estimate(delong(part.truth, part.changed, part.patients)).to_json(),
                "sensitivity": shares["sensitivity"].to_json(),
                "specificity": shares["specificity"].to_json(),
            }
        )
    return curve


def _worst(
    changed: Changed,
    probe: str,
    name: str,
    ways: Mapping[str, str],
    threshold: float,
    classes: tuple[str, str],
    *,
    details: Mapping[str, Any] | None = None,
) -> Row:
    """Share of calls that turn over in the worst of a few ways, words -> the films' name."""
    parts = {word: part for word, way in ways.items() if (part := _part(changed, way))}
    found = {
        word: changed_calls(part.whole, part.changed, part.patients, threshold=threshold)
        for word, part in parts.items()
    }
    if reason := too_few(changed.truth, classes):
        return not_asked(probe, name, reason)
    worst = max(found, key=lambda word: found[word].value)
    part = parts[worst]
    to_positive = (part.whole < threshold) & (part.changed >= threshold)
    turned = ((part.whole >= threshold) != (part.changed >= threshold)).sum()
    moved = float((part.changed - part.whole).mean())
    calls = {0: "no call turns over", 1: "1 call turns over"}.get(
        int(turned), f"{turned:,} calls turn over"
    )
    says = f"{calls}, {to_positive.sum():,} to {classes[1]}" if turned else calls
    if len(found) > 1:
        says = f"worst of {len(found)} ({worst}): {says}"
    every = {word: estimate.to_json() for word, estimate in found.items()}
    return judged(
        probe,
        name,
        "share of calls changed",
        found[worst],
        CALLS,
        says=says,
        details={"ways": every, "mean_change_of_logit": moved, **(details or {})},
    )


def _senseless(part: _Part, classes: tuple[str, str]) -> str | None:
    """Why a part of the film cannot be held against the whole, else None."""
    if reason := too_few(part.truth, classes):
        return reason
    if not delong(part.truth, part.whole, part.patients).low > 0.5:
        return "the whole film tells the classes apart no better than chance may"
    return None


def _part(changed: Changed, name: str) -> _Part | None:
    """The films with a change, beside themselves; None where no film has it."""
    logit = changed.logits.get(name)
    if logit is None:
        return None
    known = np.isfinite(logit)
    whole = changed.logits[WHOLE]
    return _Part(changed.truth[known], changed.patients[known], whole[known], logit[known])
