"""The head of a backbone: the mean over the film or over its lungs, and one affine layer."""

from __future__ import annotations

from itertools import islice

import torch
from torch import Tensor, nn
from torch.nn import functional

from pneumoscope.model.options import NetworkOptions
from pneumoscope.model.zones import ZONES, zones

DROPOUT = 0.2
FINDING = 64  # filters of what finds lungs in features that were not made for it
LEAST_VARIANCE = 1e-3  # so that an even feature has a gradient


class CamHead(nn.Module):
    """Features (n, filters, h, w) -> (n,) logits, or (n, 2) with the leaning to a virus.

    Between the features and the logit lie only a mean and an affine layer, so that the logit is the
    mean of a map over the film, plus a bias. The first weights are drawn by torch's generator.
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

    def forward(self, features: Tensor) -> Tensor:
        return self._scores(self.pooled(features))

    def evidence(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Output as of ``forward`` and class activation maps (n, h, w), in logits.

        A map weighs what is seen at each place as the affine layer does (Zhou et al. 2016): its
        mean over the film and the layer's bias make the logit.
        """
        return self.taught(features)[:2]

    def taught(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """What ``evidence`` gives, and of a :class:`LungHead` the log-odds of lung (n, 1, h, w)."""
        seen, lungs = self._seen(features)
        weights = self.logit.weight[:, :, None, None]
        return self._scores(seen.mean((2, 3))), functional.conv2d(seen, weights).squeeze(1), lungs

    def pooled(self, features: Tensor) -> Tensor:
        """What the affine layer is given of each film (n, k)."""
        return self._seen(features)[0].mean((2, 3))

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

    def _seen(self, features: Tensor) -> tuple[Tensor, Tensor | None]:
        """What the mean over the film is taken of (n, k, h, w), and where lungs are."""
        return features, None

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
        self.lungs = _last(nn.Conv2d(filters, 1, 1)) if finder is None else finder

    def _seen(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """As of :class:`CamHead`; nothing where lung is unlikely."""
        lungs: Tensor = self.lungs(features)
        return features * _share(_surely(lungs, self.SURE)), lungs


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
        super().__init__(filters, options, finder=_Finder(joined) if self.kept else None)
        self.filters = filters
        count = (1 + ZONES) * joined
        self.zones = nn.Linear(count, 1 + options.subtype, bias=False).requires_grad_(False)
        nn.init.zeros_(self.zones.weight)
        # What counts for no evidence, for or against; ``refit`` puts the training films' mean here.
        self.register_buffer("usual", torch.zeros(count))
        self.fitted = False  # whether zones alone are read
        loaded = self.register_load_state_dict_post_hook
        loaded(lambda head, _: head._settle())  # type: ignore[no-untyped-call]

    def forward(self, features: Tensor) -> Tensor:
        return self.taught(features)[0]

    def taught(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """As of :class:`CamHead`. What zones give is left out while the network learns."""
        if self.training or not self.fitted:
            scores, maps, seen_lungs = super().taught(features)
            assert seen_lungs is not None
            lungs = seen_lungs
        else:
            lungs = self._found(features)
            maps = features.new_zeros(())
            scores = torch.cat([layer.bias for layer in self._layers()])
            scores = scores if self.subtype is not None else scores.squeeze(0)
        if self.training:
            return scores, maps, lungs
        values, shares, squared, deviation = self._zoned(features, lungs)
        present = shares.mean((2, 3)).repeat_interleave(features.shape[1], dim=1)
        given = self.zones(values - self.usual * present)
        weights = self.zones.weight[0].view(1 + ZONES, -1)
        usual = (weights * self.usual.view(1 + ZONES, -1)).sum(1).view(1, -1, 1, 1)
        by_zone = functional.conv2d(features, weights[1:, :, None, None])
        of_spread = (weights[0] / deviation).unsqueeze(1) @ squared.flatten(2)
        seen = torch.cat([of_spread.view_as(by_zone[:, :1]), by_zone], dim=1)
        maps = maps + ((seen - usual) * shares).sum(1)
        return scores + (given if self.subtype is not None else given.squeeze(1)), maps, lungs

    def pooled(self, features: Tensor) -> Tensor:
        """What ``refit`` fits a layer on (n, k): see the class. ``usual`` is not taken off."""
        return self._zoned(features, self._found(features))[0]

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
        self.fitted = not any(layer.weight.any() for layer in self._layers())

    def _layers(self) -> list[nn.Linear]:
        return [layer for layer in (self.logit, self.subtype) if layer is not None]

    def _found(self, features: Tensor) -> Tensor:
        """Log-odds of lung (n, 1, h, w)."""
        lungs: Tensor = self.lungs(features if self.kept else features[:, -self.filters :])
        return lungs

    def _seen(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """As of :class:`LungHead`, of the last stage."""
        lungs = self._found(features)
        return features[:, -self.filters :] * _share(_surely(lungs, self.SURE)), lungs

    def _zoned(self, features: Tensor, lungs: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Spread and zones' means (n, k), and what each place counts for in each (n, 7, h, w); the
        squared deviation at each place (n, joined, h, w), and the standard one (n, joined)."""
        where = _surely(lungs.detach(), self.SURE_IN_ZONES)
        shares = torch.cat([_share(where), _share(zones(where))], dim=1)
        places = shares.shape[2] * shares.shape[3]
        means = shares.flatten(2) @ features.flatten(2).transpose(1, 2) / places
        squared = (features - means[:, 0, :, None, None]).square() + LEAST_VARIANCE
        variance = (squared.flatten(2) @ shares[:, 0].flatten(1).unsqueeze(2)).squeeze(2) / places
        deviation = variance.clamp(min=LEAST_VARIANCE).sqrt()
        # Nothing, not the least deviation, where no lung is found.
        values = torch.cat([variance / deviation, means[:, 1:].flatten(1)], dim=1)
        return values, shares, squared, deviation


class CamNetwork(nn.Module):
    """Films (n, 1, size, size) in [0, 1] -> features, and a :class:`CamHead` on them."""

    head: CamHead

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.head(self._features(x))
        return scores

    def evidence(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Output as of ``forward`` and class activation maps: see :meth:`CamHead.evidence`."""
        return self.head.evidence(self._features(x))

    def taught(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """What ``evidence`` gives, and where lungs are: see :meth:`CamHead.taught`."""
        return self.head.taught(self._features(x))

    def pooled(self, x: Tensor) -> Tensor:
        """What the affine layers are given of each film (n, k)."""
        return self.head.pooled(self._features(x))

    def put(self, weights: Tensor, bias: float, *, output: int = 0) -> None:
        """Take an affine layer that was fitted to ``pooled``: see :meth:`CamHead.put`."""
        self.head.put(weights, bias, output=output)

    @property
    def logit(self) -> nn.Linear:
        """The affine layer that gives the logit."""
        return self.head.logit

    def _features(self, x: Tensor) -> Tensor:
        """Features (n, filters, h, w) of films."""
        raise NotImplementedError


def _surely(lungs: Tensor, sure: float) -> Tensor:
    """Weights of log-odds of lung (n, 1, h, w): 0 where a place is lung with a chance of ``sure``.

    A place spans much of a rib, and one that is half lung would carry the map beyond it.
    """
    return (lungs.detach().sigmoid() - sure).clamp(min=0)


def _share(weights: Tensor) -> Tensor:
    """What each place counts for in a mean by ``weights`` (n, k, h, w): on average 1, or 0."""
    return weights / (weights.mean((2, 3), keepdim=True) + 5e-7)


class _Finder(nn.Sequential):
    """Features (n, filters, h, w) that were not made to find lungs -> log-odds of lung, by looking
    around each place."""

    def __init__(self, filters: int) -> None:
        layers: list[nn.Module] = [nn.BatchNorm2d(filters, affine=False)]
        layers += [nn.Conv2d(filters, FINDING, 1), nn.ReLU(inplace=True)]
        for _ in range(2):
            layers += [
                nn.Conv2d(FINDING, FINDING, 5, padding=2, groups=FINDING),
                nn.Conv2d(FINDING, FINDING, 1),
                nn.ReLU(inplace=True),
            ]
        super().__init__(*layers, _last(nn.Conv2d(FINDING, 1, 1)))

    def forward(self, x: Tensor) -> Tensor:
        norm, first = self[0], self[1]
        if not torch.compiler.is_exporting():
            x = first(norm(x))
        else:  # both in one pass over the features, for who reads
            assert isinstance(norm, nn.BatchNorm2d)
            assert isinstance(first, nn.Conv2d)
            mean, variance, bias = norm.running_mean, norm.running_var, first.bias
            assert mean is not None
            assert variance is not None
            assert bias is not None
            weight = first.weight * (variance + norm.eps).rsqrt()[:, None, None]
            x = functional.conv2d(x, weight, bias - weight[:, :, 0, 0] @ mean)
        for layer in islice(self, 2, None):
            x = layer(x)
        return x


def _last(layer: nn.Conv2d) -> nn.Conv2d:
    """``layer``, with first values by which all of the film counts."""
    assert layer.bias is not None
    nn.init.normal_(layer.weight, std=0.01)
    nn.init.constant_(layer.bias, 2.0)
    return layer


def head_for(filters: int, options: NetworkOptions, *, joined: int | None = None) -> CamHead:
    """The head that ``options`` ask for, on features of so many filters.

    The head zones is given the ``joined`` filters of several stages, the last of which has
    ``filters``.
    """
    if options.head == "zones":
        return ZonesHead(filters, options, joined=joined or filters)
    return {"cam": CamHead, "lungs": LungHead}[options.head](filters, options)
