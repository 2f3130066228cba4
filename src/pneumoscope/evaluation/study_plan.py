"""A study's cells as trainings: the recipe of each, its folder, and the films that it trains on."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from pneumoscope.data.cache import open_store
from pneumoscope.data.catalog import Film
from pneumoscope.data.split import Split, set_apart, trainable
from pneumoscope.errors import PneumoscopeError
from pneumoscope.evaluation.choose import choose_films, thumbnails
from pneumoscope.evaluation.score_files import SCORES, read_scores
from pneumoscope.evaluation.studies import Cell, Study
from pneumoscope.evaluation.trained import DONE, Films, read_result
from pneumoscope.model.recipe import NOTEBOOK, Recipe

# fp32 everywhere: a cell that is trained on another machine must not differ by its arithmetic.
BASE = replace(NOTEBOOK, epochs=8, split="shift", precision="fp32")
CELLS = "cells"


@dataclass(frozen=True, slots=True)
class Task:
    """One cell with one seed, and the folder that keeps what came of it.

    ``before`` is the folder of the cell whose scores decide on this one's films; ``feeds`` says
    that some cell's films are decided by this one's scores.
    """

    cell: Cell
    recipe: Recipe
    folder: Path
    before: Path | None = None
    feeds: bool = False

    @property
    def seed(self) -> int:
        """The seed of network, order and split."""
        return self.recipe.seed

    @property
    def cost(self) -> float:
        """Relative time that it takes; only good for telling how much is left."""
        recipe = self.recipe
        films = recipe.steps * recipe.batch or 4000 * (0.3 if self.cell.prevalence else 1.0)
        wide = recipe.width * (recipe.kernel / 3) ** 0.5
        return float(recipe.epochs * (films + 300) * wide * (recipe.size / 180) ** 2)


def tasks_of(study: Study, out: Path, *, seeds: int, epochs: int | None) -> list[Task]:
    """Every cell with every seed; all cells of one seed come before the next seed."""
    tasks = []
    for seed in range(seeds):
        for cell in study.cells:
            changes = {**study.base, **cell.changes, "seed": seed}
            if epochs is not None:
                changes["epochs"] = epochs
            recipe = replace(BASE, **changes)
            before = None
            if cell.choose == "uncertain":
                assert cell.patients is not None
                fewer = cell.patients // 2
                first = replace(cell, patients=fewer, choose="random")
                one_less = first if fewer == _fewest(study) else replace(cell, patients=fewer)
                before = _folder(out, recipe, one_less)
            tasks.append(Task(cell, recipe, _folder(out, recipe, cell), before))
    feeding = {task.before for task in tasks}
    return [replace(task, feeds=task.folder in feeding) for task in tasks]


def _fewest(study: Study) -> int:
    return min(cell.patients for cell in study.cells if cell.patients is not None)


def _folder(out: Path, recipe: Recipe, cell: Cell) -> Path:
    """Named after all that the training depends on, so that studies find each other's cells."""
    parts = [
        f"{field.name}={getattr(recipe, field.name)}"
        for field in fields(Recipe)
        if getattr(recipe, field.name) != getattr(BASE, field.name) or field.name == "epochs"
        if field.name not in ("name", "seed")
    ]
    if cell.patients is not None:
        parts.append(f"patients={cell.patients}-{cell.choose}")
    if cell.prevalence is not None:
        parts.append(f"prevalence={cell.prevalence:g}")
    if cell.inner is not None:
        parts.append(f"inner={cell.inner}")
    return out / CELLS / ",".join(parts) / f"seed-{recipe.seed}"


