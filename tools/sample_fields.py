"""Made-up fields beside the sample's test films: python tools/sample_fields.py OUT.csv

Writes a manifest of the films in ``sample/chest_xray/test``, which the bundle that ships has not
trained on, for ``pneumoscope fuse``. Nothing is known of these children but the label: the fields
are drawn at random, and each shows one thing. ``temperature`` is higher in pneumonia and missing in
a fifth, ``age`` (years) tells nothing, ``view`` stands for a place where the ill are filmed lying,
and ``record`` is a number of its own for every patient.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np

from pneumoscope.data.catalog import open_catalog

SAMPLE = Path(__file__).resolve().parents[1] / "sample" / "chest_xray"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    out = parser.parse_args().out
    films = [film for film in open_catalog(SAMPLE).films if film.split == "test"]
    rng = np.random.default_rng(0)
    records = {name: 1000 + row for row, name in enumerate(sorted({f.patient for f in films}))}
    with out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "label", "patient", "temperature", "age", "view", "record"))
        for film in films:
            degrees = f"{rng.normal(37.2 + 0.9 * film.label, 0.8):.1f}"
            temperature = "" if rng.random() < 0.2 else degrees
            view = "AP" if rng.random() < 0.25 + 0.45 * film.label else "PA"
            label = "PNEUMONIA" if film.label else "NORMAL"
            values = (temperature, rng.integers(1, 6), view, records[film.patient])
            writer.writerow((film.path, label, film.patient, *values))
    print(f"{len(films)} films: {out}")


if __name__ == "__main__":
    main()
