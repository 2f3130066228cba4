"""One training on given films and its scores: what a study's cell and a fold have in common.

A finished one is a folder with ``result.json`` and ``scores.csv.gz``, some kilobytes together; the
run folder inside, with its checkpoints, is there only until then. Whoever is killed goes on after
the last whole epoch, and a second process takes other folders meanwhile.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pneumoscope import files
from pneumoscope.data.acquisition import counter_stereotype, measure, shift_films
from pneumoscope.data.cache import open_store
from pneumoscope.data.catalog import Catalog, open_catalog
from pneumoscope.data.split import Split, trainable
from pneumoscope.errors import Diverged, PneumoscopeError, UsageError
from pneumoscope.evaluation.score_files import SCORES, write_scores
from pneumoscope.inference.reader import READ, Reader
from pneumoscope.model.export import uncalibrated
from pneumoscope.model.recipe import Recipe
from pneumoscope.model.runs import Run, best_epoch
from pneumoscope.model.train import train
from pneumoscope.model.variance_shift import variance_shift

DONE, DIVERGED, REFUSED = "done", "diverged", "refused"
RESULT = "result.json"
_SHIFT_FILMS = 256  # training films on which the variance shift is measured

Watch = Callable[[dict[str, float]], None]


@dataclass(frozen=True, slots=True)
class Films:
    """The films of a study: the catalog, how it was opened, and what it holds.

    ``slice`` are the keys of the counter-stereotype films, ``shift`` those of unlike acquisition
    (empty unless they were asked for).
    """

    where: Path
    sizes: Path | None
    positive: str | None
    cache: Path | None
    catalog: Catalog
    slice: frozenset[str]
    shift: frozenset[str]
    digest: str
    masks: Path | None = None


def open_films(
    where: Path | str,
    *,
    sizes: Path | None = None,
    positive: str | None = None,
    masks: Path | None = None,
    cache: Path | None = None,
    shift: bool = False,
    progress: bool = False,
) -> Films:
    """Open a folder or manifest; the digest is of the films' keys and sizes in bytes.

    With ``shift`` the films of unlike acquisition are found, which decodes the films and raises
    ``PneumoscopeError`` where no original size is known.
    """
    catalog = open_catalog(where, sizes=sizes, positive=positive)
    listed = [[film.key, film.path.stat().st_size] for film in catalog.films if film.path.exists()]
    digest = hashlib.sha256(json.dumps(listed).encode()).hexdigest()
    own = trainable(catalog)
    unlike: frozenset[str] = frozenset()
    if shift:
        unlike = shift_films(measure(catalog.keep(own), cache=cache, progress=progress))
    return Films(
        *(Path(where), sizes, positive, cache, catalog),
        slice=counter_stereotype(own),
        shift=unlike,
        digest=digest,
        masks=masks,
    )


def read_result(folder: Path) -> dict[str, Any] | None:
    """What became of the training in ``folder``; None if it is not finished."""
    try:
        result: dict[str, Any] = json.loads((folder / RESULT).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise PneumoscopeError(
            f"{folder / RESULT} is damaged; delete it to train again."
        ) from error
    return result


def train_and_score(
    folder: Path,
    films: Films,
    recipe: Recipe,
    split: Split,
    *,
    sets: Mapping[str, Sequence[str]],
    facts: Mapping[str, Any],
    threads: int | None = None,
    watch: Watch | None = None,
) -> dict[str, Any]:
    """Train ``recipe`` on ``split``, score the films of ``sets`` (name -> keys), keep both.

    Called by whoever holds the folder's lock. ``facts`` are written into the result as they are.
    A training that diverges is a result too; the run folder is then kept, to be looked at.
    """
    run_folder, split_file = folder / "run", folder / "split.csv"
    folder.mkdir(parents=True, exist_ok=True)
    split.save(split_file, films.catalog)
    begun = time.perf_counter()
    base = {
        **facts,
        "recipe": recipe.to_json(),
        "data": films.digest,
        "split": {side: len(getattr(split, side)) for side in ("train", "val", "apart")},
        "positive_share": float(films.catalog.pick(split.train).labels.mean()),
    }
    try:
        run = train(
            films.where,
            out=run_folder,
            recipe=recipe,
            sizes=films.sizes,
            positive=films.positive,
            masks=films.masks,
            split_file=split_file,
            cache=films.cache,
            resume=(run_folder / "recipe.json").exists(),
            threads=threads,
            progress=False,
            watch=watch,
        )
    except Diverged as error:
        result = {"status": DIVERGED, "reason": str(error), **base}
        files.write_json(folder / RESULT, result)
        return result
    trained = time.perf_counter() - begun
    refused = _score(folder / SCORES, run, films, sets, threads=threads)
    history = run.history
    result = {
        "status": DONE,
        **base,
        "refused": refused,
        "epoch": best_epoch(history, select=recipe.select),
        "history": [_finite(row) for row in history],
        "seconds": {
            "training": round(trained, 1),
            "scoring": round(time.perf_counter() - begun - trained, 1),
        },
        "variance_shift": _variance_shift(run, films, split),
        "machine": run.facts["machine"],
        "precision": run.facts["precision"],
    }
    files.write_json(folder / RESULT, result)
    shutil.rmtree(run_folder)
    split_file.unlink()
    return result


def _score(
    path: Path,
    run: Run,
    films: Films,
    sets: Mapping[str, Sequence[str]],
    *,
    threads: int | None,
) -> int:
    """Write the scores of every set; returns how many films were refused."""
    reader = Reader(uncalibrated(run, films.catalog.classes), threads=threads)
    rows: list[tuple[Any, ...]] = []
    refused = 0
    for name, keys in sets.items():
        chosen = films.catalog.pick(keys).films
        readings = reader.read(film.path for film in chosen)
        for film, reading in zip(chosen, readings, strict=True):
            if reading.status != READ:
                refused += 1
                continue
            own = int(film.key in films.slice)
            row = (name, film.key, film.patient, film.label, film.subtype, own)
            rows.append((*row, reading.logit, reading.leaning))
    write_scores(path, rows)
    return refused


def _variance_shift(run: Run, films: Films, split: Split) -> list[dict[str, Any]]:
    recipe = run.recipe
    if not recipe.normalise:
        return []
    store = open_store(
        trainable(films.catalog), recipe.preprocessing(), cache=films.cache, progress=False
    )
    rows = store.rows(split.train)
    some = rows[:: max(1, len(rows) // _SHIFT_FILMS)][:_SHIFT_FILMS]
    shifts = variance_shift(run.best()["network"], recipe, store.pixels[some])
    return [shift.to_json() for shift in shifts]


def _finite(row: Mapping[str, float]) -> dict[str, float | None]:
    return {name: value if np.isfinite(value) else None for name, value in row.items()}


def require_same(result: Mapping[str, Any], films: Films, recipe: Recipe, folder: Path) -> None:
    """Raise ``UsageError`` where a finished training is of other films or another recipe."""
    if result["data"] != films.digest:
        raise UsageError(f"{folder} holds a training on other films; name another --out.")
    # A field that was added since has its default in older results.
    if replace(Recipe.from_json(result["recipe"]), name=recipe.name) != recipe:
        raise UsageError(f"{folder} holds a training of another recipe; name another --out.")
