"""The film's logit and the fields beside it -> one logit: what a bundle that takes both holds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from pneumoscope.data.fields import Field, Values, is_missing
from pneumoscope.metrics.calibration import Calibration, OperatingPoints

Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Weights:
    """``intercept + film * logit + fields @ columns``: a logit."""

    intercept: float
    film: float
    fields: tuple[float, ...]

    def __post_init__(self) -> None:
        if not all(map(math.isfinite, (self.intercept, self.film, *self.fields))):
            raise ValueError("Weights must be finite numbers.")

    def logit(self, film: npt.ArrayLike, columns: Floats) -> Floats:
        """Logits (n,) of the films' own (n,) and ``columns`` (n, c)."""
        own = self.film * np.asarray(film, dtype=np.float64)
        return np.asarray(self.intercept + own + columns @ np.asarray(self.fields))

    def to_json(self) -> dict[str, Any]:
        """Plain values for :meth:`from_json`."""
        return {"intercept": self.intercept, "film": self.film, "fields": list(self.fields)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Weights:
        """Undo :meth:`to_json`."""
        fields = tuple(map(float, value["fields"]))
        return cls(float(value["intercept"]), float(value["film"]), fields)


@dataclass(frozen=True, slots=True)
class Scored:
    """Weights with the calibration and operating points of their logit."""

    weights: Weights
    calibration: Calibration
    operating_points: OperatingPoints

    def to_json(self) -> dict[str, Any]:
        """Plain values for :meth:`from_json`."""
        return {
            "weights": self.weights.to_json(),
            "calibration": self.calibration.to_json(),
            "operating_points": self.operating_points.to_json(),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Scored:
        """Undo :meth:`to_json`."""
        return cls(
            Weights.from_json(value["weights"]),
            Calibration.from_json(value["calibration"]),
            OperatingPoints.from_json(value["operating_points"]),
        )


@dataclass(frozen=True, slots=True)
class Fusion:
    """Fields, and how they and the film make a logit.

    ``both`` are the weights of a reading, whose calibration and operating points are the bundle's.
    ``film_alone`` and ``fields_alone`` are fitted on the same films, so that the three can be
    compared; the film's own logit is not changed.
    """

    fields: tuple[Field, ...]
    both: Weights
    film_alone: Scored
    fields_alone: Scored

    def __post_init__(self) -> None:
        columns = sum(len(field.columns) for field in self.fields)
        for weights in (self.both, self.film_alone.weights, self.fields_alone.weights):
            if len(weights.fields) != columns:
                raise ValueError("There must be one weight for each column of the fields.")

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the fields."""
        return tuple(field.name for field in self.fields)

    def encode(self, values: Values) -> tuple[Floats, tuple[str, ...]]:
        """Columns (c,) of the values of one film, by name of field, and notes on them.

        Raises ``NotANumber`` (see :meth:`Field.encode`).
        """
        return encode(self.fields, values)

    def to_json(self) -> dict[str, Any]:
        """Plain values for :meth:`from_json`."""
        return {
            "fields": [field.to_json() for field in self.fields],
            "both": self.both.to_json(),
            "film_alone": self.film_alone.to_json(),
            "fields_alone": self.fields_alone.to_json(),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Fusion:
        """Undo :meth:`to_json`; ``ValueError``, ``KeyError`` or ``TypeError`` where it cannot."""
        return cls(
            tuple(Field.from_json(field) for field in value["fields"]),
            Weights.from_json(value["both"]),
            Scored.from_json(value["film_alone"]),
            Scored.from_json(value["fields_alone"]),
        )


def encode(fields: tuple[Field, ...], values: Values) -> tuple[Floats, tuple[str, ...]]:
    """Columns (c,) of all ``fields`` for one film, and notes on what is missing or was mended.

    Names of ``values`` are looked up without regard to case, as a manifest's columns are. Raises
    ``NotANumber``.
    """
    by_name = {str(name).strip().casefold(): value for name, value in values.items()}
    columns: list[float] = []
    absent, notes = [], []
    for field in fields:
        value = by_name.get(field.name.casefold())
        numbers, note = field.encode(value)
        columns += numbers
        if note is not None:
            notes.append(note)
        elif value is None or is_missing(str(value)):
            absent.append(field.name)
    if absent:
        notes.insert(0, f"taken as missing: {', '.join(absent)}")
    return np.array(columns, dtype=np.float64), tuple(notes)
