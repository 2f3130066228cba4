"""How far Dropout moves the variances that BatchNorm has learned, layer by layer."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pneumoscope.model.feeding import with_channels
from pneumoscope.model.networks import build_network
from pneumoscope.model.recipe import Recipe

_BATCH = 16  # a batch of 64 leaves the processor's cache and takes more than twice as long


@dataclass(frozen=True, slots=True)
class LayerShift:
    """One BatchNorm layer: its name and its shift ratio, 1 where nothing moved."""

    layer: str
    ratio: float

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


@torch.inference_mode()
def variance_shift(
    weights: dict[str, Tensor], recipe: Recipe, pixels: np.ndarray
) -> tuple[LayerShift, ...]:
    """Shift ratio of every BatchNorm layer, in order; none in a network without BatchNorm.

    As Li et al. 2019 ("Understanding the disharmony between dropout and batch normalization by
    variance shift", section 4) measure it: the variance that the layer meets at inference, here on
    the training films ``pixels`` (films, size, size) uint8, against the running variance that it
    gathered in training, as the larger over the smaller, averaged over channels. Both have the
    layer's epsilon added, as in the division that BatchNorm makes.
    """
    network = build_network(recipe.network_options(), seed=recipe.seed)
    network.load_state_dict(weights)
    network.eval()
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    layers = {
        name: module
        for name, module in network.named_modules()
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d))
    }
    sums: dict[str, list[Tensor]] = {name: [] for name in layers}
    for name, module in layers.items():
        module.register_forward_pre_hook(_collect(sums[name]))
    for start in range(0, len(pixels), _BATCH):
        films = torch.from_numpy(pixels[start : start + _BATCH]).float().mul(1 / 255)
        network(with_channels(films.unsqueeze(1), recipe))
    found = []
    for name, module in layers.items():
        count, total, square = torch.stack(sums[name]).sum(dim=0)
        met = square / count - (total / count) ** 2 + module.eps
        assert module.running_var is not None
        learned = module.running_var.double() + module.eps
        ratio = torch.maximum(met / learned, learned / met).mean()
        found.append(LayerShift(name, round(float(ratio), 4)))
    return tuple(found)


def _collect(sums: list[Tensor]) -> Any:
    def hook(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        values = inputs[0]
        others = [axis for axis in range(values.ndim) if axis != 1]
        variance, mean = (x.double() for x in torch.var_mean(values, others, correction=0))
        count = torch.full_like(mean, values.numel() / len(mean))
        sums.append(torch.stack([count, count * mean, count * (variance + mean**2)]))

    return hook
