"""Dividing films between training and validation, with patients kept whole."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from pneumoscope.data.catalog import Catalog, Film, is_held_out
from pneumoscope.data.manifest import read_rows
from pneumoscope.errors import PneumoscopeError, UsageError
from pneumoscope.files import write_beside

Stratum = tuple[int, str]
SIDES = ("train", "val", "held_out", "apart")


@dataclass(frozen=True, slots=True)
class Split:
    """Film keys that train, that validate, and that are kept out of both, each sorted.

    ``method`` is 'grouped', 'random', 'shift', 'manifest' (the manifest fixed it) or 'file' (it was
    loaded). ``held_out`` are films of the embedded sample's test patients, which nothing may score;
    ``apart`` are films that neither train nor select, to be scored when the training is over.
    """

    method: str
    seed: int
    train: tuple[str, ...]
    val: tuple[str, ...]
    held_out: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()

    @property
    def sides(self) -> dict[str, str]:
        """Where each film stands: key -> train, val, held_out or apart."""
        return {key: name for name in SIDES for key in getattr(self, name)}

    def save(self, path: Path | str, catalog: Catalog) -> None:
        """Write the split as CSV: ``key,patient,subtype,split``, in the order of keys."""
        films = {film.key: film for film in catalog.films}
        where = self.sides
        with (
            write_beside(path) as beside,
            beside.open("w", encoding="utf-8", newline="") as file,
        ):
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(("key", "patient", "subtype", "split"))
            for key in sorted(where):
                writer.writerow((key, films[key].patient, films[key].subtype, where[key]))

    @classmethod
    def load(cls, path: Path | str, catalog: Catalog) -> Split:
        """Read a split that ``save`` wrote; only the columns ``key`` and ``split`` are needed.

        Films of the embedded sample's test patients are held out whatever the file says. Raises
        ``UsageError`` for a key that the catalog has not, that stands twice or that is a test film.
        """
        path = Path(path)
        films = {film.key: film for film in catalog.films}
        sides: dict[str, str] = {}
        for line, row in read_rows(path, {"key", "split"}):
            key, side = row["key"], row["split"]
            film = films.get(key)
            if film is None:
                raise UsageError(f"{path}, line {line}: there is no film {key} in {catalog.root}.")
            if key in sides:
                raise UsageError(f"{path}, line {line}: the film {key} is listed twice.")
            if side not in SIDES:
                raise UsageError(
                    f"{path}, line {line}: the split {side!r} is not one of {', '.join(SIDES)}."
                )
            if film.split == "test" and side != "held_out":
                raise UsageError(f"{path}, line {line}: {key} is a test film, not for training.")
            sides[key] = side
        split = _hold_out([films[key] for key in sides], sides, method="file", seed=0)
        _require_both_classes(split, films)
        return split


def make_split(
    catalog: Catalog,
    *,
    method: Literal["grouped", "random", "shift"] = "grouped",
    seed: int = 0,
    validation: float = 0.2,
    cache: Path | None = None,
    progress: bool = True,
) -> Split:
    """Pool all films but the test films, and divide them again.

    'grouped' keeps patients whole and takes the share ``validation`` of each subtype as nearly as
    whole patients allow. 'random' shuffles films and keeps ``int((1 - validation) * n)`` to train
    on, as the tutorial notebook does (4,185 and 1,047 on the full set); films of one patient then
    stand on both sides. 'shift' first sets apart the films whose acquisition belies their class
    (see :func:`pneumoscope.data.acquisition.shift_films`; the same ones for every seed) and divides
    the rest as 'grouped' does; ``cache`` is where their decoded pixels are kept, ``progress`` shows
    the decoding. A manifest that states train and val is honoured by the first two. The split is
    drawn over all films; those of the embedded sample's test patients are then held out.

    Raises ``PneumoscopeError`` when a class is missing or has fewer than two patients, and
    ``UsageError`` for an unknown method or share.
    """
    if method not in ("grouped", "random", "shift"):
        raise UsageError(f"There is no split method {method!r}: use grouped, random or shift.")
    if not 0 < validation < 1:
        raise UsageError(f"The validation share must lie between 0 and 1, not {validation}.")
    films = trainable(catalog)
    if method == "shift":
        from pneumoscope.data.acquisition import measure, shift_films

        unlike = shift_films(measure(catalog.keep(films), cache=cache, progress=progress))
        split = set_apart(catalog, unlike, seed=seed, validation=validation)
        return replace(split, method=method)
    if catalog.fixed_split:
        stray = sum(film.split == "" for film in films)
        if stray:
            raise UsageError(
                f"The manifest in {catalog.root} says train or val for some films and nothing "
                f"for {stray}: fill in the column split, or leave it out."
            )
        sides = {film.key: film.split for film in films}
        split = _hold_out(films, sides, method="manifest", seed=seed)
    else:
        sides = _divide(films, catalog, method=method, seed=seed, validation=validation)
        split = _hold_out(films, sides, method=method, seed=seed)
    _require_both_classes(split, {film.key: film for film in films})
    return split


def set_apart(
    catalog: Catalog,
    apart: Collection[str],
    *,
    method: Literal["grouped", "random"] = "grouped",
    seed: int = 0,
    validation: float = 0.2,
) -> Split:
    """Set the films with the keys ``apart`` apart and divide the others between train and val.

    Films that are no test films count alone; a manifest's train and val are not looked at. Raises
    as :func:`make_split` does, for the films that are left.
    """
    films = trainable(catalog)
    rest = [film for film in films if film.key not in apart]
    sides = {film.key: "apart" for film in films}
    sides |= _divide(rest, catalog, method=method, seed=seed, validation=validation)
    split = _hold_out(films, sides, method=method, seed=seed)
    _require_both_classes(split, {film.key: film for film in films})
    return split


def deal_folds(catalog: Catalog, *, folds: int, seed: int = 0) -> tuple[frozenset[str], ...]:
    """Deal all films but the test films into ``folds``: whole patients, each subtype evenly.

    Raises ``PneumoscopeError`` where a class has fewer patients than there are folds.
    """
    films = trainable(catalog)
    _require_enough(films, catalog, grouped=True, least=folds)
    rng = np.random.default_rng(seed)
    dealt: list[frozenset[str]] = []
    for left in range(folds, 1, -1):
        keys = frozenset(film.key for film in take_patients(films, share=1 / left, rng=rng))
        films = [film for film in films if film.key not in keys]
        dealt.append(keys)
    return (*dealt, frozenset(film.key for film in films))


def trainable(catalog: Catalog) -> list[Film]:
    """All films but the test films, in the order of their keys."""
    return sorted((film for film in catalog.films if film.split != "test"), key=lambda f: f.key)


def _divide(
    films: Sequence[Film],
    catalog: Catalog,
    *,
    method: Literal["grouped", "random"],
    seed: int,
    validation: float,
) -> dict[str, str]:
    """Key -> train or val for each of ``films``."""
    _require_enough(films, catalog, grouped=method == "grouped")
    rng = np.random.default_rng(seed)
    if method == "random":
        order = [films[i] for i in rng.permutation(len(films))]
        chosen = order[int((1 - validation) * len(films)) :]
    else:
        chosen = take_patients(films, share=validation, rng=rng)
    keys = {film.key for film in chosen}
    return {film.key: "val" if film.key in keys else "train" for film in films}


def take_patients(films: Sequence[Film], *, share: float, rng: np.random.Generator) -> list[Film]:
    """Draw whole patients until each subtype holds about ``share`` of its films.

    Patients come in random order. First all are taken that fit under the targets of their strata
    (label and subtype), then those that bring the counts nearer in squares although they overshoot.
    As most patients have one film, the counts end within a film of the target on the Kermany set.
    Each class then gets at least one patient on either side, by moving the one with fewest films.
    """
    by_patient: dict[str, list[Film]] = defaultdict(list)
    for film in films:
        by_patient[film.patient].append(film)
    strata = sorted({_stratum(film) for film in films})
    index = {stratum: i for i, stratum in enumerate(strata)}
    counts = {
        patient: np.bincount([index[_stratum(film)] for film in own], minlength=len(strata))
        for patient, own in by_patient.items()
    }
    lacking = share * sum(counts.values(), np.zeros(len(strata)))
    names = sorted(by_patient)
    order = [names[i] for i in rng.permutation(len(names))]
    taken: dict[str, None] = {}
    for may_overshoot in (False, True):
        for patient in order:
            without = lacking - counts[patient]
            fits = (without >= 0)[counts[patient] > 0].all()
            nearer = (without**2).sum() < (lacking**2).sum()
            if patient not in taken and (fits or (may_overshoot and nearer)):
                lacking = without
                taken[patient] = None
    _give_each_side_both_classes(taken, by_patient)
    return [film for patient in taken for film in by_patient[patient]]


def _stratum(film: Film) -> Stratum:
    return film.label, film.subtype


def _give_each_side_both_classes(
    taken: dict[str, None], by_patient: Mapping[str, Sequence[Film]]
) -> None:
    smallest_first = sorted(by_patient, key=lambda patient: (len(by_patient[patient]), patient))
    for label in (0, 1):
        holders = [p for p in smallest_first if any(film.label == label for film in by_patient[p])]
        inside = [patient for patient in holders if patient in taken]
        if not inside:
            taken[holders[0]] = None
        elif len(inside) == len(holders):
            del taken[inside[0]]


def _hold_out(films: Iterable[Film], sides: Mapping[str, str], *, method: str, seed: int) -> Split:
    """Move the films of held-out patients out of ``sides`` (key -> train, val or held_out)."""
    films = list(films)
    banned = {film.patient for film in films if is_held_out(film)}
    groups: dict[str, list[str]] = {name: [] for name in SIDES}
    for film in films:
        groups["held_out" if film.patient in banned else sides[film.key]].append(film.key)
    train, val, held_out, apart = (tuple(sorted(groups[name])) for name in SIDES)
    return Split(method, seed, train, val, held_out, apart)


def _require_enough(
    films: Sequence[Film], catalog: Catalog, *, grouped: bool, least: int = 2
) -> None:
    units = {label: Counter[str]() for label in (0, 1)}
    for film in films:
        units[film.label][film.patient if grouped else film.key] += 1
    for label, name in enumerate(catalog.classes):
        if not units[label]:
            raise PneumoscopeError(
                f"{catalog.root} has no film of the class {name} to train on; both are needed."
            )
        if len(units[label]) < least:
            unit = "patient" if grouped else "film"
            have = f"{len(units[label])} {unit}s" if len(units[label]) > 1 else f"one {unit}"
            raise PneumoscopeError(
                f"The class {name} in {catalog.root} has {have} only: at least {least} are needed "
                "to keep apart what trains and what is scored."
            )


def _require_both_classes(split: Split, films: Mapping[str, Film]) -> None:
    for side, keys in (("training", split.train), ("validation", split.val)):
        if len({films[key].label for key in keys}) < 2:
            kept = len(split.held_out)
            held = f", with {kept} films of the embedded sample's test patients kept out" * bool(
                kept
            )
            raise PneumoscopeError(
                f"The split leaves fewer than two classes in {side} ({len(keys)} films{held}): "
                "more films are needed, or another split."
            )
