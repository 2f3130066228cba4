"""How a reader travels: python tools/external_films.py DIR [--bundle B]

DIR is a part of NIH ChestX-ray14 with a ``metadata.csv``: file, patient, age, view (PA or AP) and
``rsna_class``, what a radiologist said for the RSNA challenge. Prints how many films are read, the
ROC-AUC of Lung Opacity against Normal over all and by view, with 95 % intervals (patients whole),
and the share of each class that is called at ``balanced``.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np

from pneumoscope.evaluation.figures import every_figure, proportions
from pneumoscope.inference.bundle import load_bundle
from pneumoscope.inference.reader import READ, Reader

POSITIVE, NEGATIVE = "Lung Opacity", "Normal"
CLASSES = (NEGATIVE, "No Lung Opacity / Not Normal", POSITIVE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("where", type=Path)
    parser.add_argument("--bundle", type=Path)
    arguments = parser.parse_args()

    reader = Reader(load_bundle(arguments.bundle))
    with (arguments.where / "metadata.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    readings = list(reader.read(arguments.where / row["file"] for row in rows))
    pairs = [(row, reading) for row, reading in zip(rows, readings, strict=True)]
    read = [(row, reading) for row, reading in pairs if reading.status == READ]
    print(f"{len(read)} of {len(rows)} films read")
    for reason in sorted({reading.reason or "" for _, reading in pairs if reading.reason}):
        count = sum(reading.reason == reason for _, reading in pairs)
        print(f"  refused: {reason}: {count}")

    logit = np.array([reading.logit for _, reading in read], dtype=np.float64)
    said = np.array([row["rsna_class"] for row, _ in read])
    view = np.array([row["view"] for row, _ in read])
    patients = np.array([row["patient"] for row, _ in read])
    called = logit >= reader.bundle.operating_points.balanced
    for name, members in (
        ("all views", np.ones(len(read), dtype=bool)),
        *((name, view == name) for name in sorted(set(view))),
    ):
        members = members & np.isin(said, (POSITIVE, NEGATIVE))
        truth = said[members] == POSITIVE
        if truth.all() or not truth.any():
            continue
        figures = every_figure(
            truth,
            logit=logit[members],
            probability=reader.probability(logit[members]),
            call=called[members],
            patients=patients[members],
        )
        area = figures["roc_auc"]
        print(
            f"{name}: {truth.sum()} {POSITIVE} against {(~truth).sum()} {NEGATIVE}, "
            f"ROC-AUC {area.value:.3f} ({area.limits})"
        )
    for name in CLASSES:
        members = said == name
        if members.any():
            # Of films of one kind, the share that is called is the sensitivity to them.
            truth = np.ones(int(members.sum()), dtype=bool)
            share = proportions(truth, called[members], patients[members])["sensitivity"]
            count = int(called[members].sum())
            print(f"called at balanced, {name}: {count} of {members.sum()} ({share.limits})")


if __name__ == "__main__":
    main()
