"""What several test files share: a small made data set, a run trained on it, its bundle."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from pneumoscope.inference.guard import Guard
from pneumoscope.radiograph import load

if TYPE_CHECKING:
    from pneumoscope.inference.bundle import Bundle
    from pneumoscope.model.deployed import Deployed

# Of tests that run side by side each has a core: more threads than cores wait for one another.
if hasattr(os, "sched_setaffinity") and (worker := os.environ.get("PYTEST_XDIST_WORKER")):
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[int(worker.removeprefix("gw")) % len(cores)]})

SAMPLE = Path(__file__).parents[1] / "sample" / "chest_xray"


def draw_film(
    rng: np.random.Generator, *, pneumonia: bool, side: int = 72, belly: bool = False
) -> np.ndarray:
    """A grey picture (side, side) uint8 easy to tell: two dark lungs, one perhaps filled.

    With a brighter ``belly`` below them a guard can tell which way up the film lies.
    """
    y, x = np.mgrid[0:side, 0:side] / side
    film = 170 + 20 * rng.standard_normal((side, side))
    if belly:
        film += 50 / (1 + np.exp(40 * (0.86 - y)))
    for centre in (0.3, 0.7):
        film -= 110 * np.exp(-(((x - centre) / 0.14) ** 2 + ((y - 0.5) / 0.3) ** 2))
    if pneumonia:
        centre = rng.choice([0.3, 0.7])
        film += 100 * np.exp(-(((x - centre) / 0.13) ** 2 + ((y - 0.62) / 0.16) ** 2))
    return np.clip(film, 0, 255).astype(np.uint8)


def planted_film(seed: int, *, side: int = 144) -> tuple[np.ndarray, np.ndarray]:
    """A film with pneumonia (side, side) uint8, and where it is: (side, side) bool, a seventh."""
    film, without = (
        draw_film(np.random.default_rng(seed), pneumonia=pneumonia, side=side)
        for pneumonia in (True, False)
    )
    return film, film.astype(int) - without > 10


def write_films(
    root: Path, *, patients: int = 20, split: str = "train", seed: int = 0, first: int = 1
) -> Path:
    """Write two films for each of ``patients`` normal, bacterial and viral patients (3 classes)."""
    rng = np.random.default_rng(seed)
    names = {
        "NORMAL": ["NORMAL2-IM-{p:04d}-{i:04d}.jpeg"],
        "PNEUMONIA": ["person{p}_bacteria_{i}.jpeg", "person{p}_virus_{i}.jpeg"],
    }
    for label, patterns in names.items():
        folder = root / split / label
        folder.mkdir(parents=True, exist_ok=True)
        for pattern in patterns:
            # Numbers far above Kaggle's, so that no patient is one that is held out.
            for patient in range(first + 90_000, first + 90_000 + patients):
                for image in (1, 2):
                    film = draw_film(rng, pneumonia=label == "PNEUMONIA", belly=True)
                    Image.fromarray(film).save(
                        folder / pattern.format(p=patient, i=image), quality=92
                    )
    return root


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """120 made films to train on and 24 to test, in Kaggle's layout."""
    root = write_films(tmp_path_factory.mktemp("films"))
    return write_films(root, patients=4, split="test", seed=1, first=500)


