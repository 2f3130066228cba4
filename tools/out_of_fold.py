"""Out-of-fold figures of networks read together: python tools/out_of_fold.py FOLDER...

Each FOLDER is an output of ``pneumoscope crossval`` by patient or by acquisition, of one of
``--recipes`` (named twice, it counts twice), or of ``tools/changed_films.py``. Calibration and
operating points are fitted as the bundle's are, on the films of the shift folds and, if any are
given, the changed films, and beside it on the films of the patient folds, to show what a threshold
is worth that was fitted where films are like those trained on. Prints Markdown: for every fold, all
of them and the counter-stereotype films, each figure with its 95 % interval (patients whole).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from pneumoscope.evaluation.figures import every_figure
from pneumoscope.evaluation.members import read_together
from pneumoscope.evaluation.score_files import Scores, join
from pneumoscope.metrics.calibration import Calibration, OperatingPoints, fit, fit_operating_points
from pneumoscope.model.recipe import named

WEIGHED = ["shipped", "shipped-whole"]  # as the bundle that ships counts them: each once
SHOWN = {
    "roc_auc": "ROC-AUC",
    "accuracy": "accuracy",
    "recall": "sensitivity",
    "specificity": "specificity",
    "expected_calibration_error": "ECE",
}


def parts(scores: Scores) -> Iterator[tuple[str, Scores]]:
    """Every fold, all films together, and the counter-stereotype ones, by name."""
    for name in dict.fromkeys(scores.sets.tolist()):
        yield name, scores.where(scores.sets == name)
    yield "all folds", scores
    yield "counter-stereotype", scores.where(scores.slice)


def rows(
    named_parts: Iterable[tuple[str, Scores]],
    calibration: Calibration,
    points: OperatingPoints,
    *,
    resamples: int,
) -> list[str]:
    """A Markdown row for each part at ``balanced``."""
    found = []
    for name, part in named_parts:
        figures = every_figure(
            part.truth,
            logit=part.logit,
            probability=calibration.probability(part.logit),
            call=part.logit >= points.balanced,
            patients=part.patients,
            resamples=resamples,
        )
        cells = [f"{figures[key].value:.3f} ({figures[key].limits})" for key in SHOWN]
        found.append(f"| {name} | {len(part.keys):,} | " + " | ".join(cells) + " |")
    return found


def subtype_rows(grouped: Scores, shift: Scores, *, resamples: int) -> list[str]:
    """How well viral is told from bacterial, on all films with pneumonia and by the same fit."""
    found, fitted = [], None
    for name, scores in (("shift folds", shift), ("grouped folds", grouped)):
        known = np.isin(scores.subtypes, ("bacterial", "viral")) & np.isfinite(scores.leaning)
        part = scores.where(known)
        viral = part.subtypes == "viral"
        fitted = fitted or fit(viral, part.leaning)
        probability = fitted.probability(part.leaning)
        figures = every_figure(
            viral,
            logit=part.leaning,
            probability=probability,
            call=probability >= 0.5,
            patients=part.patients,
            resamples=resamples,
        )
        cells = [f"{figures[key].value:.3f} ({figures[key].limits})" for key in SHOWN]
        found.append(f"| {name} | {len(part.keys):,} | " + " | ".join(cells) + " |")
    return found


def tables(
    grouped: Scores, shift: Scores, changed: Scores | None, *, resamples: int = 2000
) -> list[str]:
    """The whole text, a line each."""
    head = "| films | n | " + " | ".join(SHOWN.values()) + " |"
    rule = "| --- | ---: |" + " --- |" * len(SHOWN)
    lines = []
    for where, fitted_on in (
        ("acquisition shifts", join([shift, changed]) if changed is not None else shift),
        ("films are alike", grouped),
    ):
        calibration = fit(fitted_on.truth, fitted_on.logit)
        points = fit_operating_points(fitted_on.truth, fitted_on.logit)
        lines += [
            f"Calibration and `balanced` fitted where {where}: temperature "
            f"{calibration.temperature:.3f}, offset {calibration.offset:+.3f}; logits of `screen` "
            f"{points.screen:+.2f}, `balanced` {points.balanced:+.2f}, `confirm` "
            f"{points.confirm:+.2f}.",
            "",
            head,
            rule,
        ]
        for scores in (grouped, shift):
            lines += rows(parts(scores), calibration, points, resamples=resamples)
        if changed is not None:
            lines += rows([("changed films", changed)], calibration, points, resamples=resamples)
        lines.append("")
    lines += ["Viral (positive) against bacterial, among films with pneumonia:", "", head, rule]
    return [*lines, *subtype_rows(grouped, shift, resamples=resamples)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--recipes", nargs="+", default=WEIGHED)
    arguments = parser.parse_args()
    recipes = [named(name) for name in arguments.recipes]
    found = read_together(arguments.folders, recipes=recipes)
    print("\n".join(tables(found["grouped"], found["shift"], found.get("changed"))))


if __name__ == "__main__":
    main()
