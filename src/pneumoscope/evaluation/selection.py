"""Which films are evaluated, what the bundle has seen of them, and the record of an opened test."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pneumoscope import files, radiograph
from pneumoscope.data.catalog import Catalog
from pneumoscope.errors import PneumoscopeError, UnreadableFilm, UsageError
from pneumoscope.inference.bundle import Bundle, hash_patient
from pneumoscope.machine import cores

SPLITS = ("test", "val")
OPENINGS = "test-openings.jsonl"


@dataclass(frozen=True, slots=True)
class Selection:
    """The films to evaluate, with the SHA-256 of each ('' where a file cannot be opened).

    ``trained_on``, ``validated_on`` and ``patient_trained_on`` are keys of films that the bundle
    lists as training, as validation, and films of a patient whom it lists in training.
    ``fused_on`` are films that fitted its fusion, and others of their patients.
    """

    split: str
    catalog: Catalog
    sha256: tuple[str, ...]
    trained_on: tuple[str, ...]
    validated_on: tuple[str, ...]
    patient_trained_on: tuple[str, ...]
    notes: tuple[str, ...]
    fused_on: tuple[str, ...] = ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What makes the figures better than they are, one sentence each."""
        total = f"of the {len(self.catalog.films):,} films"
        found = []
        if self.trained_on:
            found.append(
                f"{len(self.trained_on):,} {total} were trained on: the figures say nothing about "
                "new films."
            )
        others = set(self.patient_trained_on) - set(self.trained_on)
        if others:
            found.append(
                f"{len(others):,} {total} are of patients trained on, though not listed themselves."
            )
        if self.validated_on and self.split != "val":
            found.append(
                f"{len(self.validated_on):,} {total} are validation films of this bundle: its "
                "epoch, calibration and thresholds were chosen on them."
            )
        if self.fused_on:
            found.append(
                f"{len(self.fused_on):,} {total} fitted this bundle's fusion, or are of a patient "
                "who did: the figures of the fields, and of both, are better than they are."
            )
        return tuple(found)

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the films' own, in any order: the same films have the same fingerprint."""
        return hashlib.sha256("\n".join(sorted(self.sha256)).encode()).hexdigest()


def select_films(
    catalog: Catalog,
    bundle: Bundle,
    split: str,
    *,
    threads: int | None = None,
    progress: bool = True,
) -> Selection:
    """Choose the films of ``split`` and look them up among those that the bundle has seen.

    'test' is the catalog's test split, or all films where none has a split; 'val' is the films
    whose content the bundle lists as validation. Raises ``UsageError`` for another split or none
    of its films, and ``PneumoscopeError`` where the bundle does not know its validation films.
    """
    if split not in SPLITS:
        raise UsageError(f"The split is test or val, not {split}.")
    notes: list[str] = []
    if split == "test":
        catalog = _test_films(catalog, notes)
    validation = {film.sha256 for film in bundle.films if film.split == "val"}
    if split == "val" and not validation:
        raise PneumoscopeError("The bundle lists no validation films, so --split val has no films.")
    digests = _digests([film.path for film in catalog.films], threads=threads, progress=progress)
    if split == "val":
        inside = [digest in validation for digest in digests]
        found = {digest for digest in digests if digest in validation}
        name = data_name(catalog)
        catalog = catalog.keep(f for f, is_in in zip(catalog.films, inside, strict=True) if is_in)
        digests = tuple(d for d, is_in in zip(digests, inside, strict=True) if is_in)
        if not catalog.films:
            raise UsageError(
                f"None of the bundle's {len(validation):,} validation films is in {name}."
            )
        if len(found) < len(validation):
            notes.append(
                f"{len(found):,} of the bundle's {len(validation):,} validation films were found."
            )
        notes.append("Epoch, calibration and thresholds were chosen on these films.")
    return _look_up(catalog, digests, bundle, split, notes)


def select_unseen(
    catalog: Catalog,
    bundle: Bundle,
    *,
    split: str | None = None,
    threads: int | None = None,
    progress: bool = True,
) -> Selection:
    """Choose films that the bundle has not trained on; ``trained_on`` lists those left out.

    ``split`` is that of :func:`select_films`; None is all films but those of a test split, which
    nobody opens by the way. Films of patients who were trained on stay: a split by films would have
    no others. Raises as :func:`select_films` does, and ``UsageError`` where no film is left.
    """
    name = data_name(catalog)
    if split is not None:
        found = select_films(catalog, bundle, split, threads=threads, progress=progress)
    else:
        kept = catalog.keep(film for film in catalog.films if film.split != "test")
        if not kept.films:
            raise UsageError(f"{name} has test films alone; --split test opens them.")
        closed = len(catalog.films) - len(kept.films)
        text = f"{closed:,} test films were left alone; --split test opens them."
        paths = [film.path for film in kept.films]
        digests = _digests(paths, threads=threads, progress=progress)
        found = _look_up(kept, digests, bundle, "unseen", [text] if closed else [])
    trained = set(found.trained_on)
    pairs = list(zip(found.catalog.films, found.sha256, strict=True))
    rest = [(film, digest) for film, digest in pairs if film.key not in trained]
    if not rest:
        raise UsageError(f"The bundle has trained on all {len(pairs):,} films of {name}.")
    kept = found.catalog.keep(film for film, _ in rest)
    keys = set(kept.keys)
    chosen_on = tuple(key for key in found.validated_on if key in keys)
    text = (
        f"{len(chosen_on):,} films are validation films of this bundle: its epoch, calibration and "
        "thresholds were chosen on them."
    )
    return dataclasses.replace(
        found,
        catalog=kept,
        sha256=tuple(digest for _, digest in rest),
        validated_on=chosen_on,
        patient_trained_on=tuple(key for key in found.patient_trained_on if key in keys),
        fused_on=tuple(key for key in found.fused_on if key in keys),
        notes=(*found.notes, *([text] if chosen_on and split != "val" else [])),
    )


