"""Does a map of evidence mean something? Two tests against maps that cannot.

Deletion and insertion (Petsiuk et al. 2018, *RISE*): if a map is right, taking away the places that
it marks as strongest makes the probability fall fast, and giving them back makes it rise fast.
Model randomisation (Adebayo et al. 2018, *Sanity Checks for Saliency Maps*): a map that a network
without any learning gives as well shows the film, not what was learned.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pneumoscope.evaluation.figures import Estimate, Floats, Names, mean
from pneumoscope.film import Pixels
from pneumoscope.inference.reader import Maps, Reader
from pneumoscope.inference.saliency import Explanation, Grid, blurred

STEPS = 16


def deletion_and_insertion(
    explanations: Sequence[Explanation],
    reader: Reader,
    *,
    patients: Sequence[str],
    steps: int = STEPS,
    resamples: int = 2000,
    seed: int = 0,
) -> dict[str, Estimate]:
    """Mean areas under the curves of films that were read, and what the maps lead chance by.

    ``deletion`` (less is better) and ``insertion`` (more is better) are of the maps, the same with
    ``_random`` of displaced ones (see :func:`displaced`), on the same films. ``deletion_lead`` and
    ``insertion_lead`` are the paired differences, above 0 where the map is better than chance.
    """
    random = np.random.default_rng(seed)
    columns: dict[str, list[float]] = {
        name + end: [] for name in ("deletion", "insertion") for end in ("", "_random")
    }
    for explanation in explanations:
        assert explanation.pixels is not None
        assert explanation.grid is not None
        for end, grid in (("", explanation.grid), ("_random", displaced(explanation.grid, random))):
            order = grid.on_input(explanation.pixels.shape[0])
            deletion, insertion = curves(reader, explanation.pixels, order, steps=steps)
            columns["deletion" + end].append(area(deletion))
            columns["insertion" + end].append(area(insertion))
    found = {name: np.array(values, dtype=np.float64) for name, values in columns.items()}
    found["deletion_lead"] = found["deletion_random"] - found["deletion"]
    found["insertion_lead"] = found["insertion"] - found["insertion_random"]
    names: Names = np.array(patients, dtype=str)
    return {
        name: mean(values, names, resamples=resamples, seed=seed) for name, values in found.items()
    }


def curves(
    reader: Reader, pixels: Pixels, evidence: Maps, *, steps: int = STEPS
) -> tuple[Floats, Floats]:
    """Probabilities (steps + 1,) while the strongest places are deleted, and while inserted.

    ``pixels`` and ``evidence`` are (size, size). Deleted pixels become those of the blurred film,
    and inserting begins with it: a black hole would be a finding of its own. The film is whole at
    the start of the first curve and at the end of the second.
    """
    order = np.argsort(-evidence, axis=None, kind="stable")
    filling = blurred(pixels)
    deleted, inserted = [], []
    for step in range(steps + 1):
        strongest = np.zeros(pixels.size, dtype=bool)
        strongest[order[: round(step * pixels.size / steps)]] = True
        chosen = strongest.reshape(pixels.shape)
        deleted.append(np.where(chosen, filling, pixels))
        inserted.append(np.where(chosen, pixels, filling))
    probability = reader.probability(reader.logits(np.stack(deleted + inserted)))
    return probability[: steps + 1], probability[steps + 1 :]


def area(curve: Floats) -> float:
    """Area under a curve (n,) over the share of the film from 0 to 1."""
    return float((curve[:-1] + curve[1:]).mean() / 2)


def displaced(grid: Grid, random: np.random.Generator) -> Grid:
    """The same evidence elsewhere: mirrored by chance and rolled over the edges by a random way.

    As strong and as smooth as the map itself, so that only the places differ.
    """
    values = grid.values
    for axis in (0, 1):
        if random.random() < 0.5:
            values = np.flip(values, axis)
    shift = tuple(int(random.integers(1, side)) if side > 1 else 0 for side in values.shape)
    return Grid(np.roll(values, shift, (0, 1)), grid.stride)


def similarity(
    maps: Sequence[Grid],
    others: Sequence[Grid],
    *,
    patients: Sequence[str],
    resamples: int = 2000,
    seed: int = 0,
) -> Estimate:
    """Mean rank correlation (Spearman) of two maps of each film; 1 is the same order of places.

    With ``others`` of a randomised network (``model.export.randomised``) it should be near 0. A
    film whose map is the same everywhere has no order and is left out.
    """
    found = [
        rank_correlation(one.values, other.values) for one, other in zip(maps, others, strict=True)
    ]
    names: Names = np.array(patients, dtype=str)
    return mean(np.array(found, dtype=np.float64), names, resamples=resamples, seed=seed)


def rank_correlation(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> float:
    """Spearman's correlation of two maps (h, w); NaN where one of them is flat."""
    from scipy.stats import rankdata

    ranks = [rankdata(values) for values in (one.ravel(), other.ravel())]
    centred = [rank - rank.mean() for rank in ranks]
    spread = float(np.sqrt((centred[0] ** 2).sum() * (centred[1] ** 2).sum()))
    return float(centred[0] @ centred[1]) / spread if spread else float("nan")
