"""Which films to label next: those that a network is unsure of, unlike each other."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

CANDIDATES = 4  # times as many unsure patients as are wanted, from which unlike ones are taken
_SIDE = 12


def thumbnails(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """Films (n, side, side) as 144 greys each (n, 144), standardised film by film, to compare."""
    films, side, _ = pixels.shape
    step = side // _SIDE
    inside = pixels[:, : step * _SIDE, : step * _SIDE]
    small = inside.reshape(films, _SIDE, step, _SIDE, step).mean(axis=(2, 4))
    flat: npt.NDArray[np.float64] = small.reshape(films, -1)
    spread = flat.std(axis=1, keepdims=True) + 1.0
    return np.asarray((flat - flat.mean(axis=1, keepdims=True)) / spread)


def choose_films(
    logit: npt.ArrayLike,
    patients: npt.ArrayLike,
    looks: npt.NDArray[np.float64],
    *,
    count: int,
) -> list[int]:
    """Rows of ``count`` films, one a patient: uncertain (small ``|logit|``), then far apart.

    Of the ``CANDIDATES * count`` patients nearest to the boundary, each at its least certain film,
    the least certain comes first and then always the one whose ``looks`` (n, d) lie furthest from
    all that were taken (the greedy k-centre of Sener & Savarese 2018, among uncertain films only).
    """
    scores = np.asarray(logit, dtype=np.float64)
    centre = np.median(scores) if (scores > 0).all() or (scores < 0).all() else 0.0
    order = np.argsort(np.abs(scores - centre), kind="stable")
    names = np.asarray(patients)[order]
    first = np.sort(np.unique(names, return_index=True)[1])
    rows = order[first][: CANDIDATES * count]
    if len(rows) <= count:
        return [int(row) for row in rows]
    taken = [0]
    distance = np.linalg.norm(looks[rows] - looks[rows[0]], axis=1)
    while len(taken) < count:
        furthest = int(np.argmax(distance))
        taken.append(furthest)
        distance = np.minimum(distance, np.linalg.norm(looks[rows] - looks[rows[furthest]], axis=1))
        distance[taken] = -1.0
    return [int(rows[place]) for place in taken]
