"""The head of a backbone: the mean over the film or over its lungs, and one affine layer."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from pneumoscope.model.options import NetworkOptions

DROPOUT = 0.2


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
        return self._scores(features)

    def evidence(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Output as of ``forward`` and class activation maps (n, h, w), in logits.

        A map weighs each feature map as the affine layer does (Zhou et al. 2016): its mean over the
        film and the layer's bias make the logit.
        """
        weights = self.logit.weight[:, :, None, None]
        return self._scores(features), functional.conv2d(features, weights).squeeze(1)

    def _scores(self, features: Tensor) -> Tensor:
        pooled = self.dropout(features.mean((2, 3)))
        logit: Tensor = self.logit(pooled)
        if self.subtype is None:
            return logit.squeeze(1)
        return torch.cat([logit, self.subtype(pooled)], dim=1)


class LungHead(CamHead):
    """A :class:`CamHead` whose mean is taken over the lungs, as far as the network finds them.

    A layer of its own says of each place how likely it is lung. It learns from masks alone: the
    error of the class does not reach it, or it would learn to look where the class is told.
    """

    def __init__(self, filters: int, options: NetworkOptions) -> None:
        super().__init__(filters, options)
        self.lungs = nn.Conv2d(filters, 1, 1)
        nn.init.normal_(self.lungs.weight, std=0.01)
        nn.init.constant_(self.lungs.bias, 2.0)  # type: ignore[arg-type]  # all counts, at first

    def forward(self, features: Tensor) -> Tensor:
        return super().forward(features * self._share(self.lungs(features)))

    def evidence(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """As of :class:`CamHead`; the map is nothing where lung is unlikely."""
        return super().evidence(features * self._share(self.lungs(features)))

    @staticmethod
    def _share(lungs: Tensor) -> Tensor:
        """What each place counts for in the mean: on average 1, and 0 where lung is unlikely.

        A place spans much of a rib, and one that is half lung would carry the map beyond it.
        """
        sure = (2 * lungs.detach().sigmoid() - 1).clamp(min=0)
        return sure / (sure.mean((2, 3), keepdim=True) + 1e-6)


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
        """What ``evidence`` gives, and of a :class:`LungHead` the log-odds of lung (n, 1, h, w)."""
        features = self._features(x)
        lungs = self.head.lungs(features) if isinstance(self.head, LungHead) else None
        return *self.head.evidence(features), lungs

    @property
    def logit(self) -> nn.Linear:
        """The affine layer that gives the logit."""
        return self.head.logit

    def _features(self, x: Tensor) -> Tensor:
        """Features (n, filters, h, w) of films."""
        raise NotImplementedError


def head_for(filters: int, options: NetworkOptions) -> CamHead:
    """The head that ``options`` ask for, on features of so many filters."""
    kind = LungHead if options.head == "lungs" else CamHead
    return kind(filters, options)
