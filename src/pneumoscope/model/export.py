"""A trained run -> a sealed bundle: ONNX, parity on real films, calibration on validation."""

from __future__ import annotations

import contextlib
import io
import logging
import math
import secrets
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pneumoscope import radiograph
from pneumoscope.data.cache import Store, open_store
from pneumoscope.data.catalog import Catalog, Film, open_catalog
from pneumoscope.data.duplicates import perceptual_hash
from pneumoscope.data.split import Split
from pneumoscope.errors import PneumoscopeError, UnreadableFilm
from pneumoscope.film import Pixels
from pneumoscope.inference.bundle import Bundle, SeenFilm, hash_patient, save_bundle
from pneumoscope.inference.guard import Guard
from pneumoscope.inference.guard_fit import fit_guard, plenty
from pneumoscope.inference.reader import READ, Reader, Reading
from pneumoscope.metrics import calibration
from pneumoscope.metrics.calibration import Calibration, OperatingPoints
from pneumoscope.model.networks import NotebookNet, build_network
from pneumoscope.model.recipe import Recipe
from pneumoscope.model.runs import Run, State, open_run

# Two runtimes add float32 in other orders; a wrong weight or a missing layer moves a logit by far
# more than this, a real film's rounding by far less.
PARITY = 1e-3
PARITY_FILMS = 64


