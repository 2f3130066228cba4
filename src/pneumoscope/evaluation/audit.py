"""Does a bundle look at lungs, and for whom does it fail? Probes, a verdict each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pneumoscope import files
from pneumoscope.data.catalog import Catalog, open_catalog
from pneumoscope.data.masks import Masks, open_masks
from pneumoscope.errors import PneumoscopeError, UsageError
from pneumoscope.evaluation import audit_plot, audit_text
from pneumoscope.evaluation.audit_films import Changed, Looked, draw_patients, look, read_changed
from pneumoscope.evaluation.audit_groups import group_rows
from pneumoscope.evaluation.audit_leaks import leak_rows
from pneumoscope.evaluation.audit_probes import call_rows, region_rows, size_rows, whole_film
from pneumoscope.evaluation.audit_verdict import AUDIT, FAIL, SCHEMA, VERDICTS, Row
from pneumoscope.evaluation.evaluate import (
    describe_bundle,
    describe_data,
    say_and_record_opening,
)
from pneumoscope.evaluation.selection import Selection, run_folder, select_unseen
from pneumoscope.inference.bundle import Bundle, load_bundle
from pneumoscope.inference.reader import Reader
from pneumoscope.metrics.clustered import LEVEL

AUDIT_MD = "audit.md"
PROBES, CURVES, EXAMPLES = "probes.png", "curves.png", "examples.png"
AT_MOST = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What an audit found: ``rows`` with a verdict each, on ``films_read`` films.

    ``left_out`` counts films that the bundle trained on, ``films_changed`` those of ``films_read``
    that were changed on purpose; ``refused`` is key and reason of each film that the guard stopped.
    """

    out: Path
    time: str
    bundle: Mapping[str, Any]
    data: Mapping[str, Any]
    notes: tuple[str, ...]
    left_out: int
    films_read: int
    patients_read: int
    films_changed: int
    refused: tuple[tuple[str, str], ...]
    rows: tuple[Row, ...]
    threshold: float
    resamples: int
    seed: int

    @property
    def counts(self) -> dict[str, int]:
        """How many rows have each verdict, the worst first."""
        found = Counter(row.verdict for row in self.rows)
        return {verdict: found[verdict] for verdict in VERDICTS}

    @property
    def failed(self) -> bool:
        """Whether any row is a fail."""
        return self.counts[FAIL] > 0

    def to_json(self) -> dict[str, Any]:
        """What ``audit.json`` holds."""
        return {
            "schema": SCHEMA,
            "time": self.time,
            "bundle": dict(self.bundle),
            "data": dict(self.data),
            "notes": list(self.notes),
            "left_out_as_trained_on": self.left_out,
            "read": {"films": self.films_read, "patients": self.patients_read},
            "changed": {"films": self.films_changed},
            "refused": [{"file": key, "reason": reason} for key, reason in self.refused],
            "verdicts": self.counts,
            "rows": [row.to_json() for row in self.rows],
            "method": {
                "level": LEVEL,
                "resamples": self.resamples,
                "seed": self.seed,
                "threshold": self.threshold,
            },
            "files": [AUDIT_MD, PROBES, CURVES, EXAMPLES],
        }


def audit(
    where: Path | str | Catalog,
    *,
    bundle: Path | str | Bundle | None = None,
    split: str | None = None,
    masks: Path | str | None = None,
    out: Path | str | None = None,
    at_most: int = AT_MOST,
    resamples: int = 2000,
    seed: int = 0,
    threads: int | None = None,
    progress: bool = True,
) -> Audit:
    """Probe ``bundle`` (by default the one that ships) on labelled films that it has not seen.

    ``split`` is None for all films but those of a test split and those trained on; 'test' opens the
    test split, which is recorded as ``evaluate`` does; 'val' is the bundle's validation films.
    ``masks`` is a folder of lung masks named like the films. Films are changed on purpose for
    ``at_most`` films, of patients drawn by ``seed``. Calls are made at ``balanced``. Raises
    ``UsageError`` and ``PneumoscopeError``.
    """
    if at_most < 1 or resamples < 1:
        raise UsageError("At least one film and one resample are needed.")
    if not isinstance(bundle, Bundle):
        bundle = load_bundle(bundle)
    bundle = bundle.film_alone()  # the question is what is seen in the film
    reader = Reader(bundle, threads=threads)
    lungs = open_masks(masks) if masks is not None else None
    catalog = where if isinstance(where, Catalog) else open_catalog(where)
    selection = select_unseen(catalog, bundle, split=split, threads=threads, progress=progress)
    out = _default_out(bundle, split) if out is None else Path(out)
    files.begin_folder(out, last=AUDIT, what="The audit")
    time = datetime.now(UTC).isoformat(timespec="seconds")
    about_bundle, about_data = describe_bundle(bundle), describe_data(selection)
    if split == "test":
        say_and_record_opening(about_data, about_bundle, run=run_folder(bundle), time=time)

    looked = look(selection.catalog.films, reader, threads=threads, progress=progress)
    if not looked.films:
        raise PneumoscopeError(f"Not one of the {len(looked.refused):,} films could be read.")
    drawn = draw_patients(looked.films, at_most, seed=seed)
    changed = read_changed(drawn, reader, masks=lungs, seed=seed, progress=progress)
    rows = _probe(selection, looked, changed, bundle, masks=lungs, resamples=resamples, seed=seed)
    found = Audit(
        out=out,
        time=time,
        bundle=about_bundle,
        data=about_data,
        notes=selection.notes,
        left_out=len(selection.trained_on),
        films_read=len(looked.films),
        patients_read=len(set(looked.patients.tolist())),
        films_changed=len(drawn),
        refused=looked.refused,
        rows=rows,
        threshold=bundle.operating_points.balanced,
        resamples=resamples,
        seed=seed,
    )
    _write(found, changed, reader)
    return found


def _probe(
    selection: Selection,
    looked: Looked,
    changed: Changed,
    bundle: Bundle,
    *,
    masks: Masks | None,
    resamples: int,
    seed: int,
) -> tuple[Row, ...]:
    """Every row, in the order of the table."""
    classes = selection.catalog.classes
    threshold = bundle.operating_points.balanced
    return (
        whole_film(looked, classes),
        *leak_rows(selection, looked, bundle),
        *size_rows(looked, classes),
        *region_rows(changed, classes, masks=masks is not None),
        *call_rows(changed, threshold=threshold, classes=classes),
        *group_rows(looked, threshold=threshold, classes=classes, resamples=resamples, seed=seed),
    )


def _default_out(bundle: Bundle, split: str | None) -> Path:
    run = run_folder(bundle)
    stem = [bundle.path.stem] if run is None and bundle.path is not None else []
    name = "-".join(["audit", *stem, *([split] if split else [])])
    return Path(name) if run is None else run / name


def _write(found: Audit, changed: Changed, reader: Reader) -> None:
    """Write the files into ``found.out``; audit.json comes last and says that all are there."""
    out = found.out
    audit_plot.draw_probes(found.rows, out / PROBES)
    audit_plot.draw_curves(found.rows, out / CURVES)
    audit_plot.draw_examples(changed, reader, found.data["classes"], out / EXAMPLES)
    files.write_text(out / AUDIT_MD, audit_text.to_markdown(found))
    files.write_json(out / AUDIT, found.to_json())
