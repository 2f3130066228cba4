"""Out-of-fold scores of networks that are read together: the means of each one's own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pneumoscope import files
from pneumoscope.errors import UsageError
from pneumoscope.evaluation.crossval import RESULTS
from pneumoscope.evaluation.score_files import SCORES, Scores, read_scores
from pneumoscope.model.recipe import Recipe


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """What a folder of scores holds: how the films were dealt, whose scores, and these.

    ``recipes`` has one entry after cross-validation of one recipe, and several where films were
    read by all of them together.
    """

    by: str
    recipes: tuple[Recipe, ...]
    scores: Scores


def write_kept(folder: Path, by: str, recipes: Sequence[Mapping[str, object]]) -> None:
    """Say beside the scores in ``folder`` how the films were dealt, and who read them together."""
    files.write_json(folder / RESULTS, {"by": by, "recipes": list(recipes)})


def read_kept(folder: Path) -> Kept:
    """The scores in ``folder``; raises ``UsageError`` where there are none."""
    try:
        told = json.loads((folder / RESULTS).read_text(encoding="utf-8"))
        recipes = told["recipes"] if "recipes" in told else [told["recipe"]]
        return Kept(
            told["by"],
            tuple(Recipe.from_json(recipe) for recipe in recipes),
            read_scores(folder / SCORES),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{folder} holds no out-of-fold scores; make them with pneumoscope crossval."
        ) from error


def read_together(folders: Sequence[Path], *, recipes: Sequence[Recipe]) -> dict[str, Scores]:
    """How the films were dealt -> the scores of networks of ``recipes`` read together.

    Each folder is a cross-validation of one of ``recipes``, whose mean with the others' is taken (a
    recipe that is named twice counts twice), or holds scores of all of them. Raises ``UsageError``
    where a folder is of another recipe (a network's logits can be calibrated on those of its like
    alone; name, seed and split may differ), where one of ``recipes`` is missing, and where they
    were dealt other films.
    """
    found: dict[str, dict[int, Scores]] = {}
    whole: dict[str, Scores] = {}
    for folder in folders:
        kept = read_kept(folder)
        if len(recipes) == len(kept.recipes) and all(map(_alike, kept.recipes, recipes)):
            whole[kept.by] = kept.scores
            continue
        numbers = [n for n, recipe in enumerate(recipes) if _alike(kept.recipes[0], recipe)]
        if len(kept.recipes) > 1 or not numbers:
            raise UsageError(f"The scores in {folder} are of another recipe than the run's.")
        found.setdefault(kept.by, {}).update(dict.fromkeys(numbers, kept.scores))
    for by, of_recipe in found.items():
        missing = [r.name for n, r in enumerate(recipes) if n not in of_recipe]
        if missing:
            raise UsageError(
                f"There are no out-of-fold scores by {by} of the recipe {missing[0]}; every "
                "network that is read needs its own."
            )
        whole[by] = _mean([of_recipe[number] for number in sorted(of_recipe)])
    return whole


def _alike(one: Recipe, other: Recipe) -> bool:
    free = {name: getattr(other, name) for name in ("name", "seed", "split", "validation")}
    return replace(one, **free) == other


def _mean(members: Sequence[Scores]) -> Scores:
    """The scores with the mean logit and leaning of each film."""
    ordered = []
    for scores in members:
        order = np.lexsort((scores.keys, scores.sets))
        ordered.append(scores.where(order))
    first = ordered[0]
    for other in ordered[1:]:
        same = len(first.keys) == len(other.keys) and all(
            (getattr(first, name) == getattr(other, name)).all() for name in ("sets", "keys")
        )
        if not same:
            raise UsageError("The networks were scored on other films, so no mean can be taken.")
    columns = {name: getattr(first, name) for name in Scores.__slots__}
    for name in ("logit", "leaning"):
        columns[name] = np.mean([getattr(scores, name) for scores in ordered], axis=0)
    return Scores(**columns)
