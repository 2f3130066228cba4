"""What is given to a reader, and what it says: a film with its fields, a reading, a look."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pneumoscope.data.fields import Values
from pneumoscope.film import Pixels

READ, REFUSED = "read", "refused"
Source = str | Path | bytes
Maps = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Case:
    """A film (path or the bytes of a file) with what else is known of its patient.

    ``fields`` are values by name, texts or numbers, for a bundle that takes both. What is not named
    is missing, and what the bundle does not take is not looked at.
    """

    film: Source
    fields: Values = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reading:
    """What was said of one film, in the order in which tables give it.

    ``status`` is read or refused. A film that was read has its ``probability`` of the positive
    class (0 to 1, calibrated), its ``call`` (a class name, by the operating point's threshold on
    ``logit``, which no prevalence moves) and no ``reason``; a refused one has the reason alone.
    ``notes`` list what was mended on the way. Where pneumonia is called by a bundle that tells its
    kinds apart, ``subtype`` is the kind that it leans to, bacterial or viral, and
    ``subtype_probability`` the calibrated probability (0.5 to 1) of that kind. ``leaning`` is the
    logit of viral against bacterial, and says something of films with pneumonia alone. With a
    bundle that takes fields beside the film, ``probability``, ``call`` and ``logit`` are of both
    together, and ``film_probability`` and ``film_logit`` of the film alone, calibrated on the same
    films; they are None with any other bundle.
    """

    file: str
    status: str
    probability: float | None
    call: str | None
    reason: str | None
    logit: float | None = None
    operating_point: str = ""
    notes: tuple[str, ...] = ()
    subtype: str | None = None
    subtype_probability: float | None = None
    leaning: float | None = None
    film_probability: float | None = None
    film_logit: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """The reading of a film that was read, with what it was made from.

    ``pixels`` (size, size) uint8 is the network's input, ``map`` (h, w) the bundle's own evidence
    in logits, from the same forward pass; None where the bundle has none.
    """

    reading: Reading
    pixels: Pixels
    map: Maps | None
