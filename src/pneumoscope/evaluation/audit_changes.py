"""Films changed on purpose, so that a reader that looks at lungs shows it, and one that does not.

Blacking out the middle, or all but the lungs, is the test of Maguolo & Nanni (2021, "A critic
evaluation of methods for COVID-19 automatic detection from X-ray images") and of DeGrave et al.
(2021, "AI for radiographic COVID-19 detection selects shortcuts over signal"); a letter in the
corner is what Zech et al. (2018) found networks to read. A film is (h, w) uint8, a mask of lungs
the same shape.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from PIL import Image

from pneumoscope.data.masks import Mask
from pneumoscope.evaluation.corrupt import LEVELS, corrupt, stamp, unchanged
from pneumoscope.film import Pixels

BORDER_ONLY, NO_BORDER = "border only", "border blacked out"
LUNGS_ONLY, NO_LUNGS, LUNG_BOX = "lungs only", "lungs blacked out", "box of the lungs"
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
_MARGIN = 0.02  # around the lungs, share of the side


def changed_films(
    pixels: Pixels, mask: Mask | None, *, rng: np.random.Generator
) -> Iterator[tuple[str, Pixels]]:
    """Every change of a film by its name; those of the lungs only where there is a ``mask``."""
    inside = ellipse(pixels.shape)
    yield BORDER_ONLY, np.where(inside, 0, pixels).astype(np.uint8)
    yield NO_BORDER, np.where(inside, pixels, 0).astype(np.uint8)
    if mask is not None:
        box = lung_box(mask)
        yield LUNGS_ONLY, np.where(mask, pixels, 0).astype(np.uint8)
        yield NO_LUNGS, np.where(box, 0, pixels).astype(np.uint8)
        yield LUNG_BOX, np.where(box, 0, 128).astype(np.uint8)
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


def lung_box(mask: Mask) -> Mask:
    """The upright box around the lungs, a little larger; lungs cut out by their own outline would
    still show it, and the outline of a filled lung is another.
    """
    box = np.zeros_like(mask)
    sides = []
    for axis, length in enumerate(mask.shape):
        (found,) = np.nonzero(mask.any(axis=1 - axis))
        margin = round(_MARGIN * length)
        sides.append(slice(max(found[0] - margin, 0), found[-1] + 1 + margin))
    box[tuple(sides)] = True
    return box


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
