"""A trained run -> a sealed bundle: ONNX, parity on real films, calibration on validation."""

from __future__ import annotations

import contextlib
import math
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pneumoscope import radiograph
from pneumoscope.data.cache import Store, open_store
from pneumoscope.data.catalog import Catalog, Film, open_catalog
from pneumoscope.data.duplicates import perceptual_hash
from pneumoscope.data.split import Split
from pneumoscope.errors import PneumoscopeError, UnreadableFilm, UsageError
from pneumoscope.film import Pixels
from pneumoscope.inference.bundle import Bundle, SeenFilm, hash_patient, save_bundle
from pneumoscope.inference.guard import Guard
from pneumoscope.inference.guard_fit import fit_guard, plenty
from pneumoscope.inference.reader import READ, Reader, Reading
from pneumoscope.metrics import calibration
from pneumoscope.metrics.calibration import Calibration, OperatingPoints
from pneumoscope.model.deployed import Deployed, Together, rim, to_onnx
from pneumoscope.model.networks import build_network
from pneumoscope.model.options import LITE
from pneumoscope.model.recipe import Recipe
from pneumoscope.model.runs import Run, open_run
from pneumoscope.model.scored import Scored, fit_subtype, of_validation

# Two runtimes add float32 in other orders; a wrong weight or a missing layer moves a logit by far
# more than this, a real film's rounding by far less.
PARITY = 1e-3
PARITY_FILMS = 64
Joint = Deployed | Together


def export(
    *folders: Path | str,
    out: Path | str | None = None,
    where: Path | str | None = None,
    calibrate_on: Scored | None = None,
    cache: Path | None = None,
    threads: int | None = None,
    progress: bool = True,
) -> Bundle:
    """Export the selected epoch of the run in ``folders`` and return the bundle that was written.

    Several runs on the same films become one network, the mean of theirs (one that is named twice
    counts twice, and is computed once); all else is told of the first, and the bundle is written
    there where ``out`` names no other place. The network is exported without calibration, the
    reader scores the validation films with it, calibration and operating points are fitted on these
    scores, and the bundle is sealed. With ``calibrate_on`` they are fitted on scores of the same
    recipe from cross-validation instead. ``where`` names the films if they have moved since. Raises
    ``PneumoscopeError`` if the exported network does not agree with the trained one on real films
    to 0.001 in the logit, and ``UsageError`` for runs of other films, another split or another
    shape. The guard is fitted to the training films, and is set last: the films that calibrate are
    known to be films.
    """
    run, *beside = (open_run(folder) for folder in folders)
    state, facts, recipe = run.best(), run.facts, run.recipe
    places = facts["data"]
    sizes = places["sizes"] if where is None else None
    catalog = open_catalog(where or places["where"], sizes=sizes, positive=places["positive"])
    split = Split.load(run.split_file, catalog)
    films = [film for film in catalog.films if film.split != "test"]
    store = open_store(films, recipe.preprocessing(), cache=cache, progress=progress)
    run.require_same_films(store)
    for other in beside:
        _require_like(run, other)

    deployed = _together([load_deployed(each) for each in (run, *beside)])
    if "map" in deployed.outputs:
        positive = [film.key for film in catalog.pick(split.val).films if film.label == 1]
        deployed.zero = rim(deployed, store.pixels[store.rows(positive)])
    bundle = _uncalibrated(deployed, recipe, catalog.classes)
    validation = catalog.pick(split.val)
    readings = _read(bundle, validation, threads=threads, progress=progress)
    parity = _check_parity(deployed, bundle, store, validation, readings)
    scored = calibrate_on or of_validation(validation, readings)
    salt = secrets.token_hex(16)
    bundle = replace(
        bundle,
        calibration=calibration.fit(scored.truth, scored.logit),
        operating_points=calibration.fit_operating_points(scored.truth, scored.logit),
        subtype=fit_subtype(scored) if "subtype" in deployed.outputs else None,
        guard=fit_guard(_decoded(plenty(catalog.pick(split.train).films), size=recipe.size)),
        salt=salt,
        films=_seen(catalog, split, store, salt),
        provenance={
            "recipe": recipe.to_json(),
            "epoch": state["epoch"],
            "validation": {
                name: value if math.isfinite(value) else None
                for name, value in state["history"][state["epoch"] - 1].items()
            },
            "calibrated_on": {
                "films": len(scored.truth),
                "positives": int(scored.truth.sum()),
                **scored.about,
            },
            "parity": parity,
            "data": {"fingerprint": places["fingerprint"], "split": facts["split"]},
            "beside": [_member(other) for other in beside],
            "device": facts["device"],
            "precision": facts["precision"],
            "machine": facts["machine"],
        },
        path=Path(out) if out is not None else run.bundle_file,
    )
    assert bundle.path is not None
    save_bundle(bundle, bundle.path)
    return bundle


def uncalibrated(run: Run, classes: tuple[str, str]) -> Bundle:
    """The selected epoch of ``run`` as a bundle that gives logits and knows of no calibration."""
    return _uncalibrated(load_deployed(run), run.recipe, classes)


