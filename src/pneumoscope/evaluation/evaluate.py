"""Readings of labelled films against the truth -> results.json, predictions.csv and plots."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from pneumoscope import files
from pneumoscope.data.catalog import Catalog, Film, open_catalog
from pneumoscope.errors import UsageError
from pneumoscope.evaluation import figures, plots
from pneumoscope.evaluation.figures import Booleans, Estimate
from pneumoscope.evaluation.fused import evaluated
from pneumoscope.evaluation.results import (
    CONFUSION,
    FUSION,
    PRECISION_RECALL,
    PREDICTIONS,
    RELIABILITY,
    RESULTS,
    ROC,
    Point,
    Results,
)
from pneumoscope.evaluation.selection import (
    Selection,
    data_name,
    record_opening,
    run_folder,
    select_films,
)
from pneumoscope.evaluation.table import Table, tabulate
from pneumoscope.inference.bundle import Bundle, load_bundle
from pneumoscope.inference.reader import Case, Reader, Reading
from pneumoscope.metrics import OPERATING_POINTS, scores

_SUBTYPES = ("bacterial", "viral")


def evaluate(
    where: Path | str | Catalog,
    *,
    bundle: Path | str | Bundle | None = None,
    split: str = "test",
    out: Path | str | None = None,
    operating_point: str = "balanced",
    prevalence: float | None = None,
    resamples: int = 2000,
    seed: int = 0,
    threads: int | None = None,
    progress: bool = True,
) -> Results:
    """Read the films of ``split`` with ``bundle`` and hold the readings against the truth.

    ``bundle`` defaults to the one that ships.
    ``split``: 'test' (the catalog's test films, or all where there are no splits) or 'val' (those
    that the bundle lists as validation). ``out`` defaults to ``evaluation-SPLIT`` in the run folder
    of the bundle, else to ``evaluation-BUNDLE-SPLIT`` here. ``operating_point`` and ``prevalence``
    are the ``Reader``'s, ``resamples`` and ``seed`` the bootstrap's. That a test split is opened is
    said on standard error, and recorded in the run folder before the first film is read. Raises
    ``UsageError`` and ``PneumoscopeError``; a film that cannot be read is a refusal in the results.

    A bundle that takes fields is given the manifest's columns; the film alone, the fields alone and
    both are then held against each other, in ``fusion.json``.
    """
    if resamples < 1:
        raise UsageError(f"At least one resample is needed, not {resamples}.")
    if not isinstance(bundle, Bundle):
        bundle = load_bundle(bundle)
    reader = Reader(bundle, operating_point=operating_point, prevalence=prevalence, threads=threads)
    catalog = where if isinstance(where, Catalog) else open_catalog(where)
    selection = select_films(catalog, bundle, split, threads=threads, progress=progress)
    out = _default_out(bundle, split) if out is None else Path(out)
    files.begin_folder(out, last=RESULTS, what="Results")
    time = datetime.now(UTC).isoformat(timespec="seconds")
    about_bundle, about_data = describe_bundle(bundle), describe_data(selection)
    if split == "test":
        say_and_record_opening(about_data, about_bundle, run=run_folder(bundle), time=time)
    readings = _read(reader, selection.catalog.films, progress=progress)
    table = tabulate(selection.catalog.films, readings, selection.sha256)
    points = {name: _point(name, bundle, prevalence, table) for name in OPERATING_POINTS}
    call = table.logit >= points[operating_point].logit
    results = Results(
        out=out,
        time=time,
        bundle=about_bundle,
        data=about_data,
        warnings=selection.warnings,
        notes=(*selection.notes, *_fused_note(bundle)),
        films_read=table.truth.size,
        patients_read=np.unique(table.patients).size,
        refused=table.refused,
        point=operating_point,
        points=points,
        prevalence=figures.prevalence(table.all_truth, table.all_patients),
        assumed_prevalence=prevalence or bundle.calibration.prevalence,
        figures=figures.every_figure(
            table.truth,
            logit=table.logit,
            probability=table.probability,
            call=call,
            patients=table.patients,
            resamples=resamples,
            seed=seed,
        ),
        counting_refusals=_counting_refusals(table, call),
        confusion=_confusion(table.truth, call),
        subtypes=figures.subtype_sensitivity(call, table.subtypes, table.patients, _SUBTYPES),
        resamples=resamples,
        seed=seed,
        fusion=evaluated(
            table, bundle, point=operating_point, prevalence=prevalence, resamples=resamples
        ),
    )
    _write(results, table)
    return results


def say_and_record_opening(
    data: dict[str, Any], bundle: dict[str, Any], *, run: Path | None, time: str
) -> None:
    """Say on standard error that a test split is opened, and note it in the run folder, if any."""
    text = (
        f"Opening the test split: {data['films']:,} films of {data['patients']:,} patients in "
        f"{data['name']}"
    )
    if run is not None:
        facts = {name: data[name] for name in ("name", "split", "films", "patients", "sha256")}
        entry = {"time": time, **facts, "bundle": bundle["file"], "bundle_sha256": bundle["sha256"]}
        text += f" (recorded in {record_opening(run, entry)})"
    print(f"{text}.", file=sys.stderr)


def _read(reader: Reader, films: Sequence[Film], *, progress: bool) -> list[Reading]:
    from tqdm import tqdm

    readings = reader.read(Case(film.path, film.fields) for film in films)
    hidden = None if progress else True  # None: hidden where no terminal shows it
    return list(tqdm(readings, "reading", len(films), unit=" film", disable=hidden))


def _fused_note(bundle: Bundle) -> list[str]:
    if bundle.fusion is None:
        return []
    names = ", ".join(bundle.fusion.names)
    return [
        f"The bundle takes fields beside the film ({names}): the figures are of both together, and "
        f"{FUSION} has the film alone and the fields alone."
    ]


def _point(name: str, bundle: Bundle, prevalence: float | None, table: Table) -> Point:
    logit = bundle.operating_points.threshold(name)
    shares = figures.proportions(table.truth, table.logit >= logit, table.patients)
    del shares["accuracy"]
    probability = bundle.calibration.probability(logit, prevalence=prevalence)
    return Point(logit=logit, probability=float(probability), figures=shares)


def _counting_refusals(table: Table, call: Booleans) -> dict[str, Estimate]:
    called = ~table.all_truth  # wrong, each of them, unless it was read
    called[table.was_read] = call
    shares = figures.proportions(table.all_truth, called, table.all_patients)
    return {name: shares[name] for name in ("accuracy", "sensitivity", "specificity")}


def _confusion(truth: Booleans, call: Booleans) -> dict[str, int]:
    counts = scores.confusion(truth, call)
    return {name: int(getattr(counts, name)) for name in ("tp", "fp", "tn", "fn")}


def describe_bundle(bundle: Bundle) -> dict[str, Any]:
    """Name, digests, classes, provenance; a bundle that is in no file has no name and digest."""
    path = bundle.path
    return {
        "file": None if path is None else path.name,
        "sha256": None if path is None else files.sha256(path.read_bytes()),
        "network_sha256": files.sha256(bundle.network),
        "classes": list(bundle.classes),
        "provenance": bundle.provenance,
    }


def describe_data(selection: Selection) -> dict[str, Any]:
    """Name, split, films, patients, fingerprint, and which of them the bundle has seen."""
    catalog = selection.catalog
    positive = int(catalog.labels.sum())
    return {
        "name": data_name(catalog),
        "split": selection.split,
        "films": len(catalog.films),
        "patients": len(set(catalog.patients)),
        "patients_known": catalog.patients_known,
        "classes": list(catalog.classes),
        "negative": len(catalog.films) - positive,
        "positive": positive,
        "sha256": selection.fingerprint,
        "seen_in_training": list(selection.trained_on),
        "seen_in_validation": list(selection.validated_on),
        "patient_seen_in_training": list(selection.patient_trained_on),
    }


def _default_out(bundle: Bundle, split: str) -> Path:
    run = run_folder(bundle)
    if run is not None:
        return run / f"evaluation-{split}"
    stem = [] if bundle.path is None else [bundle.path.stem]
    return Path("-".join(["evaluation", *stem, split]))


def _write(results: Results, table: Table) -> None:
    """Write the files into ``results.out``; results.json comes last and says that all are there."""
    out, found = results.out, results.figures
    if results.fusion is not None:
        files.write_json(out / FUSION, results.fusion)
    else:
        (out / FUSION).unlink(missing_ok=True)  # of another bundle, evaluated here before
    files.write_text(out / PREDICTIONS, table.to_csv())
    plots.draw_roc(
        table.truth, table.logit, out / ROC, area=found["roc_auc"], points=results.points
    )
    plots.draw_precision_recall(
        table.truth,
        table.logit,
        out / PRECISION_RECALL,
        average_precision=found["average_precision"],
    )
    plots.draw_reliability(
        table.truth,
        table.probability,
        out / RELIABILITY,
        error=found["expected_calibration_error"],
    )
    plots.draw_confusion(
        results.confusion,
        results.data["classes"],
        out / CONFUSION,
        title=f"Operating point {results.point}, {results.films_read:,} films of "
        f"{results.patients_read:,} patients\naccuracy {found['accuracy']}",
    )
    files.write_json(out / RESULTS, results.to_json())
