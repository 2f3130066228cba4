"""Out-of-fold scores: every film read by a network that has seen neither it nor its patient.

    pneumoscope crossval DIR --recipe notebook --by grouped --out RUN
    pneumoscope crossval DIR --recipe notebook --by shift --sizes SIZES.csv --out RUN

``grouped`` deals whole patients into folds. ``shift`` holds out, one after the other, films whose
acquisition is unlike that of the films left (``pneumoscope.data.acquisition.SHIFT_FOLDS``); a film
may be in several of these, or in none.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pneumoscope import files
from pneumoscope.data.acquisition import SHIFT_FOLDS, measure, shift_fold
from pneumoscope.data.split import deal_folds, set_apart, trainable
from pneumoscope.errors import PneumoscopeError, UsageError
from pneumoscope.evaluation.figures import Estimate, every_figure
from pneumoscope.evaluation.score_files import SCORES, Scores, join, read_scores, write_scores
from pneumoscope.evaluation.trained import (
    DONE,
    Films,
    open_films,
    read_result,
    require_same,
    train_and_score,
)
from pneumoscope.metrics.calibration import (
    Calibration,
    OperatingPoints,
    fit,
    fit_operating_points,
)
from pneumoscope.model.recipe import Recipe, named

FOLDS = 5
# A tenth of the patients outside the fold selects the epoch: selected on the fold, its scores
# would be better than they are.
SELECTING = 0.1
# Where nothing is selected, a few are watched and the rest is learned from.
WATCHED = 0.02
RESULTS = "results.json"


@dataclass(frozen=True, slots=True)
class Part:
    """Figures on some of the out-of-fold scores: a fold, all of them, the counter-stereotypes."""

    name: str
    films: int
    patients: int
    positives: int
    figures: dict[str, Estimate]


@dataclass(frozen=True, slots=True)
class CrossValidation:
    """What came of all folds. ``parts`` has one entry a fold, then ``pooled``, then the slice.

    ``calibration`` and ``operating_points`` are fitted on all out-of-fold logits together.
    """

    out: Path
    by: str
    recipe: Recipe
    scores: Scores
    calibration: Calibration
    operating_points: OperatingPoints
    parts: tuple[Part, ...]
    failed: tuple[str, ...]


def cross_validate(
    where: Path | str,
    *,
    by: Literal["grouped", "shift"],
    out: Path | str,
    recipe: Recipe | str = "notebook",
    folds: int = FOLDS,
    sizes: Path | None = None,
    positive: str | None = None,
    masks: Path | None = None,
    cache: Path | None = None,
    threads: int | None = None,
    resamples: int = 2000,
    progress: bool = True,
) -> CrossValidation:
    """Train once a fold, score the fold, and write ``scores.csv.gz`` and ``results.json``.

    ``folds`` counts for 'grouped' alone. Folds that are done are skipped, and one that was killed
    goes on. Raises ``UsageError`` for another ``by``, for ``out`` with folds of other films or of
    another recipe, and ``PneumoscopeError`` where the films cannot be divided.
    """
    if by not in ("grouped", "shift"):
        raise UsageError(f"Folds are dealt by grouped or shift, not {by!r}.")
    recipe = named(recipe) if isinstance(recipe, str) else recipe
    films = open_films(where, sizes=sizes, positive=positive, masks=masks, cache=cache)
    out = Path(out)
    held = _folds(films, by, folds=folds, seed=recipe.seed, progress=progress)
    results = _train(held, films, recipe, out, threads=threads, progress=progress)
    done = [name for name, result in results.items() if result["status"] == DONE]
    if not done:
        reason = next(iter(results.values()))["reason"]
        raise PneumoscopeError(f"No fold in {out} could be trained; the first: {reason}")
    scores = join([read_scores(out / name / SCORES) for name in done])
    failed = tuple(f"{n}: {r['reason']}" for n, r in results.items() if r["status"] != DONE)
    found = _prove(out, by, recipe, scores, failed, resamples=resamples)
    _write(found)
    return found


def _folds(
    films: Films, by: str, *, folds: int, seed: int, progress: bool
) -> dict[str, frozenset[str]]:
    if by == "grouped":
        dealt = deal_folds(films.catalog, folds=folds, seed=seed)
        return {f"fold-{number}": keys for number, keys in enumerate(dealt, start=1)}
    facts = measure(
        films.catalog.keep(trainable(films.catalog)), cache=films.cache, progress=progress
    )
    return {name: shift_fold(facts, name) for name in SHIFT_FOLDS}


def _train(
    held: dict[str, frozenset[str]],
    films: Films,
    recipe: Recipe,
    out: Path,
    *,
    threads: int | None,
    progress: bool,
) -> dict[str, dict[str, Any]]:
    from filelock import FileLock, Timeout
    from tqdm import tqdm

    results: dict[str, dict[str, Any]] = {}
    out.mkdir(parents=True, exist_ok=True)
    with tqdm(
        total=len(held) * recipe.epochs, unit=" epoch", disable=None if progress else True
    ) as bar:
        for name, keys in held.items():

            def watch(row: dict[str, float], name: str = name) -> None:
                bar.set_description(f"{name}, val_auc {row['val_auc']:.4f}")
                bar.update()

            bar.set_description(name)
            try:
                with FileLock(out / f"{name}.lock", timeout=0):
                    result = read_result(out / name)
                    if result is not None:
                        require_same(result, films, recipe, out / name)
                        bar.update(recipe.epochs)
                    else:
                        validation = WATCHED if recipe.select == "last" else SELECTING
                        split = set_apart(
                            films.catalog, keys, seed=recipe.seed, validation=validation
                        )
                        result = train_and_score(
                            *(out / name, films, recipe, split),
                            sets={name: split.apart},
                            facts={"fold": name},
                            threads=threads,
                            watch=watch,
                        )
            except Timeout as error:
                raise UsageError(f"Another process is training {out / name}.") from error
            results[name] = result
    return results


def _prove(
    out: Path, by: str, recipe: Recipe, scores: Scores, failed: tuple[str, ...], *, resamples: int
) -> CrossValidation:
    """Fit on all out-of-fold logits together; figures of every part at that balanced threshold."""
    fitted = fit(scores.truth, scores.logit)
    points = fit_operating_points(scores.truth, scores.logit)
    members = {name: scores.sets == name for name in dict.fromkeys(scores.sets.tolist())}
    members["pooled"] = np.ones(len(scores.keys), dtype=bool)
    members["counter-stereotype"] = scores.slice
    parts = []
    for name, films in members.items():
        part = scores.where(films)
        if part.truth.any() and not part.truth.all():
            figures = every_figure(
                part.truth,
                logit=part.logit,
                probability=fitted.probability(part.logit),
                call=part.logit >= points.balanced,
                patients=part.patients,
                resamples=resamples,
            )
            count = len(set(part.patients.tolist()))
            parts.append(Part(name, len(part.keys), count, int(part.truth.sum()), figures))
    return CrossValidation(out, by, recipe, scores, fitted, points, tuple(parts), failed)


def _write(found: CrossValidation) -> None:
    table = zip(*(getattr(found.scores, name) for name in Scores.__slots__), strict=True)
    write_scores(
        found.out / SCORES,
        (
            (fold, key, patient, int(truth), subtype, int(own), logit, leaning)
            for fold, key, patient, truth, subtype, own, logit, leaning in table
        ),
    )
    files.write_json(
        found.out / RESULTS,
        {
            "by": found.by,
            "recipe": found.recipe.to_json(),
            "calibration": found.calibration.to_json(),
            "operating_points": found.operating_points.to_json(),
            "parts": [
                {
                    "name": part.name,
                    "films": part.films,
                    "patients": part.patients,
                    "positives": part.positives,
                    "figures": {name: figure.to_json() for name, figure in part.figures.items()},
                }
                for part in found.parts
            ],
            "failed": list(found.failed),
        },
    )


def to_text(found: CrossValidation) -> str:
    """The figures that decide, a line for each part."""
    shown = ("roc_auc", "recall", "specificity", "expected_calibration_error")
    heads = ("ROC-AUC", "sensitivity", "specificity", "ECE")
    lines = [
        f"Out-of-fold, by {found.by}; at the balanced threshold and the calibration of all folds "
        "together (95 % interval)",
        f"{'':<20}{'films':>7}{'patients':>10}" + "".join(f"{head:>26}" for head in heads),
    ]
    for part in found.parts:
        cells = "".join(
            f"{part.figures[name].value:>9.3f} ({part.figures[name].limits})".rjust(26)
            for name in shown
        )
        lines.append(f"{part.name:<20}{part.films:>7,}{part.patients:>10,}{cells}")
    lines += [f"not trained: {reason}" for reason in found.failed]
    return "\n".join(lines)