def data_name(catalog: Catalog) -> str:
    """The name of the catalog's folder, without the path to it."""
    return catalog.root.resolve().name


def run_folder(bundle: Bundle) -> Path | None:
    """The run folder in which the bundle lies, if it lies in one."""
    if bundle.path is not None and (bundle.path.parent / "run.json").is_file():
        return bundle.path.parent
    return None


def record_opening(folder: Path, entry: dict[str, Any]) -> Path:
    """Append ``entry`` as one line to the record of openings in a run folder; return its path."""
    path = folder / OPENINGS
    line = json.dumps(entry, allow_nan=False, ensure_ascii=False) + "\n"
    try:
        with path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise PneumoscopeError(
            f"The opening of the test split cannot be recorded in {path} ({error.strerror}); "
            "make the run folder writable."
        ) from error
    return path


def _look_up(
    catalog: Catalog, digests: tuple[str, ...], bundle: Bundle, split: str, notes: Sequence[str]
) -> Selection:
    """Films of which the digests are known, among those that the bundle lists."""
    seen = {
        name: frozenset(film.sha256 for film in bundle.films if film.split == name)
        for name in ("train", "val", "fused")
    }
    patients, fused = (
        {film.patient for film in bundle.films if film.split == name} for name in ("train", "fused")
    )
    fused_on = {
        *_listed(catalog, digests, seen["fused"]),
        *_of_patients(catalog, fused, bundle.salt),
    }
    return Selection(
        split,
        catalog,
        digests,
        _listed(catalog, digests, seen["train"]),
        _listed(catalog, digests, seen["val"]),
        _of_patients(catalog, patients, bundle.salt),
        (*notes, *_caveats(catalog, bundle)),
        tuple(key for key in catalog.keys if key in fused_on),
    )


def _test_films(catalog: Catalog, notes: list[str]) -> Catalog:
    chosen = catalog.select(["test"])
    if chosen.films:
        return chosen
    splits = sorted({film.split for film in catalog.films})
    if splits == [""]:
        notes.append("The folder has no splits, so all of its films are taken for test films.")
        return catalog
    named = ", ".join(split or "none" for split in splits)
    raise UsageError(f"{data_name(catalog)} has no test films; its splits: {named}.")


def _caveats(catalog: Catalog, bundle: Bundle) -> Iterator[str]:
    if not catalog.patients_known:
        yield "Patients are not known: each film without one counts as a patient of its own."
    films, calls = catalog.classes, bundle.classes
    if [name.casefold() for name in films] != [name.casefold() for name in calls]:
        yield (
            f"The bundle calls {calls[0]} or {calls[1]}, the films are {films[0]} or {films[1]}: "
            f"{films[1]} is taken for {calls[1]}."
        )


def _digests(paths: Sequence[Path], *, threads: int | None, progress: bool) -> tuple[str, ...]:
    from tqdm import tqdm

    with ThreadPoolExecutor(threads or cores()) as pool:
        bar = tqdm(
            pool.map(_digest, paths),
            total=len(paths),
            desc="fingerprints",
            unit=" film",
            disable=None if progress else True,  # None: hidden where no terminal shows it
            leave=False,
        )
        return tuple(bar)


def _digest(path: Path) -> str:
    try:
        return files.sha256(radiograph.read_bytes(path))
    except UnreadableFilm:
        return ""  # the reader refuses it, with the reason


def _listed(catalog: Catalog, digests: Sequence[str], listed: Collection[str]) -> tuple[str, ...]:
    pairs = zip(catalog.films, digests, strict=True)
    return tuple(film.key for film, digest in pairs if digest in listed)


def _of_patients(catalog: Catalog, patients: Collection[str], salt: str) -> tuple[str, ...]:
    """Keys of films of these salted patients; nothing where a film's key stands for its patient."""
    if not catalog.patients_known or not patients:
        return ()
    return tuple(f.key for f in catalog.films if hash_patient(salt, f.patient) in patients)
