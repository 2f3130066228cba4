"""What films lose on their way, and a reader with them: python tools/corruption_curves.py DIR

Takes the films of DIR that the bundle (``--bundle``, by default the one that ships) lists as
validation, or with ``--all`` any but those of a test folder, changes them in every way and to every
level of ``pneumoscope.evaluation.corrupt`` (``--seed`` draws noise and corners), and prints a table
in Markdown: ROC-AUC, sensitivity and specificity at ``balanced``, with 95 % intervals. The guard
is not asked: it would refuse the worst of them. ``--json FILE`` keeps the figures.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from tqdm import tqdm

from pneumoscope import files
from pneumoscope.data.catalog import open_catalog
from pneumoscope.evaluation.corrupt import LEVELS, changed_inputs
from pneumoscope.evaluation.figures import every_figure
from pneumoscope.evaluation.selection import select_films
from pneumoscope.inference.bundle import load_bundle
from pneumoscope.inference.reader import Reader

SHOWN = ("roc_auc", "recall", "specificity")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("where", type=Path)
    parser.add_argument("--bundle", type=Path)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    bundle = load_bundle(arguments.bundle)
    reader = Reader(bundle)
    catalog = open_catalog(arguments.where)
    if not arguments.all:
        catalog = select_films(catalog, bundle, "val").catalog
    films = [film for film in catalog.films if film.split != "test"]
    paths = [film.path for film in films]
    truth = np.array([film.label == 1 for film in films])
    patients = np.array([film.patient for film in films])
    print(f"{len(films)} films of {len(set(patients))} patients, {truth.sum()} with pneumonia\n")
    print("| change | level | ROC-AUC | sensitivity | specificity |")
    print("| --- | ---: | ---: | ---: | ---: |")
    steps = [(kind, level) for kind, levels in LEVELS.items() for level in levels]
    curves = []
    for kind, level in tqdm(steps, disable=None):
        logit = reader.logits(
            changed_inputs(paths, bundle.preprocessing, kind, level, seed=arguments.seed)
        )
        figures = every_figure(
            truth,
            logit=logit,
            probability=reader.probability(logit),
            call=logit >= bundle.operating_points.balanced,
            patients=patients,
            resamples=200,
        )
        cells = [f"{figures[name].value:.3f} ({figures[name].limits})" for name in SHOWN]
        print(f"| {kind} | {level:g} | " + " | ".join(cells) + " |", flush=True)
        found = {name: figures[name].to_json() for name in SHOWN}
        curves.append({"change": kind, "level": level, **found})
    if arguments.json is not None:
        files.write_json(arguments.json, {"curves": curves})


if __name__ == "__main__":
    main()
