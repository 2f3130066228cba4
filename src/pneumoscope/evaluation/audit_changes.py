"""Films changed on purpose, so that a reader that looks at lungs shows it, and one that does not.

Blacking out the middle, or all but the lungs, is the test of Maguolo & Nanni (2021, "A critic
evaluation of methods for COVID-19 automatic detection from X-ray images") and of DeGrave et al.
(2021, "AI for radiographic COVID-19 detection selects shortcuts over signal"); a letter in the
corner is what Zech et al. (2018) found networks to read. A film is (h, w) uint8, a mask of lungs
the same shape.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from pneumoscope.data.masks import Mask
from pneumoscope.evaluation.corrupt import LEVELS, corrupt, stamp, unchanged
from pneumoscope.film import Pixels

BORDER_ONLY, NO_BORDER = "border only", "border blacked out"
LUNGS_ONLY, NO_LUNGS = "lungs only", "lungs blacked out"
MIRRORED = "mirrored"
CORNERS = {
    f"{down} {across}": (across == "left", down == "top")
    for down in ("top", "bottom")
    for across in ("left", "right")
}
SHIFTS = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}
# Every kind but the marker, which has a probe of its own.
CURVES = {kind: levels for kind, levels in LEVELS.items() if kind != "marker"}
LETTER = 0.1  # height, share of the shorter side
SHIFT = 0.05  # share of the side
_HIDDEN = 0.95  # share of the films whose lungs a side of the box must hold


@dataclass(frozen=True, slots=True)
class Box:
    """An upright box, its sides as shares of a film's, and the share of all lungs that it hides."""

    top: float
    bottom: float
    left: float
    right: float
    hides: float

    def on(self, shape: tuple[int, ...]) -> Mask:
        """The box on a film (h, w)."""
        height, width = shape
        rows, columns = ((np.arange(side) + 0.5) / side for side in (height, width))
        down = (rows >= self.top) & (rows <= self.bottom)
        across = (columns >= self.left) & (columns <= self.right)
        return np.asarray(down[:, None] & across[None, :])


def changed_films(
    pixels: Pixels, mask: Mask | None, box: Box | None, *, rng: np.random.Generator
) -> Iterator[tuple[str, Pixels]]:
    """Every change of a film by its name; those of the lungs where there are a mask and a box."""
    inside = ellipse(pixels.shape)
    yield BORDER_ONLY, np.where(inside, 0, pixels).astype(np.uint8)
    yield NO_BORDER, np.where(inside, pixels, 0).astype(np.uint8)
    if mask is not None and box is not None:
        yield LUNGS_ONLY, np.where(mask, pixels, 0).astype(np.uint8)
        yield NO_LUNGS, np.where(box.on(pixels.shape), 0, pixels).astype(np.uint8)
    for corner, (left, top) in CORNERS.items():
        yield marker_name(corner), stamp(pixels, LETTER, left=left, top=top)
    yield MIRRORED, np.ascontiguousarray(pixels[:, ::-1])
    for direction, (down, across) in SHIFTS.items():
        yield shift_name(direction), shifted(pixels, down * SHIFT, across * SHIFT)
    for kind, levels in CURVES.items():
        for level in levels:
            if level != unchanged(kind):
                yield curve_name(kind, level), corrupt(pixels, kind, level, rng=rng)


def marker_name(corner: str) -> str:
    """The name of the film with a letter in a corner of ``CORNERS``."""
    return f"letter, {corner}"


def shift_name(direction: str) -> str:
    """The name of the film that is shifted in a direction of ``SHIFTS``."""
    return f"shifted {direction}"


def curve_name(kind: str, level: float) -> str:
    """The name of the film at a level of ``CURVES``."""
    return f"{kind} {level:g}"


def mildest(kind: str) -> tuple[float, ...]:
    """The levels of ``kind`` beside the one that changes nothing: what films meet every day."""
    levels = CURVES[kind]
    at = levels.index(unchanged(kind))
    return tuple(levels[i] for i in (at - 1, at + 1) if 0 <= i < len(levels))


def ellipse(shape: tuple[int, ...]) -> Mask:
    """What lies inside the ellipse that touches the four sides of a film (h, w).

    Outside are the corners, a fifth of the film, where letters and stickers lie and lungs do not.
    """
    down, across = (2 * (np.arange(side) + 0.5) / side - 1 for side in shape)
    return np.asarray(down[:, None] ** 2 + across[None, :] ** 2 <= 1)


def common_box(masks: Sequence[Mask]) -> Box | None:
    """One box for all films that holds the lungs of nearly all; None without a mask.

    Lungs cut out along their own outline, or in a box of their own, would still show how large
    they are, and that tells of the patient's age and of filled lungs.
    """
    lungs = [mask for mask in masks if mask.any()]
    if not lungs:
        return None
    edges = np.array([_edges(mask) for mask in lungs])
    low, high = np.quantile(edges, [1 - _HIDDEN, _HIDDEN], axis=0)
    sides = float(low[0]), float(high[1]), float(low[2]), float(high[3])
    box = Box(*sides, hides=1.0)
    hidden = [float(mask[box.on(mask.shape)].sum() / mask.sum()) for mask in lungs]
    return Box(*sides, hides=float(np.mean(hidden)))


def _edges(mask: Mask) -> tuple[float, ...]:
    """Top, bottom, left and right of the lungs, as shares of the sides."""
    ends: list[float] = []
    for axis, length in enumerate(mask.shape):
        (found,) = np.nonzero(mask.any(axis=1 - axis))
        ends += [found[0] / length, (found[-1] + 1) / length]
    return tuple(ends)


def shifted(pixels: Pixels, down: float, across: float) -> Pixels:
    """A film moved by shares of its sides; the rim that it leaves is filled from its edge."""
    moved = pixels
    for axis, share in enumerate((down, across)):
        length = pixels.shape[axis]
        source = np.clip(np.arange(length) - round(share * length), 0, length - 1)
        moved = moved.take(source, axis=axis)
    return moved


def fit_mask(mask: Mask, shape: tuple[int, ...]) -> Mask | None:
    """A mask stretched to the pixels (h, w) of its film; None where it is empty."""
    height, width = shape
    fitted = Image.fromarray(mask).resize((width, height), Image.Resampling.NEAREST)
    lungs = np.asarray(fitted, dtype=bool)
    return lungs if lungs.any() else None
