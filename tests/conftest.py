"""What several test files share: a small made data set, a run trained on it, its bundle."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pneumoscope.inference.guard import Guard
from pneumoscope.radiograph import load

SAMPLE = Path(__file__).parents[1] / "sample" / "chest_xray"


def draw_film(rng: np.random.Generator, *, pneumonia: bool, side: int = 72) -> np.ndarray:
    """A grey picture (side, side) uint8 easy to tell: two dark lungs, one perhaps filled."""
    y, x = np.mgrid[0:side, 0:side] / side
    film = 170 + 20 * rng.standard_normal((side, side))
    for centre in (0.3, 0.7):
        film -= 110 * np.exp(-(((x - centre) / 0.14) ** 2 + ((y - 0.5) / 0.3) ** 2))
    if pneumonia:
        centre = rng.choice([0.3, 0.7])
        film += 100 * np.exp(-(((x - centre) / 0.13) ** 2 + ((y - 0.62) / 0.16) ** 2))
    return np.clip(film, 0, 255).astype(np.uint8)


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
                    picture = Image.fromarray(draw_film(rng, pneumonia=label == "PNEUMONIA"))
                    picture.save(folder / pattern.format(p=patient, i=image), quality=92)
    return root


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """120 made films to train on and 24 to test, in Kaggle's layout."""
    root = write_films(tmp_path_factory.mktemp("films"))
    return write_films(root, patients=4, split="test", seed=1, first=500)


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
    steps = {"epochs": "16", "batch": "4", "learning_rate": "2e-3", "select": "auc"}
    shape = {"size": "32", "width": "0.5", "dropout": "0.3", "head": "pool"}
    settings = steps | shape
    out = tmp_path_factory.mktemp("run") / "run"
    train(films, out=out, recipe=named("notebook", settings), cache=cache, progress=False)
    return out


@pytest.fixture(scope="session")
def bundle_file(run_folder: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of ``run_folder``, outside of it. To be read only."""
    from pneumoscope.model.export import export

    out = tmp_path_factory.mktemp("bundle") / "made.pneumo"
    export(run_folder, out=out, cache=cache, progress=False)
    return out


@pytest.fixture(scope="session")
def film_guard() -> Guard:
    """A guard fitted to the sample's real films for training, as an export would fit it."""
    from pneumoscope.inference.guard_fit import fit_guard

    paths = sorted((SAMPLE / "train").rglob("*.jpeg"))
    return fit_guard(load(path, at_least=180).pixels for path in paths)
