"""May the model read this film? If not: why. From what header and pixels say plainly."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from pneumoscope.film import Facts, Pixels
from pneumoscope.radiograph import Radiograph

# Body Part Examined (PS3.16 annex L) and what scanners write instead, in several languages.
_CHEST = re.compile(r"CHEST|THORAX|TORAX|TORACE|LUNG|CXR")
_UNSAID = ("OTHER", "UNKNOWN", "UNSPECIFIED", "NONE")
# View Position (PS3.3 C.8.7.1.1.1, C.8.11.5) and view names: laterals, obliques, decubitus.
_NOT_FRONTAL = re.compile(
    r"(?<![A-Z])(LL|RL|LLD|RLD|LLO|RLO|LAO|RAO|LPO|RPO|LAT)(?![A-Z])"
    r"|(?<!BI)LATERAL|OBLIQUE|DECUB"
)


@dataclass(frozen=True, slots=True)
class Guard:
    """What a film must show to be read; travels in the bundle.

    ``modalities``: DICOM modalities that are radiographs. ``min_side``: shortest side of the
    original, pixels. ``max_aspect``: longest side over shortest. ``min_contrast``: grey levels (of
    255) between the 1st and the 99th percentile. ``min_levels``: different grey levels in use.
    """

    modalities: tuple[str, ...] = ("CR", "DX", "RG")
    min_side: int = 64
    max_aspect: float = 4.0
    min_contrast: int = 24
    min_levels: int = 16

    def to_json(self) -> dict[str, Any]:
        """Give the thresholds as they are written into bundles."""
        return {**asdict(self), "modalities": list(self.modalities)}

    @classmethod
    def from_json(cls, thresholds: Mapping[str, Any]) -> Guard:
        """Read what `to_json` gave; raises ``ValueError`` for a threshold that is not known."""
        unknown = set(thresholds) - {field.name for field in fields(cls)}
        if unknown:
            raise ValueError(f"unknown guard threshold: {', '.join(sorted(unknown))}")
        known = dict(thresholds)
        if "modalities" in known:
            known["modalities"] = tuple(known["modalities"])
        return cls(**known)


def refuse(radiograph: Radiograph, guard: Guard) -> str | None:
    """Give one short reason why the film must not be read, or None if it may be."""
    return _refuse_header(radiograph.facts, guard) or _refuse_pixels(radiograph.pixels, guard)


def _refuse_header(facts: Facts, guard: Guard) -> str | None:
    if facts.modality is not None and facts.modality not in guard.modalities:
        return f"modality {facts.modality} is not a radiograph"
    if facts.body_part and facts.body_part not in _UNSAID and not _CHEST.search(facts.body_part):
        return f"body part {facts.body_part} is not the chest"
    if facts.view and _NOT_FRONTAL.search(facts.view):
        return f"view {facts.view} is not frontal"
    if min(facts.width, facts.height) < guard.min_side:
        return f"too small ({facts.width} x {facts.height} pixels)"
    if max(facts.width, facts.height) > guard.max_aspect * min(facts.width, facts.height):
        return f"too long and narrow for a chest film ({facts.width} x {facts.height} pixels)"
    if facts.colour:
        return "a colour picture, not a radiograph"
    return None


def _refuse_pixels(pixels: Pixels, guard: Guard) -> str | None:
    # About 65,000 pixels tell as much about the greys as all of them do.
    step = max(math.isqrt(pixels.size // 65_536), 1)
    counts = np.bincount(pixels[::step, ::step].ravel(), minlength=256)
    cumulative = np.cumsum(counts) / counts.sum()
    dark, bright = np.searchsorted(cumulative, (0.01, 0.99))
    if bright - dark < guard.min_contrast:
        return "blank: almost the same grey everywhere"
    if np.count_nonzero(counts) < guard.min_levels:
        return "drawn in a few grey levels, not a radiograph"
    return None
