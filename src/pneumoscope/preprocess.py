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
_SIZES = range(16, 2049)


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How a film becomes the network's input.

    ``size``: side of the square in pixels (16 to 2048). ``resize``: 'squash' stretches the film to
    the square; 'pad' keeps its proportions and centres it on black. Raises ``ValueError``.
    """

    size: int = 180
    resize: str = "squash"

    def __post_init__(self) -> None:
        if type(self.size) is not int or self.size not in _SIZES:
            raise ValueError(f"size must be a whole number from 16 to 2048, not {self.size!r}")
        if self.resize not in _RESIZE:
            raise ValueError(f"resize must be 'squash' or 'pad', not {self.resize!r}")

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
    return np.asarray(picture)


def film_to_input(source: Source, preprocessing: Preprocessing) -> Pixels:
    """Load a film, at a reduced scale where that is enough, and give its (size, size) uint8 input.

    Raises `UnreadableFilm` as `pneumoscope.radiograph.load` does.
    """
    return to_input(load(source, at_least=preprocessing.size), preprocessing)
