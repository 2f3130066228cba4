"""The real packages need torchvision; these stand-ins have the part of their interface in use."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from pneumoscope.errors import UsageError
from pneumoscope.model.deployed import Deployed, to_onnx
from pneumoscope.model.foreign import Foreign
from pneumoscope.model.networks import build_network
from pneumoscope.model.options import NetworkOptions


class Convolutional(nn.Module):
    num_features = 12
    pretrained_cfg = {"mean": (0.5, 0.4, 0.6), "std": (0.2, 0.3, 0.25)}  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 12, 3, stride=8, padding=1)

    def forward_features(self, x: Tensor) -> Tensor:
        return torch.relu(self.conv(x))


class Transformer(Convolutional):
    num_prefix_tokens = 1

    def forward_features(self, x: Tensor) -> Tensor:
        tokens = super().forward_features(x).flatten(2).transpose(1, 2)
        return torch.cat([tokens[:, :1] * 0 + 100, tokens], dim=1)


class ChannelsLast(Convolutional):
    def forward_features(self, x: Tensor) -> Tensor:
        return super().forward_features(x).permute(0, 2, 3, 1)


TIMM = {"conv": Convolutional, "vit": Transformer, "swin": ChannelsLast}


def create_model(name: str, *, pretrained: bool, in_chans: int, num_classes: int) -> nn.Module:
    assert (pretrained, in_chans, num_classes) == (True, 1, 0)
    if name not in TIMM:
        raise RuntimeError(f"Unknown model ({name})")
    torch.manual_seed(0)
    return TIMM[name]()


def get_model(name: str) -> nn.Module:
    model = nn.Module()
    model.features = nn.Conv2d(1, 7, 3, stride=16, padding=1)
    return model


@pytest.fixture(autouse=True)
def packages(monkeypatch: pytest.MonkeyPatch) -> None:
    timm, xrv = ModuleType("timm"), ModuleType("torchxrayvision")
    timm.create_model = create_model  # type: ignore[attr-defined]
    xrv.models = SimpleNamespace(get_model=get_model)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "timm", timm)
    monkeypatch.setitem(sys.modules, "torchxrayvision", xrv)


def build(backbone: str) -> Foreign:
    options = NetworkOptions(backbone=backbone, head="cam", size=64, subtype=True)
    made = build_network(options, seed=0).eval()
    assert isinstance(made, Foreign)
    return made


FILMS = torch.rand(3, 1, 64, 64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", TIMM)
def test_maps_tokens_and_channels_in_the_last_place_are_the_same_features(name: str) -> None:
    with torch.inference_mode():
        scores, evidence = build(f"timm:{name}").evidence(FILMS)
        expected, map_expected = build("timm:conv").evidence(FILMS)
    torch.testing.assert_close(scores, expected)
    torch.testing.assert_close(evidence, map_expected)
    assert evidence.shape == (3, 8, 8)


def test_films_are_scaled_as_the_features_expect() -> None:
    timm, xrv = build("timm:conv"), build("xrv:any")
    torch.testing.assert_close(timm.prepare(FILMS), (FILMS - 0.5) / 0.25)
    scaled = xrv.prepare(torch.tensor([0.0, 0.5, 1.0]))
    assert scaled.tolist() == [-1024, 0, 1024]
    assert (timm.stride, xrv.stride) == (8, 16)


@pytest.mark.parametrize("backbone", ["timm:vit", "xrv:any"])
def test_it_is_exported_with_its_map(backbone: str) -> None:
    deployed = Deployed(build(backbone), channels=1).eval()
    films = np.random.default_rng(0).integers(0, 256, (2, 64, 64), dtype=np.uint8)
    session = onnxruntime.InferenceSession(to_onnx(deployed, size=64))
    logit, leaning, evidence = session.run(None, {"pixels": films})
    with torch.inference_mode():
        expected = deployed(torch.from_numpy(films))
    for found, own in zip((logit, leaning, evidence), expected, strict=True):
        np.testing.assert_allclose(found, own, atol=1e-3, rtol=1e-4)
    np.testing.assert_allclose(evidence.mean((1, 2)) + deployed.bias, logit, atol=1e-3, rtol=1e-4)


def test_a_package_that_is_not_there_and_an_unknown_name_are_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(UsageError, match="timm cannot build 'resnet': Unknown model"):
        build("timm:resnet")
    monkeypatch.setitem(sys.modules, "torchxrayvision", None)
    with pytest.raises(UsageError, match="pip install torchxrayvision"):
        build("xrv:any")
