"""One table of films (path, label, subtype, patient, split) from a folder or a CSV manifest."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pneumoscope.data.layout import Entry, find_films, read_tree
from pneumoscope.data.manifest import Sizes, read_manifest
from pneumoscope.errors import PneumoscopeError, UsageError

__all__ = [
    "SUBTYPES",
    "Catalog",
    "Film",
    "class_key",
    "class_weights",
    "find_films",
    "has_patients",
    "held_out_patients",
    "is_held_out",
    "kaggle_patient",
    "make_catalog",
    "make_film",
    "open_catalog",
]

SUBTYPES = ("normal", "bacterial", "viral", "")

_NEGATIVE = frozenset(
    {"normal", "negative", "healthy", "no finding", "none", "control", "0", "false", "no"}
)
_POSITIVE = frozenset({"pneumonia", "positive", "abnormal", "1", "true", "yes"})
_SUBTYPE = {"normal": "normal", "bacteria": "bacterial", "bacterial": "bacterial"} | dict.fromkeys(
    ("virus", "viral"), "viral"
)

# Kaggle's names: person1_bacteria_2 and person1_virus_2 count two series of patients, as do
# IM-0115-0001 (or IM-0115-0001-0002) and NORMAL2-IM-0115-0001. The Mendeley release says
# "(disease)-(randomized patient ID)-(image number by this patient)".
_KAGGLE = (
    re.compile(r"(?P<patient>person\d+_(?P<subtype>bacteria|virus))_\d+(_\d+)*"),
    re.compile(r"(?P<patient>(NORMAL2-)?IM-\d+)(-\d+){1,2}"),
    re.compile(r"(?P<patient>(?P<subtype>BACTERIA|VIRUS|NORMAL)-\d+)-\d+"),
)
# OsiriX and others write IM-0001-0001.dcm for the first image of anybody's first series.
_PICTURES = frozenset({".jpeg", ".jpg", ".png"})


@dataclass(frozen=True, slots=True)
class Film:
    """One film. ``width`` and ``height`` are the original's, in pixels, where known."""

    path: Path
    key: str
    label: int
    subtype: str
    patient: str
    split: str = ""
    width: int | None = None
    height: int | None = None
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Catalog:
    """A table of films in the order of their keys.

    ``classes`` are the names of label 0 and label 1. ``patients_known`` is False when any film had
    to be taken for a patient of its own. ``fixed_split`` says that a manifest states which films
    train and which validate. ``skipped`` are files and folders beside the films, left alone.
    """

    root: Path
    films: tuple[Film, ...]
    classes: tuple[str, str]
    patients_known: bool
    fixed_split: bool = False
    skipped: tuple[str, ...] = ()

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """Labels (n,): 1 is ``classes[1]``."""
        return np.array([film.label for film in self.films], dtype=np.int64)

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys (n,): paths from ``root`` with forward slashes."""
        return tuple(film.key for film in self.films)

    @property
    def patients(self) -> tuple[str, ...]:
        """Patient of each film (n,)."""
        return tuple(film.patient for film in self.films)

    def select(self, splits: Iterable[str]) -> Catalog:
        """Return the catalog of the films whose split is one of ``splits`` ('' is no split)."""
        wanted = {splits} if isinstance(splits, str) else set(splits)
        return self.keep(film for film in self.films if film.split in wanted)

    def pick(self, keys: Iterable[str]) -> Catalog:
        """Return the catalog of the films with these keys, in their order; KeyError if absent."""
        by_key = {film.key: film for film in self.films}
        return self.keep(by_key[key] for key in keys)

    def keep(self, films: Iterable[Film]) -> Catalog:
        """Return this catalog with these films alone."""
        return dataclasses.replace(self, films=tuple(films))


def open_catalog(
    where: Path | str, *, sizes: Path | str | None = None, positive: str | None = None
) -> Catalog:
    """Open a folder of films or a CSV manifest.

    A folder is Kaggle's layout (``train|val|test/NORMAL|PNEUMONIA/``) or any tree with one folder
    per class. The negative class is known by its name (NORMAL, NEGATIVE, HEALTHY, NO FINDING, 0,
    ...) or as the one that is not ``positive``. ``sizes`` is a CSV of original sizes, for films
    that were resized since. One class alone is accepted where both can be named, as a folder of
    test films may hold nothing else. Raises ``UsageError`` and ``PneumoscopeError``.
    """
    where = Path(where)
    skipped: tuple[str, ...] = ()
    if where.is_file():
        if where.suffix.casefold() != ".csv":
            raise UsageError(f"{where} is neither a folder nor a CSV manifest.")
        root, entries = where.parent, read_manifest(where)
    else:
        tree = read_tree(where)
        root, entries, skipped = tree.root, tree.entries, tree.skipped
    return make_catalog(
        *(root, entries),
        positive=positive,
        sizes=Sizes(Path(sizes)) if sizes is not None else None,
        manifest=where.is_file(),
        skipped=skipped,
    )


def make_catalog(
    root: Path,
    entries: Sequence[Entry],
    *,
    positive: str | None = None,
    sizes: Sizes | None = None,
    manifest: bool = False,
    skipped: tuple[str, ...] = (),
) -> Catalog:
    """The catalog of ``entries``, which lie below ``root`` or are listed in a ``manifest`` there.

    Raises ``UsageError`` where their class names are not a negative and a positive one.
    """
    names = [class_key(entry.class_name) for entry in entries]
    classes = _name_classes({class_key(e.class_name): e.class_name for e in entries}, positive)
    positive_key = class_key(classes[1])
    if set(names) <= {"0", "1"} and positive is None:
        classes = ("NORMAL", "PNEUMONIA")  # a reading that says "1" would tell nobody anything
    films = sorted(
        (
            make_film(entry, root, label=int(name == positive_key), sizes=sizes)
            for entry, name in zip(entries, names, strict=True)
        ),
        key=lambda film: film.key,
    )
    if sizes is not None and not any(film.width for film in films):
        raise UsageError(f"No line of {sizes.path} matches a film in {root}.")
    fixed = manifest and {"train", "val"} <= {film.split for film in films}
    return Catalog(root, tuple(films), classes, has_patients(entries), fixed, skipped)


def has_patients(entries: Iterable[Entry]) -> bool:
    """Whether the patient of every film is stated, or in its name."""
    return all(e.patient or kaggle_patient(e.path) for e in entries)


def class_weights(labels: npt.ArrayLike) -> tuple[float, float]:
    """Weights of class 0 and class 1 that make both count equally: n / (2 n_class), the notebook's.

    ``labels`` are (n,) of 0 and 1; raises ``PneumoscopeError`` where one of them is missing.
    """
    negative, positive = np.bincount(np.asarray(labels, dtype=np.int64), minlength=2).tolist()
    if not negative or not positive:
        raise PneumoscopeError("The films are all of one class.")
    films = negative + positive
    return films / (2 * negative), films / (2 * positive)


def kaggle_patient(path: Path) -> str | None:
    """Patient in the name of a film of the Kermany set, or None when the name is another's.

    >>> kaggle_patient(Path("NORMAL2-IM-1427-0001.jpeg"))
    'NORMAL2-IM-1427'
    """
    match = _kaggle_name(path)
    return match["patient"] if match else None


@cache
def held_out_patients() -> frozenset[str]:
    """Patients of the embedded sample's test folder, whom no recipe may train on."""
    text = resources.files("pneumoscope.data").joinpath("held_out_patients.txt").read_text("utf-8")
    return frozenset(line for line in text.splitlines() if line and not line.startswith("#"))