def randomised(bundle: Bundle, *runs: Run, seed: int) -> Bundle:
    """``bundle``, an export of ``runs``, with a network of the same shape that has learned nothing.

    What a map of the trained network shows and a map of this one does not was learned (Adebayo et
    al. 2018, *Sanity Checks for Saliency Maps*).
    """
    recipes = [run.recipe for run in runs]
    untrained = [
        Deployed(
            # A run that is named twice is one network here too.
            build_network(recipe.network_options(), seed=seed + runs.index(run)),
            channels=recipe.channels,
            mirror=recipe.mirror,
        ).eval()
        for run, recipe in zip(runs, recipes, strict=True)
    ]
    network = to_onnx(_together(untrained), size=recipes[0].size)
    return replace(bundle, network=network, path=None)


def load_deployed(run: Run) -> Deployed:
    """The network of the selected epoch of ``run``, as a reader would call it."""
    recipe = run.recipe
    network = build_network(recipe.network_options(), seed=recipe.seed)
    network.load_state_dict(run.best()["network"])
    return Deployed(network, channels=recipe.channels, mirror=recipe.mirror).eval()


def _together(members: Sequence[Deployed]) -> Joint:
    return members[0] if len(members) == 1 else Together(members).eval()


def _require_like(run: Run, other: Run) -> None:
    """Raise ``UsageError`` unless ``other`` can be read together with ``run``."""
    same = {
        "films": other.facts["data"]["fingerprint"] == run.facts["data"]["fingerprint"],
        "split": other.split_file.read_bytes() == run.split_file.read_bytes(),
        "preprocessing": other.recipe.preprocessing() == run.recipe.preprocessing(),
        "outputs": _gives(other.recipe) == _gives(run.recipe),
    }
    for what, alike in same.items():
        if not alike:
            raise UsageError(
                f"{other.folder} has other {what} than {run.folder}, so they cannot be one bundle."
            )


def _gives(recipe: Recipe) -> tuple[object, ...]:
    options = recipe.network_options()
    # As deep a network of either version of Lite has a map of the same grid.
    family = "lite" if options.backbone in LITE else options.backbone
    return options.subtype, options.has_map, family, options.depth


def _member(run: Run) -> dict[str, Any]:
    return {"recipe": run.recipe.to_json(), "epoch": run.best()["epoch"]}


def _uncalibrated(
    deployed: Deployed | Together, recipe: Recipe, classes: tuple[str, str]
) -> Bundle:
    return Bundle(
        network=to_onnx(deployed, size=recipe.size),
        classes=classes,
        preprocessing=recipe.preprocessing(),
        calibration=Calibration(),
        operating_points=OperatingPoints(0.0, 0.0, 0.0),
        guard=Guard(),
    )


def _read(bundle: Bundle, films: Catalog, *, threads: int | None, progress: bool) -> list[Reading]:
    from tqdm import tqdm

    reader = Reader(bundle, threads=threads)
    paths = [film.path for film in films.films]
    return list(
        tqdm(
            reader.read(paths),
            total=len(paths),
            desc="reading validation",
            unit=" film",
            disable=None if progress else True,
        )
    )


def _decoded(films: Iterable[Film], *, size: int) -> Iterator[Pixels]:
    """The films as the guard will see others: as a reader decodes them, before any shaping."""
    for film in films:
        with contextlib.suppress(UnreadableFilm):
            yield radiograph.load(film.path, at_least=size).pixels


@torch.inference_mode()
def _check_parity(
    deployed: Deployed | Together,
    bundle: Bundle,
    store: Store,
    films: Catalog,
    readings: Sequence[Reading],
) -> dict[str, Any]:
    """Compare the reader, from file to logit, with the trained network on the store's pixels.

    So is the leaning; and a map at each of its places and as the logit that its mean makes.
    """
    read = {
        film.key: reading.logit
        for film, reading in zip(films.films, readings, strict=True)
        if reading.status == READ
    }
    rows = store.rows(list(read)[:PARITY_FILMS])
    pixels = store.pixels[rows]
    given = dict(zip(deployed.outputs, deployed(torch.from_numpy(pixels)), strict=True))
    reader = Reader(bundle)
    trained, exported = [given["logit"]], [np.array([read[store.keys[row]] for row in rows])]
    if "subtype" in given:
        trained, exported = [*trained, given["subtype"]], [*exported, reader.leanings(pixels)]
    if "map" in given:
        maps, bias = reader.maps(pixels)
        trained = [*trained, given["map"], given["logit"]]
        exported = [*exported, maps, maps.mean((1, 2)) + bias]
    largest = max(
        float(np.max(np.abs(ours - theirs) / np.maximum(1, np.abs(ours)), initial=0))
        for ours, theirs in zip((t.numpy() for t in trained), exported, strict=True)
    )
    if not largest <= PARITY:
        raise PneumoscopeError(
            f"The exported network differs from the trained one by {largest:.2g} in the logit "
            f"(allowed: {PARITY}); this is a fault of this version, nothing was written."
        )
    return {"films": len(rows), "largest_difference": largest}


def _seen(catalog: Catalog, split: Split, store: Store, salt: str) -> tuple[SeenFilm, ...]:
    patient = {film.key: film.patient for film in catalog.films}
    return tuple(
        SeenFilm(
            store.sha256[row],
            perceptual_hash(store.pixels[row]),
            hash_patient(salt, patient[store.keys[row]]),
            name,
        )
        for name, keys in (("train", split.train), ("val", split.val))
        for row in store.rows(keys)
    )
