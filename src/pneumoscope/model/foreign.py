"""Backbones of timm and torchxrayvision, where the user has installed these packages."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from pneumoscope.errors import PneumoscopeError, UsageError
from pneumoscope.model.head import CamNetwork, head_for
from pneumoscope.model.options import NetworkOptions


class Foreign(CamNetwork):
    """Films (n, 1, size, size) in [0, 1] -> logits, by another package's features and our head.

    ``prepare`` brings films to the greys that the features expect; ``stride`` is the pixels of the
    film in one step of the features.
    """

    def __init__(
        self,
        options: NetworkOptions,
        features: nn.Module,
        *,
        prepare: Callable[[Tensor], Tensor],
    ) -> None:
        super().__init__()
        self.options = options
        self.features = features
        self.prepare = prepare
        with torch.no_grad():
            shape = self._features(torch.zeros(2, 1, options.size, options.size))[0].shape
        self.stride = options.size / shape[3]
        self.head = head_for(shape[1], options)

    def _features(self, x: Tensor) -> tuple[Tensor, ...]:
        return (self.features(self.prepare(x)),)


class TimmFeatures(nn.Module):
    """The features of a timm model as maps (n, filters, h, w), those of transformers too."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.model.forward_features(x)
        if found.ndim == 3:  # (n, tokens, filters); what is no place in the film comes first
            found = found[:, getattr(self.model, "num_prefix_tokens", 0) :]
            side = math.isqrt(found.shape[1])
            found = found.reshape(len(found), side, side, -1)
        if found.shape[-1] == self.model.num_features and found.shape[1] == found.shape[2]:
            found = found.permute(0, 3, 1, 2)
        return found


def build_foreign(options: NetworkOptions) -> Foreign:
    """The network of a ``backbone`` such as timm:resnet18 or xrv:densenet121-res224-all.

    Raises ``UsageError`` where the package is not installed or does not know the name.
    """
    family, _, name = options.backbone.partition(":")
    try:
        if family == "timm":
            return _timm(options, _import("timm"), name)
        return _xrv(options, _import("torchxrayvision"), name)
    except PneumoscopeError:
        raise
    except Exception as error:  # each package raises its own for a name that it does not know
        raise UsageError(f"{family} cannot build {name!r}: {error}.") from error


def _timm(options: NetworkOptions, timm: Any, name: str) -> Foreign:
    model = timm.create_model(name, pretrained=True, in_chans=1, num_classes=0)
    facts = model.pretrained_cfg
    # With one channel timm sums the kernels of three, so the greys are scaled as they were.
    centre, spread = (sum(facts[part]) / len(facts[part]) for part in ("mean", "std"))
    return Foreign(options, TimmFeatures(model), prepare=lambda x: (x - centre) / spread)


def _xrv(options: NetworkOptions, xrv: Any, name: str) -> Foreign:
    model = xrv.models.get_model(name)
    # torchxrayvision's films have greys from -1024 to 1024.
    return Foreign(options, model.features, prepare=lambda x: (2 * x - 1) * 1024)


def _import(package: str) -> Any:
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        raise UsageError(
            f"This backbone needs {package}, which is not installed: pip install {package}."
        ) from error
