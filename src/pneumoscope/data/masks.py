"""Lung masks that lie beside films, found by the films' names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pneumoscope import radiograph
from pneumoscope.data.layout import find_films
from pneumoscope.errors import PneumoscopeError, UnreadableFilm, UsageError

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Masks:
    """The masks of a folder, by the names of their films."""

    folder: Path
    by_stem: Mapping[str, Sequence[Path]]

    def path_of(self, film: Path | str) -> Path | None:
        """The file of a film's name, whatever the suffix, else None.

        Of several in different folders it is the one whose folder is called as the film's is.
        """
        film = Path(film)
        found = self.by_stem.get(film.stem, ())
        if len(found) > 1:
            found = [path for path in found if path.parent.name == film.parent.name]
        return found[0] if len(found) == 1 else None

    def of(self, film: Path | str) -> Mask | None:
        """The mask (h, w) of a film; None where there is none.

        Raises ``PneumoscopeError`` for a mask that cannot be read.
        """
        path = self.path_of(film)
        if path is None:
            return None
        try:
            return np.asarray(radiograph.load(path).pixels > 127)
        except UnreadableFilm as error:
            raise PneumoscopeError(f"The mask {path} cannot be read: {error}.") from error


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
