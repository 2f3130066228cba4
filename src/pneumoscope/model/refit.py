"""The last layer fitted anew, on all training films at once.

What a network sees is often good where what it makes of that is not: its last layer leans on
whatever went with the class in training. Fitted alone, under a constraint, it leans on less
(Kirichenko, Izmailov and Wilson 2023, *Last Layer Re-Training is Sufficient for Robustness to
Spurious Correlations*). The constraint is what ``decorrelation.py`` asks for, in full: within a
class, logits should in the mean be the same in each fifth of size, of aspect and of sharpness, not
only not rise with them. In batches of sixteen that could not be told; over all films it is a
quadratic form, and the fit is convex.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from pneumoscope.data.batches import Batches
from pneumoscope.model.feeding import films_of, with_channels
from pneumoscope.model.head import ZonesHead
from pneumoscope.model.teaching import Teacher

ITERATIONS = 200
PARTS = 5  # of the films of a class, by each of size, aspect and sharpness


def refit(network: Any, batches: Batches, teacher: Teacher, *, fabric: Fabric, bar: Any) -> None:
    """Fit the last layer of ``network`` (a ``CamNetwork``) in place.

    The films of ``batches`` are passed over ``recipe.refit`` times, as they are and mirrored by
    turns. They count as in the training's loss, and as often as they are drawn.
    """
    recipe, times = teacher.recipe, teacher.recipe.refit
    pooled = _pooled(network, batches, teacher, fabric=fabric, bar=bar)
    if isinstance(network.head, ZonesHead):
        network.head.usual.copy_(pooled.mean(0))
    truth = torch.from_numpy(batches.labels).float().repeat(times)
    rows = np.tile(batches.rows, times)
    counts = torch.where(truth > 0, teacher.weights[1], teacher.weights[0])
    if batches.chances is not None:
        often = batches.chances / batches.chances.mean()
        counts = counts * torch.from_numpy(often).float().repeat(times)
    following = None
    if teacher.decorrelation is not None:
        parts = parted(teacher.decorrelation.acquisition[rows], truth)
        following = covariances(pooled, parts, truth) * recipe.decorrelate**0.5
    labels = truth * (1 - recipe.smoothing) + recipe.smoothing / 2
    penalty = recipe.penalty
    network.put(*fit_affine(pooled, labels, counts, penalty=penalty, following=following))
    if network.head.subtype is not None and teacher.subtypes is not None:
        subtypes = teacher.subtypes[rows]
        known = torch.isfinite(subtypes)
        if len(set(subtypes[known].tolist())) == 2:
            each = torch.ones(int(known.sum()))
            network.put(
                *fit_affine(pooled[known], subtypes[known], each, penalty=penalty), output=1
            )


def fit_affine(
    pooled: Tensor,
    labels: Tensor,
    counts: Tensor,
    *,
    penalty: float,
    following: Tensor | None = None,
) -> tuple[Tensor, float]:
    """Weights (k,) and bias of the logistic regression of ``labels`` (n,) on ``pooled`` (n, k).

    ``counts`` (n,) weighs the films, ``penalty`` the squared weights on standardised values.
    ``following`` (m, k) are covariances of ``pooled`` with what
    the logits should not follow; half the sum of the logits' own, squared, is an error.
    """
    middle, spread = pooled.mean(0), pooled.std(0) + 1e-3
    values = (pooled - middle) / spread
    apart = torch.zeros(0, len(spread)) if following is None else following / spread
    fitted = torch.zeros(pooled.shape[1] + 1, requires_grad=True)
    solver = torch.optim.LBFGS(
        [fitted], max_iter=ITERATIONS, history_size=20, line_search_fn="strong_wolfe"
    )

    def error() -> Tensor:
        solver.zero_grad()
        logits = torch.addmv(fitted[-1], values, fitted[:-1])
        loss = binary_cross_entropy_with_logits(logits, labels, weight=counts)
        loss = loss + penalty * fitted[:-1].square().sum()
        loss = loss + (apart @ fitted[:-1]).square().sum() / 2
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    solver.step(error)  # type: ignore[no-untyped-call]
    weights = fitted.detach()[:-1] / spread
    return weights, float(fitted.detach()[-1] - weights @ middle)


def covariances(pooled: Tensor, acquisition: Tensor, labels: Tensor) -> Tensor:
    """Of ``acquisition`` (n, m) with ``pooled`` (n, k) within each class of ``labels`` (2 m, k)."""
    found = []
    for label in (0, 1):
        own = labels == label
        values, facts = (part[own] - part[own].mean(0) for part in (pooled, acquisition))
        found.append(facts.T @ values / own.sum())
    return torch.cat(found)


def parted(acquisition: Tensor, labels: Tensor) -> Tensor:
    """In which fifth of its class's films each lies by each column of ``acquisition`` (n, m).

    Indicators (n, 5 m) of the values' ranks within each class of ``labels``, as large as makes
    their mean square 1. Logits whose covariance with all of them is 0 have the same mean in every
    fifth, however they would have bent between them.
    """
    found = torch.zeros(len(labels), acquisition.shape[1], PARTS)
    for label in (0, 1):
        own = torch.nonzero(labels == label).squeeze(1)
        rank = acquisition[own].argsort(dim=0, stable=True).argsort(dim=0)
        part = rank * PARTS // max(len(own), 1)
        found[own] = torch.nn.functional.one_hot(part, PARTS).float() * PARTS**0.5
    return found.flatten(1)


@torch.no_grad()
def _pooled(
    network: Any, batches: Batches, teacher: Teacher, *, fabric: Fabric, bar: Any
) -> Tensor:
    """What the last layer is given (films * refit, k): every film in its place, pass after pass."""
    recipe = teacher.recipe
    every = replace(batches, shuffle=False, drop_last=False, steps=0, chances=None, rank=0, world=1)
    network.eval()
    found = []
    for number in range(recipe.refit):
        for batch in every.epoch(0):
            films = films_of(batch, fabric)
            films = films.flip(3) if number % 2 else films
            with fabric.autocast():
                found.append(network.pooled(with_channels(films, recipe)).float().cpu())
            bar.update()
    return torch.cat(found)
