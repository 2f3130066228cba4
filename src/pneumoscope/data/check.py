"""What is wrong, or worth knowing, about a folder of films before anything is trained on it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pneumoscope.data.catalog import SUBTYPES, Catalog, Film, class_weights, is_held_out
from pneumoscope.data.duplicates import look_alike, perceptual_hash, same_content, thumbnail
from pneumoscope.data.size_probe import SizeProbe, probe_sizes
from pneumoscope.errors import UnreadableFilm
from pneumoscope.files import sha256
from pneumoscope.machine import cores
from pneumoscope.radiograph import Facts, load, read_bytes

Keys = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Count:
    """Films and patients of one split, class and subtype."""

    split: str
    class_name: str
    subtype: str
    films: int
    patients: int


@dataclass(frozen=True, slots=True)
class Report:
    """The findings of `check`; groups and films are named by their keys.

    ``widths`` and ``heights`` (least, median, most) are the files' own, in pixels.
    ``class_weights`` are n / (2 n_class) over the films outside test, None where a class is
    missing. ``beside_own_patient`` is the share of validation films that a random 80:20 split
    would put beside a training film of the same patient, None where patients are unknown.
    ``look_alike`` lists groups that are not merely identical files, ``across_splits`` and
    ``conflicting_labels`` the groups of either kind that are so. ``held_out`` counts the films that
    no training will use, as their patients are those of the embedded sample's test folder.
    """

    root: str
    classes: tuple[str, str]
    films: int
    patients: int
    patients_known: bool
    counts: tuple[Count, ...]
    positive_share: float
    class_weights: tuple[float, float] | None
    beside_own_patient: float | None
    formats: dict[str, int]
    widths: tuple[int, float, int] | None
    heights: tuple[int, float, int] | None
    unreadable: dict[str, str]
    identical: tuple[Keys, ...]
    look_alike: tuple[Keys, ...]
    across_splits: tuple[Keys, ...]
    conflicting_labels: tuple[Keys, ...]
    patients_across_splits: dict[str, Keys]
    size_probe: SizeProbe
    held_out: int
    skipped: Keys

    @property
    def problems(self) -> tuple[str, ...]:
        """One sentence for each thing that should be mended; ``--strict`` fails on any."""
        counted = {
            "Films that cannot be read": self.unreadable,
            "Groups of the same picture in more than one split": self.across_splits,
            "Groups of the same picture with different labels": self.conflicting_labels,
            "Patients in more than one split": self.patients_across_splits,
        }
        found = [f"{what}: {len(items):,}." for what, items in counted.items() if items]
        return (*found, *(() if self.class_weights else ("Only one class has films.",)))

    def to_json(self) -> dict[str, Any]:
        """Return plain data, without NaN: the fields by their names, and ``problems``."""
        return asdict(self) | {
            "class_weights": dict(zip(self.classes, self.class_weights, strict=True))
            if self.class_weights
            else None,
            "size_probe": self.size_probe.to_json(),
            "problems": self.problems,
        }


@dataclass(frozen=True, slots=True)
class _Look:
    """What one film showed when it was read; ``facts`` is None if it could not be."""

    digest: str = ""
    facts: Facts | None = None
    hash: str = ""
    small: npt.NDArray[np.uint8] | None = None
    reason: str = ""


def check(catalog: Catalog, *, workers: int | None = None, progress: bool = False) -> Report:
    """Read every film once, on all cores, and report what stands in `Report`.

    ``progress`` shows a bar on standard error where that is a terminal.
    """
    films = catalog.films
    looks = _look_at_all(films, workers=workers, progress=progress)
    read = [(film, look) for film, look in zip(films, looks, strict=True) if look.facts]
    facts = [look.facts for _, look in read if look.facts]
    identical, alike = _same_pictures(read)
    by_key = {film.key: film for film in films}
    whole = (
        *alike,
        *(group for group in identical if not any(set(group) <= set(a) for a in alike)),
    )
    groups = [[by_key[key] for key in group] for group in whole]
    pool = [film for film in films if film.split != "test"] or list(films)
    per_class = Counter(film.label for film in pool)
    return Report(
        root=str(catalog.root),
        classes=catalog.classes,
        films=len(films),
        patients=len(set(catalog.patients)),
        patients_known=catalog.patients_known,
        counts=_counts(catalog),
        positive_share=per_class[1] / len(pool),
        class_weights=class_weights([film.label for film in pool]) if len(per_class) == 2 else None,
        beside_own_patient=_beside_own_patient(pool) if catalog.patients_known else None,
        formats=dict(Counter(_format(fact) for fact in facts).most_common()),
        widths=_range([fact.width for fact in facts]),
        heights=_range([fact.height for fact in facts]),
        unreadable={
            film.key: look.reason
            for film, look in zip(films, looks, strict=True)
            if look.facts is None
        },
        identical=identical,
        look_alike=alike,
        across_splits=_keys(group for group in groups if len(_splits(group)) > 1),
        conflicting_labels=_keys(g for g in groups if len({film.label for film in g}) > 1),
        patients_across_splits=_patients_across_splits(films),
        size_probe=probe_sizes(
            films, {film.key: (f.width, f.height) for (film, _), f in zip(read, facts, strict=True)}
        ),
        held_out=sum(film.split != "test" and is_held_out(film) for film in films),
        skipped=catalog.skipped,
    )


def _look_at_all(films: Sequence[Film], *, workers: int | None, progress: bool) -> list[_Look]:
    from tqdm import tqdm

    # Decoding leaves Python's lock, so threads fill the cores without copying pixels about.
    with ThreadPoolExecutor(workers or cores()) as pool:
        looks = pool.map(_look_at, films)
        hidden = None if progress else True  # None hides it where no terminal would show it
        return list(tqdm(looks, total=len(films), desc="reading", unit=" film", disable=hidden))


def _look_at(film: Film) -> _Look:
    try:
        data = read_bytes(film.path)
        radiograph = load(data, at_least=128)
    except UnreadableFilm as error:
        return _Look(reason=str(error))
    small = thumbnail(radiograph.pixels)
    return _Look(sha256(data), radiograph.facts, perceptual_hash(small), small)


def _same_pictures(
    read: Sequence[tuple[Film, _Look]],
) -> tuple[tuple[Keys, ...], tuple[Keys, ...]]:
    """Groups of identical files, and groups that look alike with their identical files."""
    keys = [film.key for film, _ in read]
    members = {group[0]: group for group in same_content(look.digest for _, look in read)}
    repeated = {index for group in members.values() for index in group[1:]}
    # One file stands for its copies, or a thousand copies would give half a million pairs.
    first = [index for index in range(len(read)) if index not in repeated]
    looks = [read[index][1] for index in first]
    groups = look_alike(
        [look.hash for look in looks], [look.small for look in looks if look.small is not None]
    )
    alike = [
        sorted(member for i in group for member in members.get(first[i], [first[i]]))
        for group in groups
    ]
    return (
        tuple(tuple(keys[index] for index in group) for group in members.values()),
        tuple(tuple(keys[index] for index in group) for group in alike),
    )


def _counts(catalog: Catalog) -> tuple[Count, ...]:
    groups: dict[tuple[str, int, str], list[str]] = defaultdict(list)
    for film in catalog.films:
        groups[film.split, film.label, film.subtype].append(film.patient)
    order = ("train", "val", "test", "")
    return tuple(
        Count(split, catalog.classes[label], subtype, len(patients), len(set(patients)))
        for (split, label, subtype), patients in sorted(
            groups.items(), key=lambda g: (order.index(g[0][0]), g[0][1], SUBTYPES.index(g[0][2]))
        )
    )


def _beside_own_patient(films: Sequence[Film]) -> float:
    """Chance that at least one of a film's siblings is among the 80 % that train, on average."""
    siblings = Counter(film.patient for film in films)
    return float(np.mean([1 - 0.2 ** (siblings[film.patient] - 1) for film in films]))


def _patients_across_splits(films: Iterable[Film]) -> dict[str, Keys]:
    by_patient: dict[str, list[Film]] = defaultdict(list)
    for film in films:
        by_patient[film.patient].append(film)
    return {
        patient: tuple(film.key for film in own)
        for patient, own in by_patient.items()
        if len(_splits(own)) > 1
    }


def _splits(films: Iterable[Film]) -> set[str]:
    return {film.split for film in films} - {""}


def _keys(groups: Iterable[Sequence[Film]]) -> tuple[Keys, ...]:
    return tuple(tuple(film.key for film in group) for group in groups)


def _format(facts: Facts) -> str:
    colour = ", colour" if facts.colour else ""
    return f"{facts.format.upper()}, {facts.bits} bit{colour}"


def _range(values: Sequence[int]) -> tuple[int, float, int] | None:
    return (min(values), float(np.median(values)), max(values)) if values else None
