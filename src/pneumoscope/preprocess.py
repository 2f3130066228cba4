"""Radiograph -> network input: the one function that cache and reader share, so both see one film.

The same file and the same settings always give the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from PIL import Image

from pneumoscope.film import Pixels
from pneumoscope.radiograph import Radiograph, Source, load

# Part of every cache key and bundle: raise it whenever the bytes that come out may change.
CODE_VERSION = 1

_RESIZE = ("squash", "pad")
_SPECTRUM = ("as-is", "equal")
_SIZES = range(16, 2049)
_COARSE = 1 / 32  # cycles a pixel
_USUAL = 4.1  # amplitude at 1/32 cycles a pixel, in standard deviations of the greys
_FALL = 1.7
_MOST_GAIN = 3.0


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How a film becomes the network's input.

    ``size``: side of the square in pixels (16 to 2048). ``resize``: 'squash' stretches the film to
    the square; 'pad' keeps its proportions and centres it on black. ``spectrum``: 'as-is', or
    'equal' for films that are made equally sharp (see :func:`equalise_spectrum`). Raises
    ``ValueError``.
    """

    size: int = 180
    resize: str = "squash"
    spectrum: str = "as-is"

    def __post_init__(self) -> None:
        if type(self.size) is not int or self.size not in _SIZES:
            raise ValueError(f"size must be a whole number from 16 to 2048, not {self.size!r}")
        if self.resize not in _RESIZE:
            raise ValueError(f"resize must be 'squash' or 'pad', not {self.resize!r}")
        if self.spectrum not in _SPECTRUM:
            raise ValueError(f"spectrum must be 'as-is' or 'equal', not {self.spectrum!r}")

    def to_json(self) -> dict[str, Any]:
        """Give the settings as they are written into bundles and runs."""
        return asdict(self)

    @classmethod
    def from_json(cls, settings: Mapping[str, Any]) -> Preprocessing:
        """Read what `to_json` gave; raises ``ValueError`` for a setting that is not known."""
        unknown = set(settings) - {field.name for field in fields(cls)}
        if unknown:
            raise ValueError(f"unknown preprocessing setting: {', '.join(sorted(unknown))}")
        return cls(**settings)


def to_input(radiograph: Radiograph, preprocessing: Preprocessing) -> Pixels:
    """Resize a film to (size, size) uint8.

    The filter is Pillow's bilinear with antialiasing (a triangle as wide as the reduction), near
    to what TensorFlow and torchvision do. A box is a third faster but moves edges by part of a
    pixel at the ratios of 1 to 2 that a reduced JPEG leaves; wider filters cost twice as much.
    """
    size = preprocessing.size
    height, width = radiograph.pixels.shape
    shape = (size, size)
    if preprocessing.resize == "pad":
        scale = size / max(width, height)
        shape = (max(round(width * scale), 1), max(round(height * scale), 1))
    picture = Image.fromarray(radiograph.pixels)
    if picture.size != shape:
        # Pillow lets go of the interpreter lock while it resizes, so threads share the work.
        picture = picture.resize(shape, Image.Resampling.BILINEAR)
    if shape != (size, size):
        square = Image.new("L", (size, size))
        square.paste(picture, ((size - shape[0]) // 2, (size - shape[1]) // 2))
        picture = square
    pixels = np.asarray(picture)
    return equalise_spectrum(pixels) if preprocessing.spectrum == "equal" else pixels


def equalise_spectrum(pixels: Pixels) -> Pixels:
    """Give every film (h, w) uint8 the same sharpness: the same power in each band of frequency.

    Detectors, blur, noise, sharpening and JPEG leave their mark in how power falls from coarse to
    fine structure. Each octave finer than 1/32 cycles a pixel is scaled to the amplitude that is
    usual at its place (a fall of 2^-1.7 an octave, relative to the spread of the film's greys), at
    most threefold either way so that noise is not drawn out of nothing. What is coarser is left.
    """
    from scipy.fft import dctn, idctn

    # The cosine transform: Fourier's would see the jump from one border to the opposite one.
    spectrum = dctn(pixels.astype(np.float32), norm="ortho")
    down, across = (np.arange(side, dtype=np.float32) / (2 * side) for side in pixels.shape)
    frequency = np.hypot(down[:, None], across[None, :])
    octave = np.log2(np.maximum(frequency, _COARSE / 2) / _COARSE)  # -1 where coarse, 4 at Nyquist
    band = np.rint(octave).astype(np.intp).ravel() + 1
    amplitude = np.sqrt(np.bincount(band, spectrum.ravel() ** 2) / np.bincount(band))
    place = np.arange(-1, amplitude.size - 1)
    wanted = _USUAL * float(pixels.std()) * 2.0 ** (-_FALL * place)
    gain = np.clip(wanted / np.maximum(amplitude, 1e-6), 1 / _MOST_GAIN, _MOST_GAIN)
    gain[0] = 1.0
    smooth = np.interp(octave, place, gain).astype(np.float32)
    equal = np.clip(np.rint(idctn(spectrum * smooth, norm="ortho")), 0, 255)
    return np.asarray(equal, dtype=np.uint8)


def film_to_input(source: Source, preprocessing: Preprocessing) -> Pixels:
    """Load a film, at a reduced scale where that is enough, and give its (size, size) uint8 input.

    Raises `UnreadableFilm` as `pneumoscope.radiograph.load` does.
    """
    return to_input(load(source, at_least=preprocessing.size), preprocessing)
