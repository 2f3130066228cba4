"""Where the lungs are, found in a network's features, and what each place there counts for."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, islice

import torch
from torch import Tensor, nn
from torch.nn import functional

FINDING = 64  # filters of what finds lungs in features that were not made for it


class Finder(nn.Sequential):
    """Features that were not made to find lungs -> log-odds of lung, by looking around each place.

    The features are those of several stages, the finest first, ``filters`` in all: (n, c, h, w),
    (n, c', h', w') and so on; the log-odds are of each place of the finest (n, 1, h, w).
    """

    def __init__(self, filters: int) -> None:
        layers: list[nn.Module] = [nn.BatchNorm2d(filters, affine=False)]
        layers += [nn.Conv2d(filters, FINDING, 1), nn.ReLU(inplace=True)]
        for _ in range(2):
            layers += [
                nn.Conv2d(FINDING, FINDING, 5, padding=2, groups=FINDING),
                nn.Conv2d(FINDING, FINDING, 1),
                nn.ReLU(inplace=True),
            ]
        super().__init__(*layers, all_lung_at_first(nn.Conv2d(FINDING, 1, 1)))

    def forward(self, *stages: Tensor) -> Tensor:
        norm, first = self[0], self[1]
        if not torch.compiler.is_exporting():
            x = first(norm(torch.cat([laid(each, stages[0]) for each in stages], dim=1)))
        else:  # both in one pass over each stage's own places, for who reads
            assert isinstance(norm, nn.BatchNorm2d)
            assert isinstance(first, nn.Conv2d)
            mean, variance, bias = norm.running_mean, norm.running_var, first.bias
            assert mean is not None
            assert variance is not None
            assert bias is not None
            weight = first.weight * (variance + norm.eps).rsqrt()[:, None, None]
            own = by_stage(weight, stages)
            x = functional.conv2d(stages[0], own[0], bias - weight[:, :, 0, 0] @ mean)
            for each, part in zip(stages[1:], own[1:], strict=True):
                x = x + laid(functional.conv2d(each, part), x)
        for layer in islice(self, 2, None):
            x = layer(x)
        lungs: Tensor = x
        return lungs


def all_lung_at_first(layer: nn.Conv2d) -> nn.Conv2d:
    """``layer``, with first values by which all of the film is lung."""
    assert layer.bias is not None
    nn.init.normal_(layer.weight, std=0.01)
    nn.init.constant_(layer.bias, 2.0)
    return layer


def surely(lungs: Tensor, sure: float) -> Tensor:
    """Weights of log-odds of lung (n, 1, h, w): 0 where a place is lung with a chance of ``sure``.

    A place spans much of a rib, and one that is half lung would carry the map beyond it.
    """
    return (lungs.detach().sigmoid() - sure).clamp(min=0)


def share(weights: Tensor) -> Tensor:
    """What each place counts for in a mean by ``weights`` (n, k, h, w): on average 1, or 0."""
    return weights / (weights.mean((2, 3), keepdim=True) + 5e-7)


def by_stage(values: Tensor, stages: Sequence[Tensor]) -> list[Tensor]:
    """The columns of ``values`` (k, filters) that belong to the filters of each of ``stages``."""
    ends = list(accumulate(each.shape[1] for each in stages))
    starts = [0, *ends[:-1]]
    return [values[:, start:end] for start, end in zip(starts, ends, strict=True)]


def laid(maps: Tensor, on: Tensor) -> Tensor:
    """``maps`` (n, k, h, w) on the places of a finer ``on`` (n, j, h', w'), each as often as it
    spans them: (n, k, h', w')."""
    size = on.shape[2:]
    return maps if maps.shape[2:] == size else functional.interpolate(maps, size=size)


def gathered(shares: Tensor, on: Tensor) -> Tensor:
    """``shares`` (n, k, h', w') summed over what each place of a coarser ``on`` (n, j, h, w) spans.

    So that summed with ``on`` they give what they would give with ``laid(on, shares)``.
    """
    if shares.shape[2:] == on.shape[2:]:
        return shares
    down, across = (
        torch.arange(many, device=on.device) * few // many
        for few, many in zip(on.shape[2:], shares.shape[2:], strict=True)
    )
    rows = torch.arange(on.shape[2], device=on.device).unsqueeze(1) == down
    columns = across.unsqueeze(1) == torch.arange(on.shape[3], device=on.device)
    return rows.to(shares.dtype) @ shares @ columns.to(shares.dtype)
