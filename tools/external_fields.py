"""What clinical fields add elsewhere: python tools/external_fields.py DIR [--label L] [--bundle B]

DIR is a part of NIH ChestX-ray14 with a ``metadata.csv``: file, patient, age, sex, view and
``rsna_class``, what a radiologist said for the RSNA challenge. Age, sex and view are fused with the
film's score: on Lung Opacity against Normal (``--label rsna``, the default), or on the label that a
program mined from the reports of all films (``--label mined``; it errs often). The cross-validated
figures are printed, and neither a bundle nor a table is kept.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from pathlib import Path

from external_films import NEGATIVE, POSITIVE
from pneumoscope.evaluation.fuse import fuse
from pneumoscope.evaluation.fuse_words import to_text

FIELDS = ("age", "sex", "view")
LABELS = {
    "rsna": ("rsna_class", (NEGATIVE, POSITIVE)),
    "mined": ("finding", ("NORMAL", "PNEUMONIA")),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("where", type=Path)
    parser.add_argument("--label", choices=LABELS, default="rsna")
    parser.add_argument("--bundle", type=Path)
    arguments = parser.parse_args()
    column, classes = LABELS[arguments.label]
    with tempfile.TemporaryDirectory() as temporary:
        where = arguments.where.resolve()
        folder = Path(temporary) / where.name
        folder.mkdir()
        manifest = write_manifest(where, folder, column=column, classes=classes)
        print(to_text(fuse(manifest, bundle=arguments.bundle, positive=classes[1]).record))


def write_manifest(where: Path, folder: Path, *, column: str, classes: tuple[str, str]) -> Path:
    """A manifest in ``folder`` of the films of both ``classes`` in ``where / "metadata.csv"``."""
    with (where / "metadata.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row[column] in classes]
    for name in {Path(row["file"]).parts[0] for row in rows}:
        (folder / name).symlink_to(where / name)
    with (folder / "fields.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "label", "patient", *FIELDS))
        for row in rows:
            own = [row[name] for name in FIELDS]
            writer.writerow((row["file"], row[column], row["patient"], *own))
    return folder / "fields.csv"


if __name__ == "__main__":
    main()
