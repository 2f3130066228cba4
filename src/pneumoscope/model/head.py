"""The head of a backbone: the mean over the film or over its lungs, and one affine layer."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from pneumoscope.model.options import NetworkOptions

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

    MOMENTS = 1  # of each feature map
    SURE = 0.5  # chance of lung above which a place counts

    def __init__(self, filters: int, options: NetworkOptions) -> None:
        super().__init__(self.MOMENTS * filters, options)
        self.lungs = self._finder(filters)

    @staticmethod
    def _finder(filters: int) -> nn.Module:
        """Features (n, filters, h, w) -> log-odds of lung (n, 1, h, w)."""
        return _last(nn.Conv2d(filters, 1, 1))

    def _seen(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """As of :class:`CamHead`; nothing where lung is unlikely."""
        lungs: Tensor = self.lungs(features)
        return features * self._share(lungs), lungs

    def _share(self, lungs: Tensor) -> Tensor:
        """What each place counts for in the mean: on average 1, and 0 where lung is unlikely.

        A place spans much of a rib, and one that is half lung would carry the map beyond it.
        """
        sure = (lungs.detach().sigmoid() - self.SURE).clamp(min=0)
        return sure / (sure.mean((2, 3), keepdim=True) + 5e-7)


class MomentsHead(LungHead):
    """A :class:`LungHead` that is given the spread of each feature over the lungs beside its mean.

    A focus makes a feature uneven before it moves its mean. Statistics pooling (Snyder et al. 2018,
    *X-vectors*), kept exact in the map: a standard deviation is the mean of the squared deviations,
    each over that standard deviation, so that what each place gives to it is known.
    """

    MOMENTS = 2
    SURE = 0.65  # features that stay as they were learn nothing of where lungs end
    usual: Tensor

    def __init__(self, filters: int, options: NetworkOptions) -> None:
        super().__init__(filters, options)
        # What counts for no evidence, for or against; ``refit`` puts the training films' mean here.
        self.register_buffer("usual", torch.zeros(self.MOMENTS * filters))

    @staticmethod
    def _finder(filters: int) -> nn.Module:
        # Features that are kept as they were were not made to find lungs: this looks around.
        layers: list[nn.Module] = [nn.BatchNorm2d(filters, affine=False)]
        layers += [nn.Conv2d(filters, FINDING, 1), nn.ReLU(inplace=True)]
        for _ in range(2):
            layers += [
                nn.Conv2d(FINDING, FINDING, 5, padding=2, groups=FINDING),
                nn.Conv2d(FINDING, FINDING, 1),
                nn.ReLU(inplace=True),
            ]
        return nn.Sequential(*layers, _last(nn.Conv2d(FINDING, 1, 1)))

    def _seen(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """As of :class:`LungHead`, less ``usual``; the second half makes the spread."""
        lungs: Tensor = self.lungs(features)
        share = self._share(lungs)
        own = features * share
        squared = (features - own.mean((2, 3), keepdim=True)).square() + LEAST_VARIANCE
        spread = (squared * share).mean((2, 3), keepdim=True).clamp(min=LEAST_VARIANCE).sqrt()
        given = torch.cat([own, squared * share / spread], dim=1)
        return given - self.usual[:, None, None] * share, lungs


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

    @property
    def logit(self) -> nn.Linear:
        """The affine layer that gives the logit."""
        return self.head.logit

    def _features(self, x: Tensor) -> Tensor:
        """Features (n, filters, h, w) of films."""
        raise NotImplementedError


def _last(layer: nn.Conv2d) -> nn.Conv2d:
    """``layer``, with first values by which all of the film counts."""
    assert layer.bias is not None
    nn.init.normal_(layer.weight, std=0.01)
    nn.init.constant_(layer.bias, 2.0)
    return layer


def head_for(filters: int, options: NetworkOptions) -> CamHead:
    """The head that ``options`` ask for, on features of so many filters."""
    heads = {"cam": CamHead, "lungs": LungHead, "moments": MomentsHead}
    return heads[options.head](filters, options)
