"""May the model read this film? If not: why. If only it lies the wrong way: set right, with a note.

Header and greys are judged first, then the likeness to the films that the model has seen, in each
of eight poses (four right angles, greys as they are and inverted). A mirrored film is read: an
outline does not tell left from right.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np

from pneumoscope.film import Facts, Pixels
from pneumoscope.inference.descriptor import Floats, thumbnail
from pneumoscope.inference.familiar import POSES, Familiar, poses_of
from pneumoscope.radiograph import Radiograph

# Body Part Examined (PS3.16 annex L) and what scanners write instead, in several languages.
_CHEST = re.compile(r"CHEST|THORAX|TORAX|TORACE|LUNG|CXR")
_UNSAID = ("OTHER", "UNKNOWN", "UNSPECIFIED", "NONE")
# View Position (PS3.3 C.8.7.1.1.1, C.8.11.5) and view names: laterals, obliques, decubitus.
_NOT_FRONTAL = re.compile(
    r"(?<![A-Z])(LL|RL|LLD|RLD|LLO|RLO|LAO|RAO|LPO|RPO|LAT)(?![A-Z])"
    r"|(?<!BI)LATERAL|OBLIQUE|DECUB"
)
_FAR = "far from the films that the model has seen"
_UNLIKE = "not like a frontal chest radiograph"
# How a film lay that so many quarter turns to the left set upright.
_LAY = ("", "turned 90 degrees to the right", "turned 180 degrees", "turned 90 degrees to the left")
_UNSURE = "which way up it lies, or whether bone is bright, is not certain"


@dataclass(frozen=True, slots=True)
class Guard:
    """What a film must show to be read; travels in the bundle.

    ``modalities``: DICOM modalities that are radiographs. ``min_side``: shortest side of the
    original, pixels. ``max_aspect``: longest side over shortest. ``min_contrast``: grey levels (of
    255) between the 1st and the 99th percentile. ``min_levels``: different grey levels in use.

    ``familiar`` knows the films; without it (older bundles) the rest is not asked. ``max_clipped``:
    share of the film's middle that may be wholly black or wholly white. A picture needs
    ``min_likeness`` (a logit) to be read as it lies and ``mend_likeness`` to be mended, and must be
    by ``min_margin`` or ``mend_margin`` more like a film than in every other pose.
    """

    modalities: tuple[str, ...] = ("CR", "DX", "RG")
    min_side: int = 64
    max_aspect: float = 4.0
    min_contrast: int = 24
    min_levels: int = 16
    max_clipped: float = 0.6
    min_likeness: float = -2.2
    min_margin: float = 0.5
    mend_likeness: float = 1.0
    mend_margin: float = 3.0
    familiar: Familiar | None = None

    def to_json(self) -> dict[str, Any]:
        """Give the thresholds as they are written into bundles."""
        plain = asdict(replace(self, familiar=None))
        familiar = None if self.familiar is None else self.familiar.to_json()
        return {**plain, "modalities": list(self.modalities), "familiar": familiar}

    @classmethod
    def from_json(cls, thresholds: Mapping[str, Any]) -> Guard:
        """Read what `to_json` gave; raises ``ValueError`` for a threshold that is not known."""
        unknown = set(thresholds) - {field.name for field in fields(cls)}
        if unknown:
            raise ValueError(f"unknown guard threshold: {', '.join(sorted(unknown))}")
        known = dict(thresholds)
        if "modalities" in known:
            known["modalities"] = tuple(known["modalities"])
        if known.get("familiar") is not None:
            known["familiar"] = Familiar.from_json(known["familiar"])
        return cls(**known)


@dataclass(frozen=True, slots=True)
class Examined:
    """The film to read, perhaps mended (its notes say how), or a short reason to refuse it."""

    radiograph: Radiograph
    reason: str | None


def examine(radiograph: Radiograph, guard: Guard) -> Examined:
    """Examine a film before it is read; takes less than a millisecond."""
    reason = _refuse_header(radiograph.facts, guard) or _refuse_pixels(radiograph.pixels, guard)
    if reason is not None or guard.familiar is None:
        return Examined(radiograph, reason)
    if _clipped(radiograph.pixels) > guard.max_clipped:
        return Examined(radiograph, "clipped: most of the middle is wholly black or white")
    pose, reason = pose_of(thumbnail(radiograph.pixels), guard)
    if reason is None and pose > 0:
        radiograph = _mended(radiograph, *POSES[pose])
    return Examined(radiograph, reason)


def pose_of(greys: Floats, guard: Guard) -> tuple[int, str | None]:
    """Which of the POSES sets a thumbnail right, and why that is not enough to read it, or None.

    ``guard`` must have been fitted.
    """
    assert guard.familiar is not None
    likeness, distance = guard.familiar.judge(poses_of(greys[None])[:, 0])
    best = int(np.argmax(likeness))
    margin = likeness[best] - np.max(np.delete(likeness, best))
    if likeness[best] < guard.min_likeness:
        return best, _FAR if distance[best] > 1 else _UNLIKE
    if best == 0:
        return best, None if margin >= guard.min_margin else _UNSURE
    if likeness[best] < guard.mend_likeness or margin < guard.mend_margin:
        return best, f"perhaps {_found(*POSES[best])}, which is not certain"
    return best, None


def _found(turns: int, inverted: bool) -> str:
    """What was wrong with a film that these mends set right."""
    words = ["with inverted greys"] if inverted else []
    words += [_LAY[turns]] if turns else []
    return " and ".join(words)


def _mended(radiograph: Radiograph, turns: int, inverted: bool) -> Radiograph:
    pixels = np.rot90(radiograph.pixels, turns)
    pixels = np.ascontiguousarray(255 - pixels if inverted else pixels)
    facts = radiograph.facts
    if turns % 2:
        facts = replace(facts, width=facts.height, height=facts.width)
    note = f"film {_found(turns, inverted)}: mended"
    return Radiograph(pixels, replace(facts, notes=(*facts.notes, note)))


def _clipped(pixels: Pixels) -> float:
    """The share of the middle quarter of a film (h, w) that is wholly black or wholly white."""
    height, width = pixels.shape
    step = max(math.isqrt(pixels.size // 65_536), 1)
    rows, columns = (slice(side // 4, side - side // 4, step) for side in (height, width))
    middle = pixels[rows, columns]
    return float(np.mean((middle == 0) | (middle == 255)))


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
