"""The notebook's own network, with the questions it raised as options; and the choice of one."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from pneumoscope.model.foreign import Foreign, build_foreign
from pneumoscope.model.lite import Lite, build_lite
from pneumoscope.model.options import LITE, NetworkOptions

# Keras' defaults, which the notebook relied on. Keras' momentum is the share that is kept.
BATCH_NORM_EPSILON = 1e-3
BATCH_NORM_MOMENTUM = 1 - 0.99

CONV_FILTERS = (32, 64, 128, 256)
CONV_DROPOUT = (0.0, 0.0, 0.2, 0.2)
DENSE_UNITS = (512, 128, 64)
DENSE_DROPOUT = (0.7, 0.5, 0.3)


class SeparableConv(nn.Module):
    """Depthwise, then pointwise convolution with one bias (Chollet 2017), then ReLU."""

    def __init__(self, inputs: int, filters: int, *, kernel: int = 3) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(
            inputs, inputs, kernel, padding=kernel // 2, groups=inputs, bias=False
        )
        self.pointwise = nn.Conv2d(inputs, filters, 1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu_(self.pointwise(self.depthwise(x)))


class NotebookNet(nn.Module):
    """The notebook's CNN: input (n, channels, size, size) in [0, 1], output (n,) logits.

    With ``options.subtype`` the output is (n, 2): beside the logit, the leaning to a virus.
    With 3 channels at 180 px it has 3,494,433 trained values and 2,368 BatchNorm statistics,
    in the notebook's order of modules.
    """

    def __init__(self, options: NetworkOptions | None = None) -> None:
        super().__init__()
        options = options or NetworkOptions()
        self.options = options
        stem = _scaled(16, options.width)
        self.stem = nn.Sequential(
            nn.Conv2d(options.channels, stem, options.kernel, padding=options.kernel // 2),
            # In place: the two full-size maps are where a CPU spends its memory bandwidth.
            nn.ReLU(inplace=True),
            nn.Conv2d(stem, stem, options.kernel, padding=options.kernel // 2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
        )
        blocks: list[nn.Module] = []
        inputs = stem
        # A class activation map locates better from a finer grid (Zhou et al. 2016, 3.1): its head
        # leaves the last pooling out.
        poolings = len(CONV_FILTERS) - (options.head == "cam")
        for number, (base, rate) in enumerate(zip(CONV_FILTERS, CONV_DROPOUT, strict=True)):
            filters = _scaled(base, options.width)
            blocks += [
                SeparableConv(inputs, filters, kernel=options.kernel),
                SeparableConv(filters, filters, kernel=options.kernel),
                *([_batch_norm(nn.BatchNorm2d, filters)] if options.normalise else []),
                *([nn.MaxPool2d(2)] if number < poolings else []),
                *_dropout(rate, options),
            ]
            inputs = filters
        self.stride = 2 ** (1 + poolings)  # pixels of the film in one step of the features
        self.features = nn.Sequential(*blocks)

        if options.head == "flatten":
            side = options.size // self.stride
            self.pool: nn.Module = nn.Flatten()
            inputs *= side * side
        else:
            self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        dense: list[nn.Module] = []
        layers = list(zip(DENSE_UNITS, DENSE_DROPOUT, strict=True))
        if options.head == "cam":
            dense, layers = _dropout(DENSE_DROPOUT[-1], options), []
        for base, rate in layers:
            units = _scaled(base, options.width)
            dense += [
                nn.Linear(inputs, units),
                nn.ReLU(),
                *([_batch_norm(nn.BatchNorm1d, units)] if options.normalise else []),
                *_dropout(rate, options),
            ]
            inputs = units
        self.dense = nn.Sequential(*dense)
        self.logit = nn.Linear(inputs, 1)
        self.subtype = nn.Linear(inputs, 1) if options.subtype else None

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(self.features(self.stem(x)))
        return self._scores(self.dense(x))

    def evidence(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Output of ``forward``, and class activation maps (n, h, w) in logits (Zhou et al. 2016).

        A map weighs each feature map as the affine layer does: its mean over the film and the
        layer's bias make the logit. Exact in evaluation mode, and for the ``cam`` head alone:
        between pooling and logit no other has only an affine layer.
        """
        if self.options.head != "cam":
            raise ValueError(f"the head {self.options.head!r} gives no class activation map")
        features = self.features(self.stem(x))
        scores = self._scores(self.dense(self.pool(features)))
        weights = self.logit.weight[:, :, None, None]
        return scores, nn.functional.conv2d(features, weights).squeeze(1)

    def taught(self, x: Tensor) -> tuple[Tensor, Tensor, None]:
        """What ``evidence`` gives, and None: this network does not look for lungs."""
        return *self.evidence(x), None

    def _scores(self, x: Tensor) -> Tensor:
        logit: Tensor = self.logit(x)
        if self.subtype is None:
            return logit.squeeze(1)
        return torch.cat([logit, self.subtype(x)], dim=1)


Network = NotebookNet | Lite | Foreign


def build_network(options: NetworkOptions, *, seed: int) -> Network:
    """The network of ``options``, with the same first values for the same seed.

    The notebook's has Keras' initial values, the others what they come with but for the last layer.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if options.backbone in LITE:
            return build_lite(options)
        if ":" in options.backbone:
            return build_foreign(options)
        network = NotebookNet(options)
        for module in network.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                _glorot_uniform(module)
    return network


def _glorot_uniform(layer: nn.Conv2d | nn.Linear) -> None:
    """Keras' default initialisation (Glorot and Bengio 2010): uniform weights, zero bias.

    Keras counts the fans of a depthwise kernel (h, w, channels, 1) as h*w*channels and h*w,
    where PyTorch's own initialiser would count h*w and h*w*channels/groups.
    """
    weight = layer.weight
    field = math.prod(weight.shape[2:])
    if isinstance(layer, nn.Conv2d) and layer.groups > 1:
        fan_in, fan_out = field * weight.shape[0], field
    else:
        fan_in, fan_out = field * weight.shape[1], field * weight.shape[0]
    limit = math.sqrt(6 / (fan_in + fan_out))
    nn.init.uniform_(weight, -limit, limit)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


def _batch_norm(
    kind: type[nn.BatchNorm1d] | type[nn.BatchNorm2d], features: int
) -> nn.BatchNorm1d | nn.BatchNorm2d:
    return kind(features, eps=BATCH_NORM_EPSILON, momentum=BATCH_NORM_MOMENTUM)


def _dropout(rate: float, options: NetworkOptions) -> list[nn.Module]:
    rate = min(rate * options.dropout, 0.95)
    return [nn.Dropout(rate)] if rate > 0 else []


def _scaled(count: int, width: float) -> int:
    return max(1, round(count * width))
