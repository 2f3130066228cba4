"""Label help: which films to label next, and which labels look wrong.

To label next: films that the reader is unsure of, unlike each other, by the method of the study
``labels`` (:mod:`pneumoscope.evaluation.choose`). Films are compared by 144 greys of the network's
input, so that any bundle will do. Labels to check: those that a calibrated probability contradicts,
out of fold where there are such scores, else by a bundle on films that it has not trained on.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from pneumoscope import files
from pneumoscope.data.catalog import Catalog, Film
from pneumoscope.data.duplicates import perceptual_hash
from pneumoscope.data.pool import open_pool
from pneumoscope.errors import PneumoscopeError, UsageError
from pneumoscope.evaluation.audit_leaks import near_copies
from pneumoscope.evaluation.choose import choose_films, thumbnails
from pneumoscope.evaluation.evaluate import describe_bundle
from pneumoscope.evaluation.score_files import read_out_of_fold
from pneumoscope.evaluation.selection import data_name, select_unseen
from pneumoscope.evaluation.suggest_files import write
from pneumoscope.evaluation.suggestions import (
    OF_BUNDLE,
    OUT_OF_FOLD,
    SUGGESTIONS,
    Counts,
    Doubtful,
    Suggestions,
    Unsure,
)
from pneumoscope.inference.bundle import Bundle, load_bundle
from pneumoscope.inference.reader import Reader, Reading
from pneumoscope.machine import cores
from pneumoscope.metrics.label_errors import doubt_labels


def suggest(
    where: Path | str,
    *,
    n: int = 50,
    bundle: Path | str | Bundle | None = None,
    out_of_fold: Path | str | None = None,
    out: Path | str = "suggestions",
    positive: str | None = None,
    image_prefix: str | None = None,
    copy: bool = False,
    threads: int | None = None,
    progress: bool = True,
) -> Suggestions:
    """List up to ``n`` unlabelled films to label next, and up to ``n`` labels to check.

    ``where`` is what :func:`pneumoscope.data.pool.open_pool` opens; films of a test split are left
    alone. ``bundle`` defaults to the one that ships. ``out_of_fold`` is a folder of ``crossval`` of
    the same films: labels are then held against its scores, and against the bundle's otherwise.
    ``out`` gets two CSV tables, which Label Studio imports as tasks, with a contact sheet each;
    ``image_prefix`` stands before the films' paths in them, ``copy`` writes the suggested films as
    PNG into ``out`` and names those instead. Raises ``UsageError`` and ``PneumoscopeError``, the
    latter too where nothing can be said; a film that cannot be read is listed with its reason.
    """
    if n < 1:
        raise UsageError(f"At least one film must be asked for, not {n}.")
    if not isinstance(bundle, Bundle):
        bundle = load_bundle(bundle)
    reader = Reader(bundle, threads=threads)
    pool = open_pool(where, positive=positive)
    if out_of_fold is not None and pool.labelled is None:
        raise UsageError(f"{where} has no labels to hold against the scores in {out_of_fold}.")
    told = None if out_of_fold is None else read_out_of_fold(Path(out_of_fold))
    files.begin_folder(Path(out), last=SUGGESTIONS, what="Suggestions")

    work = _Work(reader, threads or cores(), progress, list(pool.notes), [])
    unlabelled, labelled = Counts(), Counts()
    to_label: tuple[Unsure, ...] = ()
    to_check: tuple[Doubtful, ...] = ()
    if pool.unlabelled is not None:
        catalog = dataclasses.replace(pool.unlabelled, classes=bundle.classes)
        unlabelled, to_label = _choose(catalog, n, work)
    if pool.labelled is not None:
        scored = _scores(pool.labelled, told, work)
        labelled, to_check = _check(pool.labelled, scored, n, work)
        if told is not None:  # these films have not been opened yet
            readings = reader.read(each.film.path for each in to_check)
            pairs = zip(to_check, readings, strict=True)
            to_check = tuple(each for each, said in pairs if not work.refuse(each.film, said))
    if not unlabelled.read and not labelled.read:
        raise PneumoscopeError(_nothing(work))
    if told is None and to_check:
        work.notes.append(
            "Labels are held against this bundle's readings; scores out of fold (pneumoscope "
            "crossval, then --out-of-fold) are of networks trained on films like these."
        )
    found = Suggestions(
        out=Path(out),
        root=pool.root,
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        data=pool.root.resolve().name,
        bundle=describe_bundle(bundle),
        asked=n,
        scores=OF_BUNDLE if told is None else OUT_OF_FOLD,
        to_label=to_label,
        to_check=to_check,
        unlabelled=unlabelled,
        labelled=labelled,
        refused=tuple(work.refused),
        notes=tuple(work.notes),
        copied=copy,
    )
    write(found, bundle.guard, prefix=image_prefix)
    return found


@dataclass(frozen=True, slots=True)
class _Work:
    """What reads, and what is to be said in the end."""

    reader: Reader
    threads: int
    progress: bool
    notes: list[str]
    refused: list[tuple[str, str]]

    def refuse(self, film: Film, reading: Reading) -> bool:
        """Whether the film was refused; it is then noted with its reason."""
        if reading.reason is not None:
            self.refused.append((film.key, reading.reason))
        return reading.reason is not None


def _choose(catalog: Catalog, n: int, work: _Work) -> tuple[Counts, tuple[Unsure, ...]]:
    """Of the unlabelled films those that the reader is unsure of, unlike each other."""
    looked = _look(catalog, work, "unlabelled")
    if not looked:
        return Counts(len(catalog.films)), ()
    calibration = work.reader.bundle.calibration
    logit = np.array([each.reading.logit for each in looked], dtype=np.float64)
    # The log-odds of the calibrated probability: 0 where it is one half.
    unsure = logit / calibration.temperature + calibration.offset
    if np.ptp(unsure) == 0 and len(looked) > 1:
        work.notes.append("All unlabelled films have the same score: none is less sure.")
    patients = [each.film.patient for each in looked]
    rows = choose_films(unsure, patients, np.stack([each.greys for each in looked]), count=n)
    if len(rows) < n:
        work.notes.append(
            f"{n:,} films to label were asked for, and there are {len(rows):,}, one a patient."
        )
    chosen = tuple(Unsure(looked[row].film, looked[row].probability) for row in rows)
    return Counts(len(catalog.films), len(looked), len(set(patients))), chosen


def _check(
    catalog: Catalog, scored: Sequence[tuple[Film, float]], n: int, work: _Work
) -> tuple[Counts, tuple[Doubtful, ...]]:
    """Of the labels those that the scores contradict."""
    films = [film for film, _ in scored]
    labels = np.array([film.label for film in films], dtype=np.int64)
    probability = np.array([p for _, p in scored], dtype=np.float64)
    if not films:
        return Counts(len(catalog.films)), ()
    if np.ptp(probability) == 0 and len(films) > 1:
        work.notes.append("All labelled films have the same score, which contradicts no label.")
        return Counts(len(catalog.films), len(films)), ()
    if len(set(labels.tolist())) == 1:
        name = catalog.classes[int(labels[0])]
        work.notes.append(f"All labels are {name}: no label is contradicted confidently.")
    doubts = doubt_labels(labels, probability)
    ranking = doubts.ranking
    chosen = tuple(
        Doubtful(
            films[row],
            catalog.classes[films[row].label],
            float(probability[row]),
            float(doubts.self_confidence[row]),
            bool(doubts.confident[row]),
        )
        for row in ranking[:n].tolist()
    )
    confident = int(doubts.confident.sum())
    return Counts(len(catalog.films), len(films), len(ranking), confident), chosen


def _scores(
    catalog: Catalog, told: dict[str, float] | None, work: _Work
) -> list[tuple[Film, float]]:
    """Labelled films with a probability that owes nothing to their own label."""
    if told is None:
        return [(each.film, each.probability) for each in _look(catalog, work, "labelled")]
    found = [(film, told[film.key]) for film in catalog.films if film.key in told]
    if not found:
        raise UsageError(
            f"None of the {len(catalog.films):,} labelled films in {data_name(catalog)} has an "
            "out-of-fold score: these are scores of other films."
        )
    if len(found) < len(catalog.films):
        work.notes.append(
            f"{len(found):,} of {len(catalog.films):,} labelled films have an out-of-fold score; "
            "the others are not looked at."
        )
    return found


def _unseen(catalog: Catalog, work: _Work, which: str) -> tuple[Film, ...]:
    """Without the films of a test split and those that the bundle has trained on."""
    kept = catalog.keep(film for film in catalog.films if film.split != "test")
    closed = len(catalog.films) - len(kept.films)
    if closed:
        work.notes.append(f"{closed:,} {which} test films were left alone.")
    if not kept.films:
        return ()
    try:
        found = select_unseen(
            kept, work.reader.bundle, threads=work.threads, progress=work.progress
        )
    except UsageError as error:  # all were trained on
        work.notes.append(str(error))
        return ()
    if found.trained_on:
        work.notes.append(
            f"{len(found.trained_on):,} {which} films that the bundle has trained on were left out."
        )
    work.notes.extend(note for note in found.notes if note not in work.notes)
    return found.catalog.films


@dataclass(frozen=True, slots=True, eq=False)
class _Looked:
    """A film that was read: its 144 greys, and its perceptual hash as bundles list them."""

    film: Film
    reading: Reading
    greys: npt.NDArray[np.float64]
    hash: str

    @property
    def probability(self) -> float:
        assert self.reading.probability is not None
        return self.reading.probability


def _look(catalog: Catalog, work: _Work, which: str) -> list[_Looked]:
    """The films that the bundle has neither trained on nor seen a near copy of, read."""
    films = _unseen(catalog, work, which)

    def look(film: Film) -> _Looked | Reading:
        seen = work.reader.look(film.path)
        if isinstance(seen, Reading):
            return seen
        greys = thumbnails(seen.pixels[None])[0]
        return _Looked(film, seen.reading, greys, perceptual_hash(seen.pixels))

    found = []
    with ThreadPoolExecutor(work.threads) as pool:
        bar = tqdm(
            pool.map(look, films),
            f"reading {which} films",
            len(films),
            unit=" film",
            disable=None if work.progress else True,  # None: hidden where no terminal shows it
        )
        for film, seen in zip(films, bar, strict=True):
            if isinstance(seen, Reading):
                work.refuse(film, seen)
            else:
                found.append(seen)
    train = [film for film in work.reader.bundle.films if film.split == "train"]
    copies = near_copies([each.hash for each in found], train)
    if copies.any():
        work.notes.append(
            f"{copies.sum():,} {which} films look like films that the bundle has trained on and "
            "were left out."
        )
    return [each for each, is_copy in zip(found, copies, strict=True) if not is_copy]


def _nothing(work: _Work) -> str:
    if work.refused:
        key, reason = work.refused[0]
        return f"Not one of the {len(work.refused):,} films could be read; {key}: {reason}."
    return " ".join(["There is no film to read.", *work.notes])