class Deployed(nn.Module):
    """The network as a reader calls it: (films, size, size) uint8 -> (films,) logits.

    A network whose head permits it gives a map (films, h, w) beside them, whose mean plus the bias
    of the head is the logit; ``outputs`` are their names.
    """

    def __init__(self, network: NotebookNet, *, channels: int) -> None:
        super().__init__()
        self.network = network
        self.channels = channels
        self.outputs = ("logit", "map") if network.options.head == "cam" else ("logit",)

    def forward(self, pixels: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        films = pixels.float().mul(1 / 255).unsqueeze(1).expand(-1, self.channels, -1, -1)
        if "map" in self.outputs:
            return self.network.evidence(films)
        logit: Tensor = self.network(films)
        return logit


def export(
    folder: Path | str,
    *,
    out: Path | str | None = None,
    where: Path | str | None = None,
    cache: Path | None = None,
    threads: int | None = None,
    progress: bool = True,
) -> Bundle:
    """Export the selected epoch of the run in ``folder`` and return the bundle that was written.

    The network is exported without calibration, the reader scores the validation films with it,
    calibration and operating points are fitted on these scores, and the bundle is sealed. ``where``
    names the films if they have moved since. Raises ``PneumoscopeError`` if the exported network
    does not agree with the trained one on real films to 0.001 in the logit. The guard is fitted to
    the training films, and is set last: the films that calibrate are known to be films.
    """
    run = open_run(folder)
    state, facts, recipe = run.best(), run.facts, run.recipe
    places = facts["data"]
    sizes = places["sizes"] if where is None else None
    catalog = open_catalog(where or places["where"], sizes=sizes, positive=places["positive"])
    split = Split.load(run.split_file, catalog)
    films = [film for film in catalog.films if film.split != "test"]
    store = open_store(films, recipe.preprocessing(), cache=cache, progress=progress)
    run.require_same_films(store)

    deployed = _deployed(recipe, state)
    bundle = _uncalibrated(deployed, recipe, catalog.classes)
    validation = catalog.pick(split.val)
    readings = _read(bundle, validation, threads=threads, progress=progress)
    parity = _check_parity(deployed, bundle, store, validation, readings)
    truth, logit = _scores(validation, readings)
    salt = secrets.token_hex(16)
    bundle = replace(
        bundle,
        calibration=calibration.fit(truth, logit),
        operating_points=calibration.fit_operating_points(truth, logit),
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
                "films": len(truth),
                "positives": int(truth.sum()),
                "refused": len(readings) - len(truth),
            },
            "parity": parity,
            "data": {"fingerprint": places["fingerprint"], "split": facts["split"]},
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


def randomised(bundle: Bundle, run: Run, *, seed: int) -> Bundle:
    """``bundle``, an export of ``run``, with a network of the same shape that has learned nothing.

    What a map of the trained network shows and a map of this one does not was learned (Adebayo et
    al. 2018, *Sanity Checks for Saliency Maps*).
    """
    recipe = run.recipe
    network = build_network(recipe.network_options(), seed=seed)
    untrained = Deployed(network, channels=recipe.channels).eval()
    return replace(bundle, network=to_onnx(untrained, size=recipe.size), path=None)


def load_deployed(run: Run) -> Deployed:
    """The network of the selected epoch of ``run``, as a reader would call it."""
    return _deployed(run.recipe, run.best())


def _deployed(recipe: Recipe, state: State) -> Deployed:
    network = build_network(recipe.network_options(), seed=recipe.seed)
    network.load_state_dict(state["network"])
    return Deployed(network, channels=recipe.channels).eval()


def _uncalibrated(deployed: Deployed, recipe: Recipe, classes: tuple[str, str]) -> Bundle:
    return Bundle(
        network=to_onnx(deployed, size=recipe.size),
        classes=classes,
        preprocessing=recipe.preprocessing(),
        calibration=Calibration(),
        operating_points=OperatingPoints(0.0, 0.0, 0.0),
        guard=Guard(),
    )


def to_onnx(deployed: Deployed, *, size: int) -> bytes:
    """``deployed`` as one ONNX file with any number of films, (films, size, size) uint8.

    Where it gives a map, the file's metadata hold ``map_bias``, the logit less the map's mean, and
    ``map_stride``, the pixels of the input from one value of the map to the next.
    """
    example = torch.zeros(2, size, size, dtype=torch.uint8)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")  # the exporter's own use of what Python deprecates
        program = torch.onnx.export(
            deployed,
            (example,),
            input_names=["pixels"],
            output_names=list(deployed.outputs),
            dynamic_shapes={"pixels": {0: torch.export.Dim("films")}},
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    # Where in our sources each node came from is of no use to a reader, and names this machine.
    model = program.model_proto
    del model.metadata_props[:]
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    if "map" in deployed.outputs:
        bias = deployed.network.logit.bias.item()
        for name, value in (("map_bias", bias), ("map_stride", deployed.network.stride)):
            model.metadata_props.add(key=name, value=repr(value))
    network: bytes = model.SerializeToString()
    return network


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


def _scores(films: Catalog, readings: Sequence[Reading]) -> tuple[np.ndarray, np.ndarray]:
    """Truth and logit of the films that were read."""
    pairs = [
        (film.label, reading.logit)
        for film, reading in zip(films.films, readings, strict=True)
        if reading.status == READ
    ]
    if len({label for label, _ in pairs}) < 2:
        raise PneumoscopeError(
            "The validation films that could be read are not of both classes, so the bundle "
            "cannot be calibrated."
        )
    return np.array([label for label, _ in pairs]), np.array([logit for _, logit in pairs])


@torch.inference_mode()
def _check_parity(
    deployed: Deployed, bundle: Bundle, store: Store, films: Catalog, readings: Sequence[Reading]
) -> dict[str, Any]:
    """Compare the reader, from file to logit, with the trained network on the store's pixels.

    A map is compared too, at each of its places and as the logit that its mean makes.
    """
    read = {
        film.key: reading.logit
        for film, reading in zip(films.films, readings, strict=True)
        if reading.status == READ
    }
    rows = store.rows(list(read)[:PARITY_FILMS])
    pixels = store.pixels[rows]
    given = deployed(torch.from_numpy(pixels))
    trained, exported = [given], [np.array([read[store.keys[row]] for row in rows])]
    if "map" in deployed.outputs:
        maps, bias = Reader(bundle).maps(pixels)
        trained, exported = [*given, given[0]], [*exported, maps, maps.mean((1, 2)) + bias]
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
