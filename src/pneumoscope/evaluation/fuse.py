"""Clinical fields beside the film: a manifest -> a bundle that takes both, and what that gains."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pneumoscope import files
from pneumoscope.data.catalog import Catalog, Film, open_catalog
from pneumoscope.data.fields import (
    Field,
    NotANumber,
    UnusableField,
    learn_field,
)
from pneumoscope.errors import PneumoscopeError, UsageError
from pneumoscope.evaluation.fuse_figures import cross_validate
from pneumoscope.evaluation.fuse_model import INNER_FOLDS, PENALTIES, Known, finish
from pneumoscope.evaluation.fuse_record import about_field, about_films
from pneumoscope.evaluation.fuse_words import warnings_of
from pneumoscope.evaluation.selection import Selection, select_unseen
from pneumoscope.inference.bundle import Bundle, SeenFilm, hash_patient, load_bundle, save_bundle
from pneumoscope.inference.fusion import encode
from pneumoscope.inference.reader import READ, Reader, Reading
from pneumoscope.metrics.folds import deal_patients, fewest_patients

FOLDS = 5
FEWEST_FOLDS = 3  # so that two patients of each class are left to choose the penalty on
FUSED = "fused"  # the split of the films that fitted a fusion, in the bundle's list


@dataclass(frozen=True, slots=True, eq=False)
class Fused:
    """A bundle that takes both, and its ``record``: cross-validated figures, as plain data.

    ``bundle`` has no path unless it was written.
    """

    bundle: Bundle
    record: dict[str, Any]


def fuse(
    where: Path | str | Catalog,
    *,
    bundle: Path | str | Bundle | None = None,
    out: Path | str | None = None,
    fields: Sequence[str] = (),
    categories: Sequence[str] = (),
    folds: int = FOLDS,
    positive: str | None = None,
    resamples: int = 2000,
    seed: int = 0,
    threads: int | None = None,
    progress: bool = True,
) -> Fused:
    """Fit the columns of a manifest beside the scores of ``bundle`` (default: the one that ships).

    Films are those of ``where``, a CSV manifest, that are no test films and that the bundle has not
    trained on: the logits of those would be too sure. ``fields`` are the columns to take (default:
    all that can be), ``categories`` those to take for names although they look like numbers. The
    model is a penalised logistic regression, and every figure is of folds of patients that had no
    part in the fit. With ``out`` the bundle is written there and the record beside it, as
    ``<stem>.fusion.json``. Raises ``UsageError`` and ``PneumoscopeError``; a film that cannot be
    read, or whose number is none, is a refusal in the record.
    """
    if folds < FEWEST_FOLDS:
        raise UsageError(f"At least {FEWEST_FOLDS} folds are needed, not {folds}.")
    held = bundle if isinstance(bundle, Bundle) else load_bundle(bundle)
    catalog = where if isinstance(where, Catalog) else open_catalog(where, positive=positive)
    wanted = _columns(catalog, where, fields, categories)
    alone = _never_fused(held)
    _require_patients(catalog.films, catalog, folds)
    selection = select_unseen(catalog, alone, threads=threads, progress=progress)
    films = selection.catalog.films
    _require_patients(films, catalog, folds, left_out=len(selection.trained_on))
    taken, refused_fields = _learn(films, wanted, categories)
    if out is not None:
        folder, name = Path(out).parent, record_path(Path(out)).name
        files.begin_folder(folder, last=name, what="A fused bundle")
    readings, columns = _read(films, taken, alone, threads=threads, progress=progress)
    read = np.array([reading.status == READ for reading in readings], dtype=bool)
    kept = [film for film, was_read in zip(films, read, strict=True) if was_read]
    reason = next((reading.reason for reading in readings if reading.status != READ), None)
    left_out = len(films) - len(kept)
    _require_patients(kept, catalog, folds, left_out=left_out, why=f"refused, as {reason},")
    known = Known(
        np.array([film.label == 1 for film in kept]),
        np.array([reading.logit for reading in readings if reading.status == READ]),
        np.array([film.patient for film in kept]),
        taken,
        columns[read],
    )
    fold = deal_patients(known.truth, known.patients, folds=folds, seed=seed)
    found = cross_validate(known, fold, seed=seed, resamples=resamples)
    fusion, calibration, points, penalties = finish(known, found.both, found.fields, seed=seed)
    record = {
        **about_films(alone, selection, kept, readings),
        "fields": [about_field(field, kept) for field in taken],
        "refused_fields": refused_fields,
        "method": {
            "folds": folds,
            "inner_folds": INNER_FOLDS,
            "penalties": list(PENALTIES),
            "penalty": penalties,
            "resamples": resamples,
            "seed": seed,
        },
        "readers": dict(found.readers),
        "paired": dict(found.paired),
        "by_field": [dict(row) for row in found.by_field],
        "weights": dict(
            zip(
                [name for field in taken for name in field.columns], fusion.both.fields, strict=True
            )
        ),
    }
    record["warnings"] = [*selection.warnings, *warnings_of(record)]
    fused = dataclasses.replace(
        alone,
        fusion=fusion,
        calibration=calibration,
        operating_points=points,
        # A bundle holds hashes of films and no names.
        provenance={
            **alone.provenance,
            "fusion": {**record, "refused": {"films": record["refused"]["films"]}},
        },
        films=(*alone.films, *_seen(kept, selection, alone.salt)),
        path=None,
    )
    if out is not None:
        save_bundle(fused, out)
        files.write_json(record_path(Path(out)), record)
        fused = load_bundle(out)
    return Fused(fused, record)


def record_path(bundle: Path) -> Path:
    """Where the record of the fused ``bundle`` stands: beside it."""
    return bundle.with_name(f"{bundle.stem}.fusion.json")


def _columns(
    catalog: Catalog, where: object, fields: Sequence[str], categories: Sequence[str]
) -> list[str]:
    """The names of the columns to try, in the order of the manifest or of ``fields``."""
    present = list(dict.fromkeys(name for film in catalog.films for name in film.fields))
    if not present:
        raise UsageError(
            f"{where} has no columns beside those of the films: fuse needs a CSV manifest with "
            "path, label and the fields, such as age."
        )
    asked = [name.strip().casefold() for name in (*fields, *categories)]
    for name in asked:
        if name not in present:
            raise UsageError(f"{where} has no column {name}; it has {', '.join(present)}.")
    if not fields:
        return [name for name in present if name]
    return list(dict.fromkeys(name.strip().casefold() for name in fields))


def _never_fused(bundle: Bundle) -> Bundle:
    """The bundle as it was before it was fused."""
    told = {name: value for name, value in bundle.provenance.items() if name != "fusion"}
    films = tuple(film for film in bundle.films if film.split != FUSED)
    return dataclasses.replace(bundle.film_alone(), provenance=told, films=films)


def _require_patients(
    films: Sequence[Film],
    catalog: Catalog,
    folds: int,
    *,
    left_out: int = 0,
    why: str = "trained on by this bundle",
) -> None:
    truth = [film.label == 1 for film in films]
    away = f" ({left_out:,} films were {why} and left out)" if left_out else ""
    for label, name in enumerate(catalog.classes):
        if label not in truth:
            raise PneumoscopeError(f"No film of the class {name} is left to fuse{away}.")
    fewest = fewest_patients(truth, [film.patient for film in films])
    if fewest < folds:
        say = f"use --folds {fewest}, or more films" if fewest >= FEWEST_FOLDS else "add films"
        raise PneumoscopeError(
            f"A class has films of {fewest} patients only and {folds} folds need as many{away}: "
            f"{say}."
        )


def _learn(
    films: Sequence[Film], names: Sequence[str], categories: Sequence[str]
) -> tuple[tuple[Field, ...], list[dict[str, str]]]:
    """The fields that can be taken, and name and reason of those that cannot."""
    as_names = {name.strip().casefold() for name in categories}
    patients = [film.patient for film in films]
    taken, refused = [], []
    for name in names:
        values = [film.fields.get(name, "") for film in films]
        try:
            taken.append(learn_field(name, values, patients, category=name in as_names))
        except UnusableField as error:
            refused.append({"field": name, "reason": str(error)})
    if not taken:
        reasons = "; ".join(f"{row['field']}: {row['reason']}" for row in refused)
        raise PneumoscopeError(f"No column can be taken as a field ({reasons}).")
    return tuple(taken), refused


def _read(
    films: Sequence[Film],
    fields: tuple[Field, ...],
    bundle: Bundle,
    *,
    threads: int | None,
    progress: bool,
) -> tuple[list[Reading], np.ndarray]:
    """Readings of the films alone, and the columns (n, c) of their fields, 0 where refused."""
    from tqdm import tqdm

    columns = np.zeros((len(films), sum(len(field.columns) for field in fields)))
    refusals: dict[int, str] = {}
    for row, film in enumerate(films):
        try:
            columns[row], _ = encode(fields, film.fields)
        except NotANumber as error:
            refusals[row] = str(error)
    reader = Reader(bundle, threads=threads)
    paths = [film.path for row, film in enumerate(films) if row not in refusals]
    found = reader.read(paths)
    said = iter(
        tqdm(found, "reading", len(paths), unit=" film", disable=None if progress else True)
    )
    readings = [
        Reading(str(film.path), "refused", None, None, refusals[row])
        if row in refusals
        else next(said)
        for row, film in enumerate(films)
    ]
    return readings, columns


def _seen(kept: Sequence[Film], selection: Selection, salt: str) -> list[SeenFilm]:
    digests = dict(zip(selection.catalog.keys, selection.sha256, strict=True))
    return [SeenFilm(digests[f.key], "", hash_patient(salt, f.patient), FUSED) for f in kept]