@pytest.fixture(scope="session")
def sizes(films: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Original sizes made up for ``films``: the normal ones are larger, as in the Kermany set."""
    rng = np.random.default_rng(3)
    path = tmp_path_factory.mktemp("sizes") / "original_sizes.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("split", "class", "file", "width", "height"))
        for film in sorted(films.rglob("*.jpeg")):
            split, label = film.relative_to(films).parts[:2]
            side = rng.normal(1400 if label == "NORMAL" else 1000, 150)
            writer.writerow((split, label, film.name, round(1.2 * side), round(side)))
    return path


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder that lasts for the whole test run."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def run_folder(films: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short run on the made films that learns them. To be read only."""
    from pneumoscope.model.recipe import named
    from pneumoscope.model.train import train

    # Small batches: BatchNorm's slow statistics need some hundred steps to mean anything.
    # A rate that falls to nothing ends in much the same network on any processor.
    steps = {"epochs": "16", "steps": "40", "batch": "4", "select": "auc"}
    steps |= {"learning_rate": "2e-3", "schedule": "cosine"}
    shape = {"size": "32", "width": "0.5", "dropout": "0.3", "head": "pool"}
    settings = steps | shape
    out = tmp_path_factory.mktemp("run") / "run"
    train(films, out=out, recipe=named("notebook", settings), cache=cache, progress=False)
    return out


@pytest.fixture(scope="session")
def cam_run(films: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shortest run with exact evidence (maps of 2 x 2) and subtypes. To be read only."""
    from pneumoscope.model.recipe import named
    from pneumoscope.model.train import train

    shape = {"size": "32", "width": "0.25", "dropout": "0.3", "head": "cam", "subtype": "1"}
    shape |= {"mirror": "1"}
    out = tmp_path_factory.mktemp("cam-run") / "run"
    recipe = named("notebook", {"epochs": "2", "batch": "4", "learning_rate": "2e-3"} | shape)
    train(films, out=out, recipe=recipe, cache=cache, progress=False)
    return out


@pytest.fixture(scope="session")
def cam_bundle_file(cam_run: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of ``cam_run``. To be read only."""
    from pneumoscope.model.export import export

    out = tmp_path_factory.mktemp("cam-bundle") / "cam.pneumo"
    export(cam_run, out=out, cache=cache, progress=False)
    return out


@pytest.fixture(scope="session")
def bundle_file(run_folder: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of ``run_folder``, outside of it. To be read only."""
    from pneumoscope.model.export import export

    out = tmp_path_factory.mktemp("bundle") / "made.pneumo"
    export(run_folder, out=out, cache=cache, progress=False)
    return out


@pytest.fixture(scope="session")
def finder() -> Deployed:
    """A network with exact maps of 6 x 6 that has learned the made films in a few seconds.

    Not by ``train``: with Keras' slow BatchNorm statistics it would need some hundred steps.
    """
    import torch
    from torch import nn

    from pneumoscope.model.deployed import Deployed
    from pneumoscope.model.networks import NetworkOptions, build_network

    rng = np.random.default_rng(0)
    films = [draw_film(rng, pneumonia=i % 2 == 1, side=96) for i in range(96)]
    pixels = torch.from_numpy(np.stack(films)).float().div(255).unsqueeze(1)
    truth = torch.arange(96) % 2 * 1.0
    options = NetworkOptions(size=96, width=0.25, dropout=0.0, head="cam")
    network = build_network(options, seed=0)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 0.2
    optimiser = torch.optim.Adam(network.parameters(), 1e-2)
    for step in range(50):
        chosen = np.random.default_rng(step).choice(96, 16, replace=False)
        logit = network(pixels[chosen])
        loss = nn.functional.binary_cross_entropy_with_logits(logit, truth[chosen])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return Deployed(network, channels=1).eval()


@pytest.fixture(scope="session")
def finder_bundle(finder: Deployed, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The bundle of ``finder``, in a file. To be read only."""
    from bundles import make_bundle
    from pneumoscope.metrics.calibration import Calibration
    from pneumoscope.model.deployed import to_onnx

    return make_bundle(
        tmp_path_factory.mktemp("finder") / "finder.pneumo",
        size=96,
        network=to_onnx(finder, size=96),
        calibration=Calibration(temperature=5.0),  # 50 steps make it far too sure of itself
    )


@pytest.fixture(scope="session")
def film_guard() -> Guard:
    """A guard fitted to the sample's real films for training, as an export would fit it."""
    from pneumoscope.inference.guard_fit import fit_guard

    paths = sorted((SAMPLE / "train").rglob("*.jpeg"))
    return fit_guard(load(path, at_least=180).pixels for path in paths)
