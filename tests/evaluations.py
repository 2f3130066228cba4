"""A finished evaluation of the brightness network, and changes to it, for the tests of reports."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bundles import LABELLED, make_bundle, write_labelled
from pneumoscope.evaluation.evaluate import evaluate

HOSTILE = "\"><script>alert(1)</script>&'|`x`"


def evaluated(root: Path, *, fields: Mapping[str, list[str]] | None = None, **bundle: Any) -> Path:
    """Evaluate the films of ``LABELLED``; ``fields`` are columns of a manifest, ``bundle`` changes.

    Returns the folder of results; films lie in ``root / "chest" / "test"``.
    """
    films = root / "chest" / "test"
    write_labelled(films)
    where = root / "chest"
    if fields is not None:
        where = root / "films.csv"
        with where.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["path", "label", "patient", *fields])
            for index, name in enumerate(LABELLED):
                label = name.split("/")[0]
                patient = Path(name).stem.rsplit("_" if label == "PNEUMONIA" else "-", 1)[0]
                values = [column[index] for column in fields.values()]
                writer.writerow([f"chest/test/{name}", label, patient, *values])
    made = make_bundle(root / "b.pneumo", **bundle)
    out = root / "out"
    return evaluate(where, bundle=made, out=out, resamples=50, threads=1, progress=False).out


def change(folder: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    """Rewrite results.json after ``edit``."""
    path = folder / "results.json"
    value = json.loads(path.read_text(encoding="utf-8"))
    edit(value)
    path.write_text(json.dumps(value), encoding="utf-8")
