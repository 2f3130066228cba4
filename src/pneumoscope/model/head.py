"""The head of a backbone: the mean over the film or over its lungs, and one affine layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from pneumoscope.model.lungs import (
    Finder,
    all_lung_at_first,
    by_stage,
    gathered,
    laid,
    share,
    surely,
)
from pneumoscope.model.options import NetworkOptions
from pneumoscope.model.zones import ZONES, zones

DROPOUT = 0.2
LEAST_VARIANCE = 1e-3  # so that an even feature has a gradient


class CamHead(nn.Module):
    """Features (n, filters, h, w) -> (n,) logits, or (n, 2) with the leaning to a virus.

    Given features of several stages, the finest first, it reads the last. Between the features and
    the logit lie only a mean and an affine layer, so that the logit is the mean of a map over the
    film, plus a bias. The first weights are drawn by torch's generator.
    """

    def __init__(self, filters: int, options: NetworkOptions) -> None:
        super().__init__()
        self.dropout = nn.Dropout(min(DROPOUT * options.dropout, 0.95))
        self.logit = nn.Linear(filters, 1)
        self.subtype = nn.Linear(filters, 1) if options.subtype else None
        for layer in (self.logit, self.subtype):
            if layer is not None:
                nn.init.normal_(layer.weight, std=0.01)
                nn.init.zeros_(layer.bias)

    def forward(self, *stages: Tensor) -> Tensor:
        return self._scores(self.pooled(*stages))

    def evidence(self, *stages: Tensor) -> tuple[Tensor, Tensor]:
        """Output as of ``forward`` and class activation maps (n, h, w), in logits.

        A map weighs what is seen at each place as the affine layer does (Zhou et al. 2016): its
        mean over the film and the layer's bias make the logit.
        """
        return self.taught(*stages)[:2]

    def taught(self, *stages: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """What ``evidence`` gives, and of a :class:`LungHead` the log-odds of lung (n, 1, h, w)."""
        seen, lungs = self._seen(*stages)
        weights = self.logit.weight[:, :, None, None]
        return self._scores(seen.mean((2, 3))), functional.conv2d(seen, weights).squeeze(1), lungs

    def pooled(self, *stages: Tensor) -> Tensor:
        """What the affine layer is given of each film (n, k)."""
        return self._seen(*stages)[0].mean((2, 3))

    def put(self, weights: Tensor, bias: float, *, output: int = 0) -> None:
        """Take an affine layer that was fitted to ``pooled`` (k,) for an output: 0 the logit."""
        layer = self._layer(output)
        with torch.no_grad():
            layer.weight.copy_(weights[None])
            layer.bias.fill_(bias)

    def _layer(self, output: int) -> nn.Linear:
        layer = (self.logit, self.subtype)[output]
        assert layer is not None
        return layer

    def _seen(self, *stages: Tensor) -> tuple[Tensor, Tensor | None]:
        """What the mean over the film is taken of (n, k, h, w), and where lungs are."""
        return stages[-1], None

    def _scores(self, pooled: Tensor) -> Tensor:
        pooled = self.dropout(pooled)
        logit: Tensor = self.logit(pooled)
        if self.subtype is None:
            return logit.squeeze(1)
        return torch.cat([logit, self.subtype(pooled)], dim=1)


class LungHead(CamHead):
    """A :class:`CamHead` whose mean is taken over the lungs, as far as the network finds them.

    A layer of its own says of each place how likely it is lung. It learns from masks alone: the
    error of the class does not reach it, or it would learn to look where the class is told.
    """

    SURE = 0.5  # chance of lung above which a place counts

    def __init__(
        self, filters: int, options: NetworkOptions, *, finder: nn.Module | None = None
    ) -> None:
        super().__init__(filters, options)
        self.lungs = all_lung_at_first(nn.Conv2d(filters, 1, 1)) if finder is None else finder

    def _seen(self, *stages: Tensor) -> tuple[Tensor, Tensor]:
        """As of :class:`CamHead`; nothing where lung is unlikely."""
        lungs: Tensor = self.lungs(stages[-1])
        return stages[-1] * share(surely(lungs, self.SURE)), lungs


class ZonesHead(LungHead):
    """A :class:`LungHead` while it learns; then a last layer of what each zone of the lungs holds.

    Features learn from the mean of the last stage over the lungs. When they are done, ``refit``
    puts an affine layer on more in its place: the spread of each feature over the lungs (a focus
    makes a feature uneven before it moves its mean), and its mean in each of six zones (see
    ``zones.py``), of all ``joined`` filters of the last stages, of which the last stage's come
    last. The map stays exact: a standard deviation is the mean of the squared deviations, each over
    that standard deviation, so that what each place gives to it is known.
    """

    SURE_IN_ZONES = 0.65  # it moves the score little, and keeps what makes it inside of the lungs
    usual: Tensor

    def __init__(self, filters: int, options: NetworkOptions, *, joined: int) -> None:
        self.kept = options.freeze > options.depth
        super().__init__(filters, options, finder=Finder(joined) if self.kept else None)
        self.filters, self.joined = filters, joined
        count = (1 + ZONES) * joined
        self.zones = nn.Linear(count, 1 + options.subtype, bias=False).requires_grad_(False)
        nn.init.zeros_(self.zones.weight)
        # What counts for no evidence, for or against; ``refit`` puts the training films' mean here.
        self.register_buffer("usual", torch.zeros(count))
        self.fitted = False  # whether zones alone are read
        loaded = self.register_load_state_dict_post_hook
        loaded(lambda head, _: head._settle())  # type: ignore[no-untyped-call]

    def forward(self, *stages: Tensor) -> Tensor:
        return self.taught(*stages)[0]

    def taught(self, *stages: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """As of :class:`CamHead`; of zones alone where a layer was fitted to them."""
        if self.training or not self.fitted:
            scores, maps, seen = super().taught(*stages)
            return scores, laid(maps.unsqueeze(1), stages[0]).squeeze(1), seen
        lungs = self._found(*stages)
        pooled = self._zoned(stages, lungs)
        present = pooled.shares.mean((2, 3)).repeat_interleave(self.joined, dim=1)
        given = self.zones(pooled.values - self.usual * present)
        weights = self.zones.weight[0].view(1 + ZONES, -1)
        usual = (weights * self.usual.view(1 + ZONES, -1)).sum(1).view(1, -1, 1, 1)
        seen = -usual
        by_spread = by_stage(weights[0] / pooled.deviation, stages)
        by_zone = by_stage(weights[1:, :, None, None], stages)
        for features, squared, spread, zone in zip(
            stages, pooled.squared, by_spread, by_zone, strict=True
        ):
            means = functional.conv2d(features, zone)
            uneven = (spread.unsqueeze(1) @ squared.flatten(2)).view_as(means[:, :1])
            seen = seen + laid(torch.cat([uneven, means], dim=1), lungs)
        maps = (seen * pooled.shares).sum(1)
        scores = given + torch.cat([layer.bias for layer in self._layers()])
        return scores if self.subtype is not None else scores.squeeze(1), maps, lungs

    def pooled(self, *stages: Tensor) -> Tensor:
        """What ``refit`` fits a layer on (n, k): see the class. ``usual`` is not taken off."""
        return self._zoned(stages, self._found(*stages)).values

    def put(self, weights: Tensor, bias: float, *, output: int = 0) -> None:
        """As of :class:`CamHead`."""
        layer = self._layer(output)
        with torch.no_grad():
            layer.weight.zero_()
            self.zones.weight[output] = weights.to(self.usual.device)
            # The layer is on values as they are, the map on what they are beyond the usual.
            layer.bias.fill_(bias + float(self.zones.weight[output] @ self.usual))
        self._settle()

    def _settle(self) -> None:
        self.fitted = not self.logit.weight.any()

    def _layers(self) -> list[nn.Linear]:
        return [layer for layer in (self.logit, self.subtype) if layer is not None]

    def _found(self, *stages: Tensor) -> Tensor:
        """Log-odds of lung (n, 1, h, w) at each place of the first stage."""
        if self.kept:
            lungs: Tensor = self.lungs(*stages)
            return lungs
        return laid(self.lungs(stages[-1][:, -self.filters :]), stages[0])

    def _seen(self, *stages: Tensor) -> tuple[Tensor, Tensor]:
        """As of :class:`LungHead`, of the last stage, on its own places if they tell its lungs."""
        last = stages[-1][:, -self.filters :]
        lungs = self._found(*stages) if self.kept else self._found(last)
        return laid(last, lungs) * share(surely(lungs, self.SURE)), lungs

    def _zoned(self, stages: Sequence[Tensor], lungs: Tensor) -> _Zoned:
        where = surely(lungs, self.SURE_IN_ZONES)
        shares = torch.cat([share(where), share(zones(where))], dim=1)
        places = shares.shape[2] * shares.shape[3]
        means, variances, squares = [], [], []
        for features in stages:
            own = gathered(shares, features).flatten(2) / places
            mean = own @ features.flatten(2).transpose(1, 2)
            squared = (features - mean[:, 0, :, None, None]).square() + LEAST_VARIANCE
            variances.append((squared.flatten(2) @ own[:, 0].unsqueeze(2)).squeeze(2))
            means.append(mean[:, 1:])
            squares.append(squared)
        variance = torch.cat(variances, dim=1)
        deviation = variance.clamp(min=LEAST_VARIANCE).sqrt()
        # Nothing, not the least deviation, where no lung is found.
        spread = variance / deviation
        values = torch.cat([spread, torch.cat(means, dim=2).flatten(1)], dim=1)
        return _Zoned(values, shares, tuple(squares), deviation)


class _Zoned(NamedTuple):
    """What :class:`ZonesHead` reads of features.

    Spread and zones' means ``values`` (n, k), and what each place counts for in them ``shares``
    (n, 7, h, w); of each stage the squared deviation at each place, and of all of them the standard
    one (n, joined).
    """

    values: Tensor
    shares: Tensor
    squared: tuple[Tensor, ...]
    deviation: Tensor


class CamNetwork(nn.Module):
    """Films (n, 1, size, size) in [0, 1] -> features, and a :class:`CamHead` on them."""

    head: CamHead

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.head(*self._features(x))
        return scores

    def evidence(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Output as of ``forward`` and class activation maps: see :meth:`CamHead.evidence`."""
        return self.head.evidence(*self._features(x))

    def taught(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """What ``evidence`` gives, and where lungs are: see :meth:`CamHead.taught`."""
        return self.head.taught(*self._features(x))

    def pooled(self, x: Tensor) -> Tensor:
        """What the affine layers are given of each film (n, k)."""
        return self.head.pooled(*self._features(x))

    def put(self, weights: Tensor, bias: float, *, output: int = 0) -> None:
        """Take an affine layer that was fitted to ``pooled``: see :meth:`CamHead.put`."""
        self.head.put(weights, bias, output=output)

    @property
    def logit(self) -> nn.Linear:
        """The affine layer that gives the logit."""
        return self.head.logit

    def _features(self, x: Tensor) -> tuple[Tensor, ...]:
        """Features (n, filters, h, w) of films: of the last stage, or of several, finest first."""
        raise NotImplementedError


def head_for(filters: int, options: NetworkOptions, *, joined: int | None = None) -> CamHead:
    """The head that ``options`` ask for, on features of so many filters.

    The head zones is given the ``joined`` filters of several stages, the last of which has
    ``filters``.
    """
    if options.head == "zones":
        return ZonesHead(filters, options, joined=joined or filters)
    return {"cam": CamHead, "lungs": LungHead}[options.head](filters, options)
