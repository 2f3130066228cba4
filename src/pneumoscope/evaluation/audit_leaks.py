"""What a bundle lists of the films that it has seen, against the films of an audit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from pneumoscope.data.catalog import Catalog
from pneumoscope.data.duplicates import MAX_DISTANCE, near_pairs
from pneumoscope.evaluation.audit_films import Looked
from pneumoscope.evaluation.audit_verdict import FAIL, PASS, WARN, Row, not_asked
from pneumoscope.evaluation.figures import Booleans, Estimate, Names
from pneumoscope.evaluation.selection import Selection
from pneumoscope.inference.bundle import Bundle, SeenFilm, hash_patient
from pneumoscope.metrics.intervals import wilson_clustered

_SAME, _ALIKE, _PATIENTS = (
    "films trained on",
    "near copies of training films",
    "patients trained on",
)
_INSIDE = "patients on both sides of the bundle's own split"
_SHOWN = 20


def leak_rows(selection: Selection, looked: Looked, bundle: Bundle) -> Iterator[Row]:
    """Has the bundle trained on these films, on copies of them, or on their patients?

    A leak is a fact about the films at hand: one is enough. Names of at most 20 films are kept.
    """
    train = [film for film in bundle.films if film.split == "train"]
    if not train:
        for name in (_SAME, _ALIKE, _PATIENTS, _INSIDE):
            yield not_asked("leaks", name, "the bundle lists no films that it trained on")
        return
    yield _same(selection)
    keys = [film.key for film in looked.films]
    alike = near_copies(looked.hashes, train)
    yield _found(_ALIKE, alike, looked.patients, keys, f"within {MAX_DISTANCE} of 256 bits")
    yield _patients(selection.catalog, train, bundle.salt)
    yield _inside(train, [film for film in bundle.films if film.split == "val"])


def near_copies(hashes: Sequence[str], train: Sequence[SeenFilm]) -> Booleans:
    """Whether each film looks like one that was trained on, by perceptual hashes.

    A bundle has no thumbnails of its films, so that hashes alone decide here.
    """
    found = np.zeros(len(hashes), dtype=bool)
    listed = [film.perceptual_hash for film in train]
    if len(hashes):
        found[near_pairs(hashes, listed)[:, 0]] = True
    return found


def _same(selection: Selection) -> Row:
    """Films trained on are left out of all else; in an opened test split they are a fault."""
    left_out = len(selection.trained_on)
    rest = len(selection.catalog.films)
    if selection.split != "test" and left_out:
        return not_asked("leaks", _SAME, f"{left_out:,} films trained on were left out")
    hit = np.arange(rest + left_out) < left_out
    return Row(
        probe="leaks",
        name=_SAME,
        verdict=FAIL if left_out else PASS,
        measure="share of the films",
        estimate=Estimate(wilson_clustered(hit, np.arange(hit.size))),
        says=f"{left_out:,} of {hit.size:,}" + ("; they were left out" if left_out else ""),
        details={"films": list(selection.trained_on[:_SHOWN])},
    )


def _patients(catalog: Catalog, train: Sequence[SeenFilm], salt: str) -> Row:
    if not catalog.patients_known:
        return not_asked("leaks", _PATIENTS, "the patients of these films are not known")
    listed = {film.patient for film in train}
    hit = np.array([hash_patient(salt, patient) in listed for patient in catalog.patients])
    return _found(_PATIENTS, hit, np.array(catalog.patients), catalog.keys, "by salted hash")


def _inside(train: Sequence[SeenFilm], val: Sequence[SeenFilm]) -> Row:
    """A bundle chosen on films of patients that it has seen was chosen on figures too good."""
    if not val:
        return not_asked("leaks", _INSIDE, "the bundle lists no validation films")
    listed = {film.patient for film in train}
    hit = np.array([film.patient in listed for film in val])
    patients = np.array([film.patient for film in val])
    return _found(_INSIDE, hit, patients, (), "of the bundle's validation films")


def _found(name: str, hit: Booleans, patients: Names, keys: Sequence[str], says: str) -> Row:
    count = int(hit.sum())
    # Hashes that are near may be of two films: few of them are a question, not an answer.
    doubtful = name == _ALIKE and count <= 0.01 * hit.size
    some = WARN if doubtful else FAIL
    named = [key for key, is_hit in zip(keys, hit, strict=False) if is_hit]
    return Row(
        probe="leaks",
        name=name,
        verdict=some if count else PASS,
        measure="share of the films",
        estimate=Estimate(wilson_clustered(hit, patients)),
        says=f"{count:,} of {hit.size:,}, {says}",
        details={"films": named[:_SHOWN]},
    )
