"""How a film was acquired, and which films of a class look as if they belonged to the other.

On the Kermany set a film's original size nearly gives its label away, and a fold of small films
would hold one class alone. Shift is therefore made within each class: normal films that look like
pneumonia films to a scanner detective are held out together with pneumonia films that look like
normal ones. A network that has learned the scanner instead of the lung fails on them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pneumoscope.data.cache import open_store
from pneumoscope.data.catalog import Catalog, Film
from pneumoscope.errors import PneumoscopeError
from pneumoscope.preprocess import Preprocessing

AXES = ("size", "aspect", "sharpness")
SHIFT_FOLDS = ("size", "size-converse", "aspect", "sharpness", "series")
SHIFT_SHARE = 0.15  # of each class, held out by the split called shift
FOLD_SHARE = 0.2  # of each class, in a fold of SHIFT_FOLDS
QUARTER = 0.25
FURTHEST = 3.0  # standard deviations

Floats = npt.NDArray[np.float64]
_MEASURED_AT = Preprocessing(size=180)  # the notebook's size, so that its store serves here too
_NUMBER = re.compile(r"\d+(?=\D*$)")


@dataclass(frozen=True, slots=True)
class Acquisition:
    """What is known of the making of each film (n,), NaN where it is not known.

    ``size``: pixels of the original; ``aspect``: its width over its height; ``sharpness``: natural
    logarithm of the variance of the Laplacian over the variance of the greys, at 180 px;
    ``series``: where the number in the patient's name lies in its numbering, 0 first to 1 last.
    """

    films: tuple[Film, ...]
    size: Floats
    aspect: Floats
    sharpness: Floats
    series: Floats

    @property
    def labels(self) -> npt.NDArray[np.bool_]:
        """True where the film is of the positive class (n,)."""
        return np.array([film.label == 1 for film in self.films], dtype=bool)


def measure(catalog: Catalog, *, cache: Path | None = None, progress: bool = True) -> Acquisition:
    """Measure the films of ``catalog``; sharpness comes from the decoded store.

    Raises ``PneumoscopeError`` where no original size is known: then nothing tells the scanners
    apart, and a shift made from sharpness alone would be called by a name that it has not earned.
    """
    films = catalog.films
    if not any(film.width for film in films):
        raise PneumoscopeError(
            f"No original size is known for the films in {catalog.root}, so films of unlike "
            "acquisition cannot be told apart; give the sizes with --sizes or in the manifest."
        )
    store = open_store(films, _MEASURED_AT, cache=cache, progress=progress)
    blank = np.array([film.key in store.refused for film in films])
    sharp = np.array([sharpness(pixels) for pixels in store.pixels])
    width, height = (
        np.array([getattr(film, side) or np.nan for film in films], dtype=np.float64)
        for side in ("width", "height")
    )
    return Acquisition(
        films, width * height, width / height, np.where(blank, np.nan, sharp), _place(films)
    )


def sharpness(pixels: npt.NDArray[np.uint8]) -> float:
    """Logarithm of the Laplacian's variance over the greys' (h, w): higher is sharper or noisier.

    The variance of the Laplacian is the usual measure of focus (Pech-Pacheco et al. 2000); divided
    by the variance of the greys it does not move with contrast.
    """
    grey = pixels.astype(np.float32)
    laplacian = (
        grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * grey[1:-1, 1:-1]
    )
    return float(np.log((laplacian.var() + 1e-3) / (grey.var() + 1e-3)))


def within_class(facts: Acquisition) -> Floats:
    """Size, aspect and sharpness (n, 3) of each film beside the others of its class.

    Size as its logarithm; in standard deviations from the class's mean, at most ``FURTHEST`` either
    way; 0, which is the mean, where it is not known.
    """
    columns = np.stack([np.log(facts.size), facts.aspect, facts.sharpness], axis=1)
    for side in (facts.labels, ~facts.labels):
        own = columns[side]
        if np.isfinite(own).any(axis=0).all():
            columns[side] = (own - np.nanmean(own, axis=0)) / (np.nanstd(own, axis=0) + 1e-9)
    return np.asarray(np.nan_to_num(np.clip(columns, -FURTHEST, FURTHEST)), dtype=np.float64)


def shift_films(facts: Acquisition, *, share: float = SHIFT_SHARE) -> frozenset[str]:
    """Keys of the films whose size, aspect and sharpness together belie their class the most.

    Patients are ranked within their class by the mean of three ranks, each counted from the end
    that is typical of the class to the end that is typical of the other, and whole patients are
    taken until ``share`` of the class is reached. A film without a known size is never taken.
    """
    ranks = np.stack([_against_type(facts, axis) for axis in AXES])
    return _furthest(facts, ranks.mean(axis=0), share=share)


def shift_fold(facts: Acquisition, fold: str, *, share: float = FOLD_SHARE) -> frozenset[str]:
    """Keys of the films of one of ``SHIFT_FOLDS``, whole patients, ``share`` of each class.

    ``size``: the normal films that are as small as pneumonia films, with the pneumonia films that
    are as large as normal ones; ``size-converse``: the large normal with the small pneumonia
    films; ``aspect`` and ``sharpness`` as ``size``; ``series``: the last of every numbering.
    """
    if fold not in SHIFT_FOLDS:
        raise ValueError(f"there is no shift fold {fold!r}, only {', '.join(SHIFT_FOLDS)}")
    if fold == "series":
        rank = facts.series
    elif fold == "size-converse":
        rank = -_against_type(facts, "size")
    else:
        rank = _against_type(facts, fold)
    return _furthest(facts, rank, share=share)


def counter_stereotype(films: Iterable[Film]) -> frozenset[str]:
    """Keys of normal films of the smallest, and pneumonia films of the largest quarter.

    Quarters are of the films of the class whose original size is known. On the Kermany set normal
    films are the larger ones, so these are the films that a reader of the scanner gets wrong.
    """
    sizes: dict[int, dict[str, int]] = {0: {}, 1: {}}
    for film in films:
        if film.width and film.height:
            sizes[film.label][film.key] = film.width * film.height
    if not all(sizes.values()):
        return frozenset()
    smallest = np.quantile(list(sizes[0].values()), QUARTER)
    largest = np.quantile(list(sizes[1].values()), 1 - QUARTER)
    return frozenset(
        [key for key, size in sizes[0].items() if size <= smallest]
        + [key for key, size in sizes[1].items() if size >= largest]
    )


def _against_type(facts: Acquisition, axis: str) -> Floats:
    """Rank within the class (0 to 1), rising towards what is typical of the other class."""
    from scipy.stats import rankdata

    values: Floats = getattr(facts, axis)
    positive, known = facts.labels, np.isfinite(values)
    ranks = np.full(values.size, np.nan)
    if not (positive & known).any() or not (~positive & known).any():
        return ranks
    rises = np.median(values[positive & known]) > np.median(values[~positive & known])
    for side, toward_other in ((positive & known, not rises), (~positive & known, rises)):
        own = values[side] if toward_other else -values[side]
        ranks[side] = (rankdata(own) - 0.5) / own.size
    return ranks


def _furthest(facts: Acquisition, rank: Floats, *, share: float) -> frozenset[str]:
    """Films of the patients with the highest mean rank, until ``share`` of each class is taken."""
    own: dict[str, list[int]] = defaultdict(list)
    for row, film in enumerate(facts.films):
        own[film.patient].append(row)
    positive = facts.labels
    taken: set[str] = set()
    for side in (positive, ~positive):
        means = {
            patient: float(np.mean(rank[rows]))
            for patient, rows in own.items()
            if side[rows].all() and np.isfinite(rank[rows]).all()
        }
        wanted = share * int(side.sum())
        for patient in sorted(means, key=lambda name: (-means[name], name)):
            if wanted < len(own[patient]) / 2:
                break
            wanted -= len(own[patient])
            taken.update(facts.films[row].key for row in own[patient])
    return frozenset(taken)


def _place(films: Sequence[Film]) -> Floats:
    """Place (0 to 1) of the last number in each patient's name among those of its numbering."""
    numbers: dict[str, set[int]] = defaultdict(set)
    found: list[tuple[str, int] | None] = []
    for film in films:
        match = _NUMBER.search(film.patient)
        # person7_bacteria and person7_virus count two series; so do IM-7 and NORMAL2-IM-7.
        found.append((_NUMBER.sub("#", film.patient), int(match[0])) if match else None)
        if at := found[-1]:
            numbers[at[0]].add(at[1])
    place = {
        series: {n: i / max(1, len(members) - 1) for i, n in enumerate(sorted(members))}
        for series, members in numbers.items()
    }
    return np.array([place[at[0]][at[1]] if at else np.nan for at in found], dtype=np.float64)
