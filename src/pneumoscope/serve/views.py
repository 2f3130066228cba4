"""The pictures of a reading: the film and the evidence that is laid over it, as PNG."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from pneumoscope.film import Pixels
from pneumoscope.inference.overlay import colours
from pneumoscope.inference.reader import Reader, Reading
from pneumoscope.inference.saliency import AUTO, choose, displayed, explain_one

LONGEST = 2048  # pixels of a film's longer side: enough to zoom into, a few MB at most
# Hardly larger than at the usual level 6, and several times as quick.
_COMPRESSION = 1


@dataclass(frozen=True, slots=True)
class Evidence:
    """``png``: RGBA in the film's proportions; ``limit``: logits at its strongest place."""

    png: bytes
    limit: float
    method: str


class Views:
    """Draws what ``reader`` has read; may be shared by threads."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.method, self._attribute = choose(AUTO, reader)

    def film(self, film: bytes, reading: Reading, *, longest: int = LONGEST) -> bytes:
        """A grey PNG of a film that was read, as it was read."""
        shown = displayed(film, self._reader.bundle, notes=reading.notes, longest=longest)
        return _png(Image.fromarray(shown))

    def evidence(self, film: bytes) -> Evidence | None:
        """The evidence of a film that was read, transparent where there is none; None if it is not.

        Its strongest place is opaque.
        """
        found = explain_one(film, self._reader, method=self.method, attribute=self._attribute)
        if found.map is None:
            return None
        limit = max(float(np.abs(found.map).max()), 1e-6)
        colour, opacity = colours(found.map / limit)
        layers = np.concatenate([colour, 255 * opacity[..., None]], axis=-1)
        pixels: Pixels = np.rint(layers).astype(np.uint8)
        return Evidence(_png(Image.fromarray(pixels)), limit, self.method)


def _png(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG", compress_level=_COMPRESSION)
    return out.getvalue()
