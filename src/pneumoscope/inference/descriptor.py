"""What a picture looks like, in a few hundred numbers and a tenth of a millisecond."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt
from PIL import Image

from pneumoscope.film import Pixels

Floats = npt.NDArray[np.float32]

SIDE = 32  # of the thumbnail, pixels
FINE = 2 * SIDE
_ENOUGH = 256  # pixels along the short side, from which a thumbnail is as good as from all
# Cosines kept: those whose numbers down and across sum to less.
_OF_GREYS = 12
_OF_RELIEF = 16
_BANDS = (2, 4, 7, 11, 16, 22, 32)  # of that sum, where one band of power ends
_QUANTILES = (0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98)
_WINDOW = 11  # of what counts as the neighbourhood, pixels of the thumbnail
_FLAT = 1.0  # grey levels: less spread than this is rounding, not structure


def thumbnail(pixels: Pixels) -> Floats:
    """Squash a film (h, w) uint8 to (SIDE, SIDE), in grey levels (0 to 255)."""
    small: Floats = halve(fine_thumbnail(pixels)[None])[0]
    return small


def fine_thumbnail(pixels: Pixels) -> Floats:
    """Squash a film (h, w) uint8 to (FINE, FINE), in grey levels (0 to 255).

    Of a large film rows and columns are left out first, so that films of any size cost the same.
    Squashed, a film looks alike whether it comes from a file or from a store of network inputs.
    """
    step = max(min(pixels.shape) // _ENOUGH, 1)
    picture = Image.fromarray(np.ascontiguousarray(pixels[::step, ::step]))
    # A box takes the mean of what falls into it, and is the fastest; each needs a pixel.
    how = Image.Resampling.BOX if min(picture.size) >= FINE else Image.Resampling.BILINEAR
    return np.asarray(picture.resize((FINE, FINE), how), dtype=np.float32)


def halve(fine: Floats) -> Floats:
    """(n, FINE, FINE) -> (n, SIDE, SIDE)."""
    return np.asarray(fine.reshape(len(fine), SIDE, 2, SIDE, 2).mean(axis=(2, 4)), dtype=np.float32)


def describe(thumbnails: Floats) -> Floats:
    """Describe (n, SIDE, SIDE) grey levels: (n, LENGTH), free of brightness and contrast.

    The slow cosines (the orthonormal DCT-II, as in perceptual hashes) hold the layout, once of the
    greys and once of their relief: made equally bright and equally rich in contrast in every
    neighbourhood, which is what films of different exposure share. The logarithms of power in bands
    of frequency, for structure that runs more down and more across, hold sharpness and texture.
    Quantiles hold the shape of the histogram.
    """
    greys = np.asarray(thumbnails, dtype=np.float32)
    greys = greys - greys.mean(axis=(1, 2), keepdims=True)
    greys = greys / np.maximum(greys.std(axis=(1, 2), keepdims=True), _FLAT)
    n = len(greys)
    waves = _waves(np.clip(greys, -4, 4)).reshape(n, -1)
    power = np.square(waves) @ _POOL
    quantiles = np.sort(greys.reshape(n, -1), axis=1)[:, _RANKS]
    relief = greys - _around(greys)
    relief /= np.sqrt(_around(relief * relief)) + 0.05
    relief_waves = _waves(np.clip(relief, -2.5, 2.5)).reshape(n, -1)
    parts = [
        waves[:, _slow(_OF_GREYS)] / SIDE,
        relief_waves[:, _slow(_OF_RELIEF)] / SIDE,
        np.log(power + 1e-3),
        quantiles,
    ]
    return np.concatenate(parts, axis=1)


@functools.cache
def _slow(limit: int) -> npt.NDArray[np.intp]:
    """Places of the waves below ``limit`` in a flattened (SIDE, SIDE), without the mean."""
    return np.flatnonzero(np.add.outer(np.arange(SIDE), np.arange(SIDE)).ravel() < limit)[1:]


def _waves(greys: Floats) -> Floats:
    return np.asarray(_COSINES @ greys @ _COSINES.T, dtype=np.float32)


def _around(greys: Floats) -> Floats:
    """The mean over the neighbourhood of each pixel; beyond the border the border goes on."""
    return np.asarray(_MEANS @ greys @ _MEANS.T, dtype=np.float32)


def _cosines() -> Floats:
    """The orthonormal DCT-II as a matrix (SIDE, SIDE)."""
    number, place = np.mgrid[0:SIDE, 0:SIDE]
    matrix = np.cos(np.pi * number * (2 * place + 1) / (2 * SIDE)) * np.sqrt(2 / SIDE)
    matrix[0] /= np.sqrt(2)
    return np.asarray(matrix, dtype=np.float32)


def _means() -> Floats:
    """The running mean along one axis as a matrix (SIDE, SIDE)."""
    matrix = np.zeros((SIDE, SIDE), dtype=np.float32)
    for place in range(SIDE):
        reach = np.arange(place - _WINDOW // 2, place + _WINDOW // 2 + 1)
        np.add.at(matrix[place], np.clip(reach, 0, SIDE - 1), 1 / _WINDOW)
    return matrix


def _pool() -> Floats:
    """The mean over each band of power as a matrix (SIDE * SIDE, 2 * bands)."""
    down, across = np.mgrid[0:SIDE, 0:SIDE]
    band = np.searchsorted(_BANDS, down + across, side="right")
    column = np.where(down + across > 0, 2 * band + (across > down), -1)
    member = column.ravel()[:, None] == np.arange(2 * (len(_BANDS) + 1))
    return np.asarray(member / member.sum(axis=0), dtype=np.float32)


_COSINES = _cosines()
_MEANS = _means()
_POOL = _pool()
_RANKS = np.rint(np.array(_QUANTILES) * (SIDE * SIDE - 1)).astype(np.intp)
LENGTH = describe(np.zeros((1, SIDE, SIDE), dtype=np.float32)).shape[1]