def is_held_out(film: Film) -> bool:
    """Whether the patient is held out, by the catalog's word or by the film's own name.

    The name counts because a manifest may give Kaggle's patients other names.
    """
    return bool({film.patient, kaggle_patient(film.path)} & held_out_patients())


def _kaggle_name(path: Path) -> re.Match[str] | None:
    if path.suffix.casefold() not in _PICTURES:
        return None
    return next((match for name in _KAGGLE if (match := name.fullmatch(path.stem))), None)


def make_film(entry: Entry, root: Path, *, label: int, sizes: Sizes | None = None) -> Film:
    """One film of a catalog; what neither the entry nor its file's name tells is left open."""
    key = Path(os.path.relpath(entry.path, root)).as_posix()
    match = _kaggle_name(entry.path)
    patient = entry.patient or (match["patient"] if match else key)
    named = match.groupdict().get("subtype") if match else None
    subtype = _SUBTYPE.get((entry.subtype or named or "").casefold(), "") if label else "normal"
    if label and subtype == "normal":
        subtype = ""
    width, height = entry.width, entry.height
    if sizes is not None and (size := sizes.of(entry.path)):
        width, height = size
    if width is None or height is None:
        width = height = None
    return Film(entry.path, key, label, subtype, patient, entry.split, width, height, entry.fields)


def class_key(name: str) -> str:
    """A class by its name, however that is written."""
    key = re.sub(r"[\s_-]+", " ", name.strip()).casefold()
    return {"0.0": "0", "1.0": "1"}.get(key, key)


def _name_classes(names: Mapping[str, str], positive: str | None) -> tuple[str, str]:
    """Order the class names as (negative, positive); ``names`` maps a key to its spelling."""
    listed = ", ".join(sorted(names.values()))
    if len(names) > 2:
        raise UsageError(f"Exactly two classes are needed, and {len(names)} were found: {listed}.")
    if positive is not None:
        wanted = class_key(positive)
        others = [name for key, name in names.items() if key != wanted]
        if len(others) == 2:
            raise UsageError(f"The positive class {positive!r} is not one of {listed}.")
        return (others[0] if others else "NORMAL"), names.get(wanted, positive)
    negative = [key for key in names if key in _NEGATIVE]
    if len(names) == 2 and len(negative) == 1:
        (other,) = names.keys() - set(negative)
        return names[negative[0]], names[other]
    if len(names) == 1 and negative:
        return names[negative[0]], "PNEUMONIA"
    if len(names) == 1 and names.keys() <= _POSITIVE:
        return "NORMAL", listed
    raise UsageError(f"Which class is the positive one: {listed}? Name it with --positive.")
