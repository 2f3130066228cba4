import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from conftest import planted_film
from pneumoscope.errors import MissingExtra, PneumoscopeError, UsageError
from pneumoscope.inference.bundle import Bundle, load_bundle
from pneumoscope.inference.reader import Look, Reader
from pneumoscope.inference.saliency import Grid
from pneumoscope.model.deployed import Deployed
from pneumoscope.model.gradients import METHODS, gradients, gradients_of
from pneumoscope.model.networks import NetworkOptions, build_network
from pneumoscope.model.runs import open_run
from pneumoscope.preprocess import Preprocessing


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return np.stack([planted_film(seed, side=96)[0] for seed in range(3)])


def test_grad_cam_of_the_cam_head_is_the_class_activation_map(
    finder: Deployed, finder_bundle: Bundle, pixels: np.ndarray
) -> None:
    """As Selvaraju et al. prove (2017, 3.1): the gradients are the weights of the affine layer."""
    found, stride = gradients(finder, pixels, method="gradcam")
    maps, _ = Reader(finder_bundle).maps(pixels)
    assert stride == 16
    np.testing.assert_allclose(found, maps, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("head", ["flatten", "pool"])
def test_grad_cam_of_other_heads_lies_on_their_last_features(head: str) -> None:
    network = build_network(NetworkOptions(size=96, width=0.25, head=head), seed=0)
    deployed = Deployed(network, channels=1).eval()
    film = np.random.default_rng(0).integers(0, 256, (2, 96, 96), dtype=np.uint8)
    found, stride = gradients(deployed, film, method="gradcam")
    assert (found.shape, found.dtype, stride) == ((2, 3, 3), np.float32, 32)
    assert found.std() > 0


def test_integrated_gradients_are_complete(finder: Deployed, pixels: np.ndarray) -> None:
    """They add up to the logit over that of the grey film (Sundararajan et al. 2017, axiom 3)."""
    found, stride = gradients(finder, pixels, method="integrated-gradients")
    assert (found.shape, stride) == ((3, 96, 96), 1)
    grey = np.broadcast_to(pixels.mean((1, 2), keepdims=True), pixels.shape)
    with torch.inference_mode():
        film = finder.network(torch.from_numpy(pixels).float().div(255).unsqueeze(1))
        base = finder.network(torch.from_numpy(grey.copy()).float().div(255).unsqueeze(1))
    gained = (film - base).numpy()
    assert np.abs(gained).min() > 1
    np.testing.assert_allclose(found.mean((1, 2)), gained, rtol=0.05)


@pytest.mark.parametrize("method", METHODS)
def test_gradients_speak_for_pneumonia_where_it_was_put(finder: Deployed, method: str) -> None:
    for seed in range(3):
        film, planted = planted_film(seed, side=96)
        values, stride = gradients(finder, film[None], method=method)
        evidence = Grid(values[0], stride).on_input(96)
        assert evidence[planted].mean() > 1.3 * evidence[~planted].mean()
        assert evidence[planted].mean() > 0


@pytest.mark.parametrize("method", METHODS)
def test_a_run_explains_what_its_bundle_read(
    cam_run: Path, cam_bundle_file: Path, films: Path, method: str
) -> None:
    bundle = load_bundle(cam_bundle_file)
    look = Reader(bundle).look(next((films / "test" / "PNEUMONIA").iterdir()))
    assert isinstance(look, Look)
    grid = gradients_of(open_run(cam_run), bundle, method=method)(look)
    assert grid.values.shape == ((2, 2) if method == "gradcam" else (32, 32))
    assert np.isfinite(grid.values).all()


def test_a_bundle_of_another_run_is_not_explained(
    cam_run: Path, bundle_of_brightness: Bundle, finder_bundle: Bundle, tmp_path: Path
) -> None:
    run = open_run(cam_run)
    with pytest.raises(PneumoscopeError, match="shapes films otherwise"):
        gradients_of(run, finder_bundle, method="gradcam")
    path = tmp_path / "a.png"
    Image.fromarray(planted_film(0)[0]).save(path)
    look = Reader(bundle_of_brightness).look(path)
    assert isinstance(look, Look)
    with pytest.raises(PneumoscopeError, match="where the run's network gives"):
        gradients_of(run, bundle_of_brightness, method="gradcam")(look)


@pytest.fixture
def bundle_of_brightness(tmp_path: Path) -> Bundle:
    from bundles import make_bundle

    return make_bundle(tmp_path / "b.pneumo", preprocessing=Preprocessing(size=32))


def test_an_unknown_method_is_named(finder: Deployed, pixels: np.ndarray) -> None:
    with pytest.raises(UsageError, match="there are gradcam, integrated-gradients"):
        gradients(finder, pixels, method="lime")


def test_captum_is_an_extra(
    cam_run: Path, cam_bundle_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "captum", None)
    with pytest.raises(MissingExtra, match=r"pneumoscope\[train\]"):
        gradients_of(open_run(cam_run), load_bundle(cam_bundle_file), method="gradcam")
