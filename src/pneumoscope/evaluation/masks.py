"""Lung masks beside films: how much of the evidence lies where a pneumonia can lie."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from pneumoscope import radiograph
from pneumoscope.data.layout import find_films
from pneumoscope.errors import PneumoscopeError, UnreadableFilm, UsageError
from pneumoscope.inference.reader import Maps

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Share:
    """``inside``: share of the positive evidence inside a mask, NaN where there is none.

    ``chance`` is what evidence that is spread evenly gives: the mask's share of the film.
    """

    inside: float
    chance: float


@dataclass(frozen=True, slots=True)
class Masks:
    """The masks of a folder, by the names of their films."""

    folder: Path
    by_stem: Mapping[str, Sequence[Path]]

    def of(self, film: Path | str) -> Mask | None:
        """The mask (h, w) of a film: the file of its name, whatever the suffix, else None.

        Of several in different folders it is the one whose folder is called as the film's is.
        Raises ``PneumoscopeError`` for a mask that cannot be read.
        """
        film = Path(film)
        found = self.by_stem.get(film.stem, ())
        if len(found) > 1:
            found = [path for path in found if path.parent.name == film.parent.name]
        if len(found) != 1:
            return None
        try:
            return np.asarray(radiograph.load(found[0]).pixels > 127)
        except UnreadableFilm as error:
            raise PneumoscopeError(f"The mask {found[0]} cannot be read: {error}.") from error


def open_masks(folder: Path | str) -> Masks:
    """Find the masks in ``folder`` and the folders inside; raises ``UsageError`` without any."""
    folder = Path(folder)
    if not folder.is_dir():
        raise UsageError(f"There is no folder of masks {folder}.")
    by_stem: dict[str, list[Path]] = defaultdict(list)
    for path in find_films([folder]):
        by_stem[path.stem].append(path)
    if not by_stem:
        raise UsageError(f"{folder} holds no masks.")
    return Masks(folder, by_stem)


def mask_share(evidence: Maps, mask: Mask) -> Share:
    """The share of the positive ``evidence`` (h, w) inside ``mask``, laid over the same film.

    The mask may have another number of pixels; it is then stretched, as films are that are
    squashed to a square.
    """
    height, width = evidence.shape
    fitted = Image.fromarray(mask).resize((width, height), Image.Resampling.NEAREST)
    inside = np.asarray(fitted, dtype=bool)
    positive = np.maximum(evidence, 0).astype(np.float64)
    whole = float(positive.sum())
    share = float(positive[inside].sum()) / whole if whole else math.nan
    return Share(share, float(inside.mean()))
