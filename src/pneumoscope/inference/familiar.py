"""Does a picture look like the films that the model has seen, and which way up?"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from pneumoscope.inference.descriptor import LENGTH, Floats, describe

# The eight ways in which a film may lie before us: (quarter turns that set it upright,
# counter-clockwise, and whether its greys are inverted). The first is "as it is".
POSES = tuple((turns, inverted) for turns in range(4) for inverted in (False, True))
# Likeness lost for each usual distance beyond the free one. Chosen, like the guard's least
# likeness, on films of another hospital and on photographs; neither is fitted to.
_LOSS, _FREE = 12.0, 0.9


@dataclass(frozen=True, slots=True, eq=False)
class Familiar:
    """What chest films look like, in the terms of `descriptor.describe`; see `guard_fit`.

    A descriptor is standardised by ``mean`` and ``scale`` (LENGTH,). ``inner`` (LENGTH, units),
    ``inner_bias`` (units,), ``outer`` (units,) and ``outer_bias`` () are a network with one hidden
    layer that tells films from what was drawn, a logit. ``centre`` (LENGTH,) and ``whitening``
    (LENGTH, LENGTH) give the Mahalanobis distance from the films over the root of LENGTH;
    about 999 of 1000 films that were not fitted lie within ``usual``.
    """

    mean: Floats
    scale: Floats
    inner: Floats
    inner_bias: Floats
    outer: Floats
    outer_bias: Floats
    centre: Floats
    whitening: Floats
    usual: float

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Familiar) and self.to_json() == other.to_json()

    def judge(self, thumbnails: Floats) -> tuple[Floats, Floats]:
        """Likeness (a logit) and distance (in the usual ones) of (n, SIDE, SIDE) greys, (n,) each.

        Both are means over the picture and its mirror image, between which nothing is to be told.
        The network knows only what was drawn for it, and may be sure of a picture that lies where
        it has never been: what lies beyond the usual distance loses likeness.
        """
        both = np.concatenate([thumbnails, thumbnails[:, :, ::-1]])
        standard = (describe(both) - self.mean) / self.scale
        logit = np.tanh(standard @ self.inner + self.inner_bias) @ self.outer + self.outer_bias
        whitened = (standard - self.centre) @ self.whitening
        root = np.sqrt(np.square(whitened).mean(axis=1)) / self.usual
        likeness, distance = (values.reshape(2, -1).mean(axis=0) for values in (logit, root))
        return likeness - _LOSS * np.maximum(distance - _FREE, 0), distance

    def to_json(self) -> dict[str, Any]:
        """Give the arrays as base64 of little-endian float16: 40 kB, where digits were 200 kB."""
        arrays = {name: _pack(getattr(self, name)) for name in _ARRAYS}
        # The whitening is lower triangular.
        triangle = self.whitening[np.tril_indices(LENGTH)]
        return {**arrays, "whitening": _pack(triangle), "usual": self.usual}

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> Familiar:
        """Read what `to_json` gave; raises ``ValueError`` or ``KeyError`` for anything else."""
        unknown = set(written) - {field.name for field in fields(cls)}
        if unknown:
            raise ValueError(f"unknown part of a guard: {', '.join(sorted(unknown))}")
        arrays = {name: _unpack(written[name]) for name in _ARRAYS}
        whitening = np.zeros((LENGTH, LENGTH), dtype=np.float32)
        whitening[np.tril_indices(LENGTH)] = arrays["whitening"]
        units = arrays["outer"].size
        shapes = {"inner": (LENGTH, units), "outer_bias": ()}
        for name, shape in shapes.items():
            arrays[name] = arrays[name].reshape(shape)
        arrays["whitening"] = whitening
        if any(arrays[name].shape != (LENGTH,) for name in ("mean", "scale", "centre")):
            raise ValueError("a guard for another descriptor")
        return cls(**arrays, usual=float(written["usual"]))


def poses_of(thumbnails: Floats) -> Floats:
    """(n, SIDE, SIDE) as they would be if each of the POSES were theirs: (8, n, SIDE, SIDE)."""
    turned = [np.rot90(thumbnails, turns, axes=(1, 2)) for turns in range(4)]
    return np.stack([255 - greys if inverted else greys for greys in turned for inverted in (0, 1)])


def rounded(values: Any) -> Floats:
    """``values`` as they come back out of a bundle."""
    return np.asarray(values, dtype="<f2").astype(np.float32)


def _pack(values: Floats) -> str:
    return base64.b64encode(np.asarray(values, dtype="<f2").tobytes()).decode("ascii")


def _unpack(text: str) -> Floats:
    return np.frombuffer(base64.b64decode(text, validate=True), dtype="<f2").astype(np.float32)


_ARRAYS = tuple(field.name for field in fields(Familiar) if field.name != "usual")