def plan(task: Task, films: Films) -> tuple[Split, dict[str, tuple[str, ...]]]:
    """Which films train, which validate, and which are scored afterwards under what name.

    ``val`` are films of random patients, ``shift`` those of unlike acquisition. Where the cell's
    scores decide on another one's films, ``pool`` are the training films that it leaves. With
    ``inner`` the study's validation patients are set apart, as ``val``, and ``own`` is the part on
    which the training validated itself.
    """
    cell, recipe = task.cell, task.recipe
    split = set_apart(films.catalog, films.shift, seed=task.seed, validation=recipe.validation)
    sets = {"val": split.val, "shift": split.apart}
    if cell.inner is not None:
        unlike = {*split.val, *split.apart}
        split = set_apart(
            films.catalog, unlike, method=cell.inner, seed=task.seed, validation=recipe.validation
        )
        return split, {**sets, "own": split.val}
    if cell.prevalence is not None:
        split = replace(split, train=_rarer(films, split.train, cell.prevalence, seed=task.seed))
    if cell.patients is not None:
        kept = _fewer(task, films, split.train)
        if task.feeds:
            sets["pool"] = tuple(key for key in split.train if key not in kept)
        split = replace(split, train=tuple(key for key in split.train if key in kept))
    return split, sets


def _rarer(films: Films, keys: tuple[str, ...], prevalence: float, *, seed: int) -> tuple[str, ...]:
    """All negative films, and as many positive ones, of random patients, as make ``prevalence``."""
    chosen = films.catalog.pick(keys).films
    negative = [film.key for film in chosen if film.label == 0]
    wanted = round(prevalence / (1 - prevalence) * len(negative))
    kept: list[str] = []
    for own in _shuffled([film for film in chosen if film.label == 1], seed=seed):
        if len(kept) < wanted:
            kept += [film.key for film in own][: wanted - len(kept)]
    if len(kept) < wanted or not kept:
        raise PneumoscopeError(
            f"A share of {prevalence:.0%} positive films needs {max(1, wanted)} of them, and the "
            f"training films hold {len(chosen) - len(negative)}."
        )
    return tuple(sorted([*negative, *kept]))


def _fewer(task: Task, films: Films, keys: tuple[str, ...]) -> frozenset[str]:
    """The films of as many training patients as the cell keeps, chosen as it says."""
    wanted = task.cell.patients
    assert wanted is not None
    chosen = films.catalog.pick(keys).films
    if wanted > len({film.patient for film in chosen}):
        raise PneumoscopeError(
            f"{wanted} training patients are asked for, and the training films are of "
            f"{len({film.patient for film in chosen})}."
        )
    if task.before is not None:
        return _unsure(task.before, films, chosen, wanted)
    patients = _shuffled(chosen, seed=task.seed)
    # The first two are of unlike classes: one class alone teaches nothing.
    other = next((own for own in patients if own[0].label != patients[0][0].label), None)
    if other is not None:
        patients.remove(other)
        patients.insert(1, other)
    return frozenset(film.key for own in patients[:wanted] for film in own)


def _unsure(before: Path, films: Films, chosen: tuple[Film, ...], wanted: int) -> frozenset[str]:
    """The patients of the cell before, and those of whom its network knew the least."""
    result = read_result(before)
    if result is None or result["status"] != DONE:
        raise PneumoscopeError(f"The cell that this one builds on is not done: {before}.")
    scores = read_scores(before / SCORES)
    pool = scores.where(scores.sets == "pool")
    left = set(pool.keys.tolist())
    had = {film.patient for film in chosen if film.key not in left}
    store = open_store(
        trainable(films.catalog), BASE.preprocessing(), cache=films.cache, progress=False
    )
    looks = thumbnails(store.pixels[store.rows(pool.keys.tolist())])
    added = choose_films(pool.logit, pool.patients, looks, count=wanted - len(had))
    had |= {str(pool.patients[row]) for row in added}
    return frozenset(film.key for film in chosen if film.patient in had)


def _shuffled(films: list[Film] | tuple[Film, ...], *, seed: int) -> list[list[Film]]:
    """Films patient by patient, in an order that the seed draws."""
    own: dict[str, list[Film]] = {}
    for film in films:
        own.setdefault(film.patient, []).append(film)
    names = sorted(own)
    order = np.random.default_rng((seed, 1)).permutation(len(names))
    return [own[names[i]] for i in order]
