"""What is known of a patient beside the film: columns of a manifest -> numbers for a model.

A field is a number (age) or one of a few names (view). A missing value becomes the mean of the
films that the field was learned on, with a column of its own that says so where any was missing
there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import numpy as np

MISSING = frozenset({"", "-", ".", "?", "na", "n/a", "nan", "nil", "none", "null", "unknown"})
MOST_CATEGORIES = 20
FEWEST_PATIENTS = 3  # that a category needs to be learned
NUMBERS = 0.9  # share of the values from which a field is taken for a number
RECORDS = 30  # patients from which whole numbers that no two share are taken for record numbers
_LISTED = 6

Value: TypeAlias = str | float | None
Values: TypeAlias = Mapping[str, Value]


class UnusableField(ValueError):
    """A column that cannot be a field; the text is the bare reason."""


class NotANumber(ValueError):
    """A value of a number field that is none; the text is the reason for refusing the film."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A column, and how its values become numbers.

    A number has no ``categories``; it is cut to ``low`` and ``high``, the range that was learned
    on, less ``centre`` over ``scale``. Categories (matched without regard to case) have a column
    each, 1 or 0 less their share in ``centre``. ``may_miss`` adds a column that is 1 where the
    value is missing.
    """

    name: str
    categories: tuple[str, ...] = ()
    centre: tuple[float, ...]
    scale: float = 1.0
    low: float = 0.0
    high: float = 0.0
    may_miss: bool = False

    def __post_init__(self) -> None:
        numbers = (*self.centre, self.scale, self.low, self.high)
        if len(self.centre) != max(len(self.categories), 1) or not all(map(math.isfinite, numbers)):
            raise ValueError(f"The field {self.name} does not hold together.")
        if not self.scale > 0:
            raise ValueError(f"The field {self.name} has no spread.")

    @property
    def kind(self) -> str:
        """``number`` or ``category``."""
        return "category" if self.categories else "number"

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that :meth:`encode` gives."""
        named = [f"{self.name}={each}" for each in self.categories] or [self.name]
        return (*named, *([f"{self.name} missing"] if self.may_miss else []))

    def encode(self, value: Value) -> tuple[list[float], str | None]:
        """Numbers for ``value``, one for each of ``columns``, and a note on what was made of it.

        Raises ``NotANumber`` for a text in a number field, with the reason.
        """
        text = "" if value is None else str(value).strip()
        if is_missing(text):
            return self._missing(), None
        if self.categories:
            known = [each.casefold() for each in self.categories]
            if text.casefold() not in known:
                names = ", ".join(self.categories[:_LISTED])
                return self._missing(), f"{self.name} {text!r} is none of {names}: taken as missing"
            at = known.index(text.casefold())
            held = [float(at == place) - share for place, share in enumerate(self.centre)]
            return held + [0.0] * self.may_miss, None
        number = as_number(text)
        if number is None:
            raise NotANumber(f"{self.name} {text!r} is not a number")
        cut = min(max(number, self.low), self.high)
        note = None
        if cut != number:
            note = f"{self.name} {number:g} lies beyond {self.low:g} to {self.high:g}: taken as "
            note += f"{cut:g}"
        return [(cut - self.centre[0]) / self.scale] + [0.0] * self.may_miss, note

    def _missing(self) -> list[float]:
        return [0.0] * len(self.centre) + [1.0] * self.may_miss

    def to_json(self) -> dict[str, Any]:
        """Plain values for :meth:`from_json`."""
        told = asdict(self)
        return told | {"categories": list(self.categories), "centre": list(self.centre)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Field:
        """Undo :meth:`to_json`; ``ValueError``, ``KeyError`` or ``TypeError`` where it cannot."""
        told = dict(value)
        told["categories"] = tuple(map(str, told["categories"]))
        told["centre"] = tuple(map(float, told["centre"]))
        told |= {name: float(told[name]) for name in ("scale", "low", "high")}
        return cls(**told)


def is_missing(text: str) -> bool:
    """Whether ``text`` says that there is no value (see ``MISSING``)."""
    return text.strip().casefold() in MISSING


def as_number(text: str) -> float | None:
    """``text`` as a finite number, or None: a comma, a unit, an infinity is no number."""
    try:
        number = float(text) if "_" not in text else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def learn_field(
    name: str, values: Sequence[str], patients: Sequence[str], *, category: bool = False
) -> Field:
    """How the column ``name`` is read: of its ``values`` (n,) on films of ``patients`` (n,).

    A column is a number if at least ``NUMBERS`` of its values are, unless ``category`` says that
    they are names. Labels are not looked at. Raises ``UnusableField`` for a column that is empty,
    that has one value, too many names, or values that no two patients share.
    """
    known = [(v.strip(), p) for v, p in zip(values, patients, strict=True) if not is_missing(v)]
    if not known:
        raise UnusableField("it is empty on every film")
    may_miss = len(known) < len(values)
    numbers = [(n, p) for v, p in known if (n := as_number(v)) is not None]
    if not category and len(numbers) >= NUMBERS * len(known):
        return _learn_number(name, numbers, may_miss=may_miss)
    return _learn_category(name, known, may_miss=may_miss)


def _learn_number(name: str, known: Sequence[tuple[float, str]], *, may_miss: bool) -> Field:
    values = np.array([number for number, _ in known])
    if np.ptp(values) == 0:
        raise UnusableField(f"it is {values[0]:g} on every film that has it")
    whole = bool((values == np.round(values)).all())
    patients = {patient for _, patient in known}
    if whole and len(patients) >= RECORDS and not _shared([(str(n), p) for n, p in known]):
        raise UnusableField(_IDENTIFIER)
    return Field(
        name=name,
        centre=(float(values.mean()),),
        scale=float(values.std()),
        low=float(values.min()),
        high=float(values.max()),
        may_miss=may_miss,
    )


def _learn_category(name: str, known: Sequence[tuple[str, str]], *, may_miss: bool) -> Field:
    holders: dict[str, set[str]] = {}
    spelled: dict[str, str] = {}
    for value, patient in known:
        holders.setdefault(value.casefold(), set()).add(patient)
        spelled.setdefault(value.casefold(), value)
    if len(holders) == 1:
        raise UnusableField(f"it is {known[0][0]!r} on every film that has it")
    if not _shared(known):
        raise UnusableField(_IDENTIFIER)
    kept = sorted(value for value, own in holders.items() if len(own) >= FEWEST_PATIENTS)
    if len(kept) > MOST_CATEGORIES or len(holders) > 5 * MOST_CATEGORIES:
        raise UnusableField(
            f"it has {len(holders):,} different values and at most {MOST_CATEGORIES} are taken; "
            "group them, or leave it out"
        )
    if len(kept) < 2:
        raise UnusableField(
            f"fewer than two of its {len(holders):,} values are those of at least "
            f"{FEWEST_PATIENTS} patients"
        )
    held = [value.casefold() for value, _ in known if value.casefold() in kept]
    return Field(
        name=name,
        categories=tuple(spelled[value] for value in kept),
        centre=tuple(held.count(value) / len(held) for value in kept),
        may_miss=may_miss or len(held) < len(known),
    )


_IDENTIFIER = (
    "no two patients share a value of it, as is so of names and numbers of records: an identifier "
    "tells nothing of new films"
)


def _shared(known: Sequence[tuple[str, str]]) -> bool:
    """Whether any value is that of two patients."""
    first: dict[str, str] = {}
    return any(first.setdefault(value.casefold(), patient) != patient for value, patient in known)
