"""How much each film counts: the loss, and how often a film is drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from pneumoscope.data.catalog import Film
from pneumoscope.errors import UsageError

FOCAL_GAMMA = 2.0
SIZE_BINS = 5
SUBTYPE_WEIGHT = 0.3  # of the second output beside the first
OFTEN = 10.0  # no film is drawn more often than this many times its share


def loss_of(
    output: Tensor, labels: Tensor, weight: Tensor, *, kind: str, smoothing: float = 0.0
) -> Tensor:
    """Mean loss of logits ``output`` (n,) against ``labels`` (n,), weighted film by film.

    ``kind`` is bce, or focal: cross-entropy times (1 - p)^2, p the probability given to the truth
    (Lin et al. 2017), which turns the training to the films that are still hard. ``smoothing``
    takes that share of each label for an even guess (Szegedy et al. 2016).
    """
    labels = labels * (1 - smoothing) + smoothing / 2
    if kind == "bce":
        return binary_cross_entropy_with_logits(output, labels, weight=weight)
    error = binary_cross_entropy_with_logits(output, labels, reduction="none")
    wrong = torch.sigmoid(torch.where(labels > 0.5, -output, output))
    return (weight * wrong.pow(FOCAL_GAMMA) * error).mean()


def subtype_loss(leaning: Tensor, subtypes: Tensor) -> Tensor:
    """Cross-entropy of the leaning to a virus (n,), where a film's subtype is known, else 0.

    ``subtypes`` is 1 for viral, 0 for bacterial, NaN elsewhere. Its mean is over all films, so that
    a batch with few of them does not count more, times ``SUBTYPE_WEIGHT``.
    """
    known = torch.isfinite(subtypes)
    error = binary_cross_entropy_with_logits(
        leaning, torch.where(known, subtypes, 0.0), reduction="none"
    )
    return SUBTYPE_WEIGHT * (error * known).mean()


def chances(films: Sequence[Film], *, sampling: str) -> np.ndarray | None:
    """How often each film is drawn, relative to the others (n,); None: each once an epoch.

    ``class`` draws both classes equally often (oversampling with replacement). ``size`` does so
    within each fifth of the original sizes and among the films without one, so that size tells
    nothing of the label; where a fifth has hardly a film of one class, no film is drawn more than
    ``OFTEN`` times as often as the average, and the balance stays incomplete. Raises
    ``UsageError`` where no size is known.
    """
    if sampling == "plain":
        return None
    labels = np.array([film.label for film in films])
    groups = np.zeros(len(films), dtype=int)
    if sampling == "size":
        size = np.array([(film.width or 0) * (film.height or 0) for film in films])
        if not size.any():
            raise UsageError("sampling=size needs original sizes; give them with --sizes.")
        edges = np.quantile(size[size > 0], np.linspace(0, 1, SIZE_BINS + 1)[1:-1])
        groups = np.where(size > 0, 1 + np.searchsorted(edges, size), 0)
    cells = 2 * groups + labels
    share = np.bincount(groups) / len(films)
    often = share[groups] / 2 / np.bincount(cells)[cells]
    return np.asarray(np.minimum(often, OFTEN / len(films)))
