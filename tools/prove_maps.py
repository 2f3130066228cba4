"""Do a bundle's maps mean something? python tools/prove_maps.py DIR --bundle B [--masks DIR]

Takes films of DIR that are pneumonia and are called so, at most ``--films`` of them (drawn by
``--seed``): those that the bundle lists as validation, or with ``--all`` any but those of a test
folder. Prints deletion and insertion against displaced maps, the share of positive evidence inside
the masks beside chance, and with ``--run`` (the runs that the bundle was exported from) the
correlation with the maps of the same network without learning. Every figure has its films, patients
and 95 % interval.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import numpy as np

from pneumoscope.data.catalog import open_catalog
from pneumoscope.data.masks import open_masks
from pneumoscope.evaluation.faithfulness import deletion_and_insertion, similarity
from pneumoscope.evaluation.figures import Estimate, mean
from pneumoscope.evaluation.mask_share import mask_share
from pneumoscope.evaluation.selection import select_films
from pneumoscope.inference.bundle import load_bundle
from pneumoscope.inference.reader import Reader
from pneumoscope.inference.saliency import METHODS, choose, explain_one


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("where", type=Path)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--films", type=int, default=200)
    parser.add_argument("--masks", type=Path)
    parser.add_argument("--run", type=Path, nargs="+")
    parser.add_argument("--method", choices=METHODS, default="auto")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    bundle = load_bundle(arguments.bundle)
    reader = Reader(bundle)
    catalog = open_catalog(arguments.where)
    if not arguments.all:
        catalog = select_films(catalog, bundle, "val").catalog
    films = [film for film in catalog.films if film.label == 1 and film.split != "test"]
    random.Random(arguments.seed).shuffle(films)

    method, attribute = choose(arguments.method, reader)
    found, of = [], []
    for film in films:
        if len(found) == arguments.films:
            break
        one = explain_one(film.path, reader, method=method, attribute=attribute)
        if one.reading.call == bundle.classes[1]:
            found.append(one)
            of.append(film)
    patients = [film.patient for film in of]
    print(f"{method}, {len(found)} films called {bundle.classes[1]} rightly")
    for name, estimate in deletion_and_insertion(found, reader, patients=patients).items():
        say(name, estimate)
    if arguments.masks is not None:
        masks = open_masks(arguments.masks)
        pairs = [(one.map, masks.of(film.path)) for film, one in zip(of, found, strict=True)]
        shares = [None if mask is None else mask_share(evidence, mask) for evidence, mask in pairs]
        names = np.array(patients, dtype=str)
        for name in ("inside", "chance"):
            values = [np.nan if share is None else getattr(share, name) for share in shares]
            say(f"mask_{name}", mean(np.array(values), names))
    if arguments.run is not None:
        from pneumoscope.model.export import randomised
        from pneumoscope.model.runs import open_run

        runs = [open_run(folder) for folder in arguments.run]
        untrained = Reader(randomised(bundle, *runs, seed=arguments.seed))
        _, other = choose(method, untrained)
        # The guard is the same, so the same films are read.
        again = [explain_one(f.path, untrained, method=method, attribute=other) for f in of]
        maps, others = ([one.grid for one in each] for each in (found, again))
        say("same_as_without_learning", similarity(maps, others, patients=patients))


def say(name: str, estimate: Estimate) -> None:
    print(
        f"{name:<26} {estimate}  n = {estimate.interval.n} films, "
        f"{estimate.interval.patients} patients"
    )


if __name__ == "__main__":
    main()
