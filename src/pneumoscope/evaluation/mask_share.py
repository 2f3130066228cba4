"""How much of the evidence lies where a pneumonia can lie."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

from pneumoscope.data.masks import Mask
from pneumoscope.inference.reader import Maps


@dataclass(frozen=True, slots=True)
class Share:
    """``inside``: share of the positive evidence inside a mask, NaN where there is none.

    ``chance`` is what evidence that is spread evenly gives: the mask's share of the film.
    """

    inside: float
    chance: float


def mask_share(evidence: Maps, mask: Mask) -> Share:
    """The share of the positive ``evidence`` (h, w) inside ``mask``, laid over the same film.

    The mask may have another number of pixels; it is then stretched, as films are that are
    squashed to a square.
    """
    height, width = evidence.shape
    fitted = Image.fromarray(mask).resize((width, height), Image.Resampling.NEAREST)
    inside = np.asarray(fitted, dtype=bool)
    positive = np.maximum(evidence, 0).astype(np.float64)
    whole = float(positive.sum())
    share = float(positive[inside].sum()) / whole if whole else math.nan
    return Share(share, float(inside.mean()))
