"""What happens to films on their way: blur, noise, wrong windows, JPEG, borders, markers.

The same changes serve curves, audits and tests. Each takes a film (h, w) uint8 and a level, and
gives a film; level 0 (for a factor 1, for JPEG 100) leaves it as it is, and the last level of
``LEVELS`` is about as far as a film can be changed and still be read by people.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from pneumoscope import radiograph
from pneumoscope.film import Pixels
from pneumoscope.preprocess import Preprocessing, to_input

# Lengths are shares of the shorter side, so that a level means the same for films of any size.
LEVELS: dict[str, tuple[float, ...]] = {
    "blur": (0.0, 0.004, 0.008, 0.016, 0.03),
    "noise": (0.0, 0.02, 0.05, 0.1, 0.2),
    "gamma": (0.4, 0.6, 0.8, 1.0, 1.3, 1.8, 2.5),
    "contrast": (0.3, 0.5, 0.75, 1.0, 1.3, 1.8),
    "jpeg": (100.0, 50.0, 25.0, 10.0, 5.0),
    "crop": (0.0, 0.03, 0.06, 0.1, 0.15),
    "border": (0.0, 0.03, 0.06, 0.1, 0.2),
    "marker": (0.0, 0.05, 0.1, 0.15),
    "resolution": (1.0, 0.5, 0.25, 0.12, 0.06),
}


def corrupt(pixels: Pixels, kind: str, level: float, *, rng: np.random.Generator) -> Pixels:
    """A changed copy of a film (h, w) uint8; crop and border change its size.

    ``kind`` is of ``LEVELS``: blur (standard deviation), noise (standard deviation, greys from 0 to
    1), gamma (exponent), contrast (factor about the film's mean), jpeg (quality), crop (share cut
    from every side), border (black, this wide on every side), marker (height of a white letter in a
    random corner) or resolution (factor by which the film is made small, and then large again).
    Raises ``ValueError`` for another kind.
    """
    if kind not in _CHANGES:
        raise ValueError(f"there is no corruption {kind!r}, only {', '.join(_CHANGES)}")
    return _CHANGES[kind](pixels, level, rng)


def changed_inputs(
    paths: Sequence[Path], shape: Preprocessing, kind: str, level: float, *, seed: int
) -> Pixels:
    """Network inputs (n, size, size) uint8 of readable films, each changed; ``seed`` draws how."""
    rng = np.random.default_rng(seed)
    made = []
    for path in paths:
        plain = radiograph.load(path, at_least=shape.size)
        changed = replace(plain, pixels=corrupt(plain.pixels, kind, level, rng=rng))
        made.append(to_input(changed, shape))
    return np.stack(made)


def unchanged(kind: str) -> float:
    """The level of ``kind`` at which a film stays as it is."""
    return {"gamma": 1.0, "contrast": 1.0, "jpeg": 100.0, "resolution": 1.0}.get(kind, 0.0)


def stamp(pixels: Pixels, level: float, *, left: bool, top: bool) -> Pixels:
    """A copy of a film (h, w) uint8 with a white letter in one corner, R on the left, else L.

    ``level`` is the letter's height as a share of the shorter side; it lies as far from the rims.
    """
    size = round(level * min(pixels.shape))
    picture = Image.fromarray(pixels)
    if size:
        height, width = pixels.shape
        place = (size if left else width - 2 * size, size if top else height - 2 * size)
        letter = "R" if left else "L"
        font = ImageFont.load_default(size=size)
        ImageDraw.Draw(picture).text(place, letter, fill=255, font=font)
    return np.asarray(picture)


def _blur(pixels: Pixels, level: float, rng: np.random.Generator) -> Pixels:
    radius = level * min(pixels.shape)
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(radius)))


def _noise(pixels: Pixels, level: float, rng: np.random.Generator) -> Pixels:
    return _grey(pixels + 255 * level * rng.standard_normal(pixels.shape))


def _gamma(pixels: Pixels, level: float, rng: np.random.Generator) -> Pixels:
    return _grey(255 * (pixels / 255) ** level)


def _contrast(pixels: Pixels, level: float, rng: np.random.Generator) -> Pixels:
    mean = pixels.mean()
    return _grey(mean + level * (pixels - mean))


def _jpeg(pixels: Pixels, level: float, rng: np.random.Generator) -> Pixels:
    if level >= 100:
        return pixels.copy()
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=round(level))
    return np.asarray(Image.open(file))


def _crop(pixels: Pixels, level: float, rng: np.random.Generator) -> Pixels:
    down, across = (round(level * side) for side in pixels.shape)
    height, width = pixels.shape
    return pixels[down : height - down, across : width - across].copy()


def _border(pixels: Pixels, level: float, rng: np.random.Generator) -> Pixels:
    return np.pad(pixels, round(level * min(pixels.shape)))


def _marker(pixels: Pixels, level: float, rng: np.random.Generator) -> Pixels:
    left, top = (bool(chance) for chance in rng.integers(0, 2, 2))
    return stamp(pixels, level, left=left, top=top)


def _resolution(pixels: Pixels, level: float, rng: np.random.Generator) -> Pixels:
    height, width = pixels.shape
    small = (max(1, round(width * level)), max(1, round(height * level)))
    picture = Image.fromarray(pixels).resize(small, Image.Resampling.BILINEAR)
    return np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR))


def _grey(values: np.ndarray) -> Pixels:
    return np.asarray(np.clip(np.rint(values), 0, 255), dtype=np.uint8)


_CHANGES: dict[str, Callable[[Pixels, float, np.random.Generator], Pixels]] = {
    "blur": _blur,
    "noise": _noise,
    "gamma": _gamma,
    "contrast": _contrast,
    "jpeg": _jpeg,
    "crop": _crop,
    "border": _border,
    "marker": _marker,
    "resolution": _resolution,
}
