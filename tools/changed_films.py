"""A bundle's scores of changed films: python tools/changed_films.py DIR --bundle B --out FOLDER

Takes the films of DIR that the bundle lists as validation (so no network in it was trained on
them), changes them as films are changed on their way, half as far as people could still read them,
and writes their scores as ``pneumoscope crossval`` does, a set for each change. Every film is given
four of the changes, dealt in turn, so that they weigh about as much as one fold of unlike films.
Then ``pneumoscope export RUN --out-of-fold FOLDER`` (beside those of cross-validation by shift)
sets thresholds that hold where films are not as sharp, as bright or as closely cut as those trained
on.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from tqdm import tqdm

from pneumoscope.data.catalog import open_catalog
from pneumoscope.evaluation.corrupt import changed_inputs
from pneumoscope.evaluation.members import write_kept
from pneumoscope.evaluation.score_files import SCORES, write_scores
from pneumoscope.evaluation.selection import select_films
from pneumoscope.inference.bundle import load_bundle
from pneumoscope.inference.reader import Reader

# Of pneumoscope.evaluation.corrupt.LEVELS, without their ends.
HALFWAY: dict[str, tuple[float, ...]] = {
    "blur": (0.008, 0.016),
    "noise": (0.05, 0.1),
    "gamma": (0.6, 1.8),
    "contrast": (0.5, 1.3),
    "jpeg": (25.0, 10.0),
    "crop": (0.03, 0.06, 0.1),
    "border": (0.03, 0.06, 0.1),
    "marker": (0.1,),
    "resolution": (0.5, 0.25),
}
APART = 5  # Every fifth of the changes is given to a film, from another one on for each film.


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("where", type=Path)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    bundle = load_bundle(arguments.bundle)
    reader = Reader(bundle)
    catalog = select_films(open_catalog(arguments.where), bundle, "val").catalog
    films = [film for film in catalog.films if film.split != "test"]
    rows = []
    steps = [(kind, level) for kind, levels in HALFWAY.items() for level in levels]
    dealt = range(0, len(steps), APART)
    for number, (kind, level) in enumerate(tqdm(steps, disable=None)):
        given = [film for at, film in enumerate(films) if (number - at) % len(steps) in dealt]
        if not given:
            continue
        paths = [film.path for film in given]
        pixels = changed_inputs(paths, bundle.preprocessing, kind, level, seed=arguments.seed)
        logits = reader.logits(pixels)
        leanings = reader.leanings(pixels) if bundle.subtype else np.full(len(given), np.nan)
        for film, logit, leaning in zip(given, logits, leanings, strict=True):
            row = (f"{kind} {level:g}", film.key, film.patient, film.label, film.subtype, 0)
            rows.append((*row, float(logit), float(leaning)))
    arguments.out.mkdir(parents=True, exist_ok=True)
    write_scores(arguments.out / SCORES, rows)
    members = [bundle.provenance, *bundle.provenance.get("beside", [])]
    write_kept(arguments.out, "changed", [member["recipe"] for member in members])


if __name__ == "__main__":
    main()
