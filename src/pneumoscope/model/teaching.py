"""What a network is taught of each film: the class, perhaps the kind, and where to look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from pneumoscope.data.acquisition import measure, within_class
from pneumoscope.data.batches import Batch
from pneumoscope.data.cache import Store, open_store
from pneumoscope.data.catalog import Catalog, Film
from pneumoscope.data.masks import open_masks
from pneumoscope.errors import UsageError
from pneumoscope.model.decorrelation import Decorrelation
from pneumoscope.model.recipe import Recipe
from pneumoscope.model.weighting import loss_of, subtype_loss

SUBTYPES = {"bacterial": 0.0, "viral": 1.0}
MARGIN = 0.025  # of the side, by which masks are widened: their outlines are no truth to a pixel


@dataclass(frozen=True, slots=True, eq=False)
class Masks:
    """Lung masks at the network's input: ``pixels`` (masks, size, size) uint8 and, for each row of
    the films' store, which of them it has (-1: none)."""

    pixels: np.ndarray
    place: np.ndarray

    def of(self, rows: np.ndarray) -> Tensor:
        """Masks (n, 1, size, size) in [0, 1] of the films at ``rows``; 1 all over where none is."""
        place = self.place[rows]
        masks = torch.from_numpy(self.pixels[np.maximum(place, 0)]).unsqueeze(1).float() / 255
        masks[torch.from_numpy(place < 0)] = 1.0
        reach = round(MARGIN * masks.shape[3])
        return functional.max_pool2d(masks, 2 * reach + 1, stride=1, padding=reach)


@dataclass(frozen=True, slots=True, eq=False)
class Teacher:
    """What is known of the films of a store: the classes' ``weights``, perhaps ``subtypes`` (rows,)
    (1 viral, 0 bacterial, NaN elsewhere), ``masks``, and how the films were acquired."""

    recipe: Recipe
    weights: tuple[float, float]
    subtypes: Tensor | None
    masks: Masks | None
    decorrelation: Decorrelation | None = None

    def masks_of(self, batch: Batch, films: Tensor) -> Tensor:
        """Masks (n, 1, size, size) to be moved along with ``films``; (n, 0, ...) without any."""
        return films[:, :0] if self.masks is None else self.masks.of(batch.rows).to(films.device)

    def teach(
        self, model: Any, films: Tensor, masks: Tensor, batch: Batch
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Logits (n,) of ``films``, their labels (n,), and the error to be lessened."""
        recipe, device = self.recipe, films.device
        labels = torch.from_numpy(batch.labels).to(device)
        error: Tensor | float = 0.0
        if self.masks is None:
            output = model(films)
        else:
            output, evidence, lungs = model.taught(films)
            if lungs is None:
                error = recipe.lungs * outside(evidence, masks)
            else:
                known = torch.from_numpy(self.masks.place[batch.rows] >= 0).to(device)
                error = recipe.lungs * unlike(lungs, masks, known)
        if self.subtypes is not None:
            output, leaning = output.unbind(1)
            error = error + subtype_loss(leaning, self.subtypes[batch.rows].to(device))
        if self.decorrelation is not None and not recipe.refit:
            apart = self.decorrelation.error(output, labels, batch.rows)
            error = error + recipe.decorrelate * apart
        weight = torch.where(labels > 0, self.weights[1], self.weights[0])
        smoothing = recipe.smoothing
        error = error + loss_of(output, labels, weight, kind=recipe.loss, smoothing=smoothing)
        return output, labels, error


def teacher_for(
    recipe: Recipe,
    catalog: Catalog,
    store: Store,
    *,
    masks: Path | None,
    cache: Path | None,
    progress: bool,
) -> Teacher:
    """What ``recipe`` asks to know of the films of ``store``, gathered; classes count as they are.

    Raises as ``masks_for`` and ``decorrelation_for`` do.
    """
    films = catalog.films
    return Teacher(
        recipe,
        (1.0, 1.0),
        subtypes_of(films, store) if recipe.subtype else None,
        masks_for(films, store, recipe, masks, cache=cache, progress=progress),
        decorrelation_for(catalog, store, recipe, cache=cache, progress=progress),
    )


def outside(evidence: Tensor, masks: Tensor) -> Tensor:
    """Mean size of the evidence (n, h, w) outside of masks (n, 1, size, size), in logits.

    To be right for the right reasons (Ross, Hughes and Doshi-Velez 2017): what the map holds
    outside of the lungs, for or against pneumonia, is an error, whatever the call.
    """
    inside = functional.interpolate(masks, size=evidence.shape[1:], mode="area").squeeze(1)
    return (evidence.abs() * (1 - inside)).mean()


def unlike(lungs: Tensor, masks: Tensor, known: Tensor) -> Tensor:
    """Cross-entropy of log-odds of lung (n, 1, h, w) and masks (n, 1, size, size), a place.

    Films without a mask, where ``known`` (n,) is False, say nothing.
    """
    share = functional.interpolate(masks, size=lungs.shape[2:], mode="area")
    error = functional.binary_cross_entropy_with_logits(lungs, share, reduction="none")
    return (error.mean((1, 2, 3)) * known).mean()


def subtypes_of(films: Sequence[Film], store: Store) -> Tensor:
    """For each row of the store 1 where a film is viral, 0 where bacterial, else NaN (rows,)."""
    own = {film.key: SUBTYPES.get(film.subtype, float("nan")) for film in films}
    return torch.tensor([own[key] for key in store.keys], dtype=torch.float32)


def masks_for(
    films: Sequence[Film],
    store: Store,
    recipe: Recipe,
    where: Path | None,
    *,
    cache: Path | None,
    progress: bool,
) -> Masks | None:
    """The masks of the films, shaped as they are, if the recipe asks for any.

    Raises ``UsageError`` where it does and ``where`` is None or holds none of these films' masks.
    """
    if not recipe.lungs:
        return None
    if where is None:
        raise UsageError("The recipe looks at the lungs (lungs > 0): name their masks by --masks.")
    known = open_masks(where)
    found = {film.key: path for film in films if (path := known.path_of(film.path)) is not None}
    if not found:
        raise UsageError(f"{where} holds no mask for any of these films.")
    masked = [replace(film, path=found[film.key]) for film in films if film.key in found]
    shaping = replace(recipe.preprocessing(), spectrum="as-is")
    masks = open_store(masked, shaping, cache=cache, progress=progress)
    row = {key: row for row, key in enumerate(masks.keys) if key not in masks.refused}
    return Masks(masks.pixels, np.array([row.get(key, -1) for key in store.keys]))


def decorrelation_for(
    catalog: Catalog, store: Store, recipe: Recipe, *, cache: Path | None, progress: bool
) -> Decorrelation | None:
    """What is known of the films' acquisition, if the recipe asks for it.

    Raises ``PneumoscopeError`` where it does and no original size is known.
    """
    if not recipe.decorrelate:
        return None
    facts = measure(catalog, cache=cache, progress=progress)
    place = {film.key: row for row, film in enumerate(facts.films)}
    rows = within_class(facts)[[place[key] for key in store.keys]]
    return Decorrelation(torch.from_numpy(rows).float())
