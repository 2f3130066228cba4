"""Draw the embedded sample from the full set: python tools/make_sample.py SOURCE --sizes CSV

SOURCE is the folder that holds Kaggle's ``train`` and ``val`` (224 px copies), CSV the original
sizes (``split,class,file,width,height``). The same arguments give the same bytes.
"""

from __future__ import annotations

import argparse
import csv
import random
import shutil
from collections import defaultdict
from pathlib import Path

from PIL import Image, JpegImagePlugin

from pneumoscope.data.catalog import Film, open_catalog
from pneumoscope.files import write_beside, write_text

REPOSITORY = Path(__file__).resolve().parent.parent
HELD_OUT = REPOSITORY / "src" / "pneumoscope" / "data" / "held_out_patients.txt"

# Films by subtype. Train has the full set's proportions; test those of Kaggle's own test folder.
QUOTA = {
    "test": {"normal": 53, "bacterial": 56, "viral": 35},
    "train": {"normal": 114, "bacterial": 211, "viral": 115},
}
# One patient of the full set has 30 films, which would be a seventh of the sample's bacterial ones.
MOST_FILMS_OF_A_PATIENT = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("--sizes", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=REPOSITORY / "sample")
    parser.add_argument("--held-out", type=Path, default=HELD_OUT)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    catalog = open_catalog(arguments.source, sizes=arguments.sizes)
    drawn = draw(catalog.films, seed=arguments.seed)
    folder = arguments.out / "chest_xray"
    if folder.exists():
        shutil.rmtree(folder)
    rows = []
    for split in ("train", "val", "test"):
        for film in drawn[split]:
            class_name = catalog.classes[film.label]
            copy_grey(film.path, folder / split / class_name / film.path.name)
            rows.append((split, class_name, film.path.name, film.width, film.height))
    with (
        write_beside(arguments.out / "original_sizes.csv") as beside,
        beside.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("split", "class", "file", "width", "height"))
        writer.writerows(rows)
    patients = sorted({film.patient for film in drawn["test"]})
    write_text(
        arguments.held_out,
        "# Patients of the embedded sample's test folder: no recipe trains on them.\n"
        "# Written by tools/make_sample.py.\n" + "\n".join(patients) + "\n",
    )
    size = sum(path.stat().st_size for path in folder.rglob("*.jpeg"))
    print(f"{len(rows)} films, {size / 1e6:.2f} MB, {len(patients)} test patients")


def draw(films: tuple[Film, ...], *, seed: int) -> dict[str, list[Film]]:
    """Choose whole patients at random until each quota is full; Kaggle's val is taken as it is.

    A patient is eligible when the original size of each of their films is known, none of the films
    is in Kaggle's val and there are not too many. One who would overfill a quota is passed over.
    """
    by_patient: dict[str, list[Film]] = defaultdict(list)
    for film in films:
        by_patient[film.patient].append(film)
    eligible = [
        own
        for _, own in sorted(by_patient.items())
        if len(own) <= MOST_FILMS_OF_A_PATIENT
        and all(film.width and film.split == "train" for film in own)
    ]
    random.Random(seed).shuffle(eligible)
    drawn: dict[str, list[Film]] = {"val": [film for film in films if film.split == "val"]}
    taken: set[str] = set()
    for split, quota in QUOTA.items():
        chosen: list[Film] = []
        left = dict(quota)
        for own in eligible:
            subtype = own[0].subtype
            if own[0].patient not in taken and len(own) <= left[subtype]:
                left[subtype] -= len(own)
                taken.add(own[0].patient)
                chosen += own
        if any(left.values()):
            raise SystemExit(f"The source has too few films for {split}: {left} are missing.")
        drawn[split] = sorted(chosen, key=lambda film: film.key)
    return drawn


def copy_grey(source: Path, target: Path) -> None:
    """Copy a grey film byte for byte; of a colour JPEG keep the luminance at its own quality."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with Image.open(source) as image:
        if not isinstance(image, JpegImagePlugin.JpegImageFile):
            raise SystemExit(f"{source} is not a JPEG.")
        if image.mode == "L":
            shutil.copyfile(source, target)
            return
        tables = image.quantization
        image.draft("L", image.size)
        image.save(target, "JPEG", qtables=[tables[0]], optimize=True)


if __name__ == "__main__":
    main()
