"""How well size alone gives a film's label away: then a model may learn the scanner instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pneumoscope.data.catalog import Film
from pneumoscope.metrics.intervals import Interval, delong

Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Signal:
    """One measure of size: its AUC, at least 0.5 by choosing the direction, and that direction."""

    auc: Interval
    positive_films_are: str

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {"auc": self.auc.to_json(), "positive_films_are": self.positive_films_are}


@dataclass(frozen=True, slots=True)
class SizeProbe:
    """What size alone tells. ``source`` is 'original' or 'file'; the signals are None if nothing.

    ``films`` of ``total`` have a size; ``silent`` says in a sentence why there is no signal.
    """

    source: str
    films: int
    total: int
    pixels: Signal | None = None
    aspect: Signal | None = None
    silent: str | None = None

    @property
    def telling(self) -> bool:
        """Whether size predicts the label beyond chance and worth a warning (lower bound > 0.6)."""
        return any(signal and signal.auc.low > 0.6 for signal in (self.pixels, self.aspect))

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "source": self.source,
            "films": self.films,
            "total": self.total,
            "pixels": self.pixels.to_json() if self.pixels else None,
            "aspect": self.aspect.to_json() if self.aspect else None,
            "silent": self.silent,
        }


def probe_sizes(films: Sequence[Film], in_file: Mapping[str, Size]) -> SizeProbe:
    """Predict the label from the number of pixels and from width / height, each by itself.

    Original sizes are used where the catalog knows any; the films without one are then left out,
    as sizes before and after a resize must not be mixed. Otherwise ``in_file`` (key -> width,
    height) counts. The intervals respect patients.
    """
    sizes = {film.key: (film.width, film.height) for film in films if film.width and film.height}
    source = "original" if sizes else "file"
    sizes = sizes or dict(in_file)
    known = [film for film in films if film.key in sizes]
    probe = SizeProbe(source, len(known), len(films))
    truth = np.array([film.label for film in known])
    if len(set(truth.tolist())) < 2:
        return _silent(probe, "films of both classes with a known size are needed")
    if len(set(sizes.values())) == 1:
        width, height = next(iter(sizes.values()))
        hint = "" if source == "original" else "; give the original sizes with --sizes"
        return _silent(probe, f"every film is {width} by {height} px, so it was resized{hint}")
    shape = np.array([sizes[film.key] for film in known], dtype=np.float64)
    patients = np.array([film.patient for film in known])
    return SizeProbe(
        source,
        len(known),
        len(films),
        _signal(truth, shape[:, 0] * shape[:, 1], patients, ("larger", "smaller")),
        _signal(truth, shape[:, 0] / shape[:, 1], patients, ("wider", "narrower")),
    )


def _silent(probe: SizeProbe, reason: str) -> SizeProbe:
    return SizeProbe(probe.source, probe.films, probe.total, silent=reason)


def _signal(
    truth: np.ndarray, score: np.ndarray, patients: np.ndarray, words: tuple[str, str]
) -> Signal:
    auc = delong(truth, score, patients)
    if auc.value >= 0.5:
        return Signal(auc, words[0])
    return Signal(delong(truth, -score, patients), words[1])
