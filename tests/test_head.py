from __future__ import annotations

import pytest
import torch

from pneumoscope.model.head import CamHead, LungHead, head_for
from pneumoscope.model.options import NetworkOptions

OPTIONS = NetworkOptions(backbone="lite0", head="lungs", subtype=True)


@pytest.fixture
def head() -> LungHead:
    torch.manual_seed(0)
    made = LungHead(6, OPTIONS).eval()
    with torch.no_grad():
        for layer in (made.logit, made.subtype, made.lungs):
            assert layer is not None
            layer.weight.normal_()
            layer.bias.normal_()
    return made


@pytest.fixture
def features() -> torch.Tensor:
    return torch.rand(3, 6, 4, 5, generator=torch.Generator().manual_seed(1))


def test_options_choose_the_head() -> None:
    assert type(head_for(6, OPTIONS)) is LungHead
    assert type(head_for(6, NetworkOptions(backbone="lite0", head="cam"))) is CamHead


def test_the_map_and_the_bias_make_the_logit(head: LungHead, features: torch.Tensor) -> None:
    scores, maps = head.evidence(features)
    assert scores.shape == (3, 2)
    assert maps.shape == (3, 4, 5)
    torch.testing.assert_close(maps.mean((1, 2)) + head.logit.bias, scores[:, 0])
    torch.testing.assert_close(head(features), scores)


def test_what_lies_outside_of_the_lungs_counts_for_nothing(
    head: LungHead, features: torch.Tensor
) -> None:
    with torch.no_grad():  # the first feature says where lung is
        head.lungs.weight.zero_()
        head.lungs.weight[0, 0] = 80.0
        head.lungs.bias.fill_(-40.0)
    inside = torch.zeros(4, 5, dtype=torch.bool)
    inside[1:3, 1:4] = True
    features[:, 0] = inside.float()
    scores, maps = head.evidence(features)
    assert maps[:, ~inside].abs().max() < 1e-6
    mean = features[:, :, inside].mean(2)
    torch.testing.assert_close(head.logit(mean)[:, 0], scores[:, 0])
    changed = features.clone()
    changed[:, 1:, ~inside] += 5
    torch.testing.assert_close(head(changed), scores)


def test_the_error_of_the_class_does_not_say_where_lungs_are(
    head: LungHead, features: torch.Tensor
) -> None:
    head(features).sum().backward()
    assert head.logit.weight.grad is not None
    assert head.lungs.weight.grad is None


def test_evenly_lung_is_the_mean_over_the_film(head: LungHead, features: torch.Tensor) -> None:
    with torch.no_grad():
        head.lungs.weight.zero_()
        head.lungs.bias.fill_(2.0)
    plain = CamHead(6, OPTIONS).eval()
    plain.load_state_dict(head.state_dict(), strict=False)
    torch.testing.assert_close(head(features), plain(features))


def test_where_no_lung_is_found_there_is_no_evidence(
    head: LungHead, features: torch.Tensor
) -> None:
    with torch.no_grad():
        head.lungs.weight.zero_()
        head.lungs.bias.fill_(-2.0)
    scores, maps = head.evidence(features)
    assert not maps.any()
    torch.testing.assert_close(scores[:, 0], head.logit.bias.expand(3))
