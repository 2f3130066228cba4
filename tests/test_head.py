from __future__ import annotations

import pytest
import torch

from pneumoscope.model.head import CamHead, LungHead, MomentsHead, head_for
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
    moments = head_for(6, NetworkOptions(backbone="lite0", head="moments"))
    assert type(moments) is MomentsHead
    assert moments.logit.in_features == 12


def test_the_map_and_the_bias_make_the_logit(head: LungHead, features: torch.Tensor) -> None:
    scores, maps = head.evidence(features)
    assert scores.shape == (3, 2)
    assert maps.shape == (3, 4, 5)
    torch.testing.assert_close(maps.mean((1, 2)) + head.logit.bias, scores[:, 0])
    torch.testing.assert_close(head(features), scores)


def test_what_is_taught_looks_for_lungs_once(head: LungHead, features: torch.Tensor) -> None:
    looks: list[int] = []
    head.lungs.register_forward_hook(lambda *_: looks.append(1))
    scores, maps, lungs = head.taught(features)
    assert len(looks) == 1
    assert lungs is not None
    torch.testing.assert_close(lungs, head.lungs(features))
    for told, again in zip((scores, maps), head.evidence(features), strict=True):
        torch.testing.assert_close(told, again)


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


@pytest.fixture
def moments() -> MomentsHead:
    torch.manual_seed(2)
    made = MomentsHead(6, OPTIONS).eval()
    with torch.no_grad():
        for layer in (made.logit, made.subtype):
            assert layer is not None
            layer.weight.normal_()
            layer.bias.normal_()
    return made


def only(inside: torch.Tensor) -> torch.nn.Module:
    """A finder that takes the places where ``inside`` (h, w) is True for lung."""

    class Finder(torch.nn.Module):
        def forward(self, features: torch.Tensor) -> torch.Tensor:
            odds = torch.where(inside, 40.0, -40.0)
            return odds.expand(len(features), 1, *inside.shape)

    return Finder()


def test_moments_are_mean_and_spread_over_the_lungs(
    moments: MomentsHead, features: torch.Tensor
) -> None:
    inside = torch.zeros(4, 5, dtype=torch.bool)
    inside[1:3, 1:4] = True
    moments.lungs = only(inside)
    values = features[:, :, inside]
    spread = (values.var(2, correction=0) + 1e-3).sqrt()
    expected = torch.cat([values.mean(2), spread], dim=1)
    torch.testing.assert_close(moments.pooled(features), expected)
    scores, maps = moments.evidence(features)
    torch.testing.assert_close(scores[:, 0], moments.logit(expected)[:, 0])
    torch.testing.assert_close(maps.mean((1, 2)) + moments.logit.bias, scores[:, 0])
    assert not maps[:, ~inside].any()


def test_moments_where_no_lung_is_found_are_no_evidence(
    moments: MomentsHead, features: torch.Tensor
) -> None:
    moments.lungs = only(torch.zeros(4, 5, dtype=torch.bool))
    scores, maps = moments.evidence(features)
    assert not maps.any()
    torch.testing.assert_close(scores[:, 0], moments.logit.bias.expand(3))


def test_what_is_usual_is_no_evidence(moments: MomentsHead, features: torch.Tensor) -> None:
    plain = moments.pooled(features)
    moments.usual += plain[0]
    torch.testing.assert_close(moments.pooled(features), plain - plain[0], atol=1e-4, rtol=1e-4)
    scores, maps = moments.evidence(features)
    assert scores[0, 0].item() == pytest.approx(moments.logit.bias.item(), abs=1e-3)
    assert maps[0].mean().item() == pytest.approx(0, abs=1e-3)
    assert abs(maps[1].mean().item()) > 0.01


def test_an_even_feature_has_a_gradient(moments: MomentsHead) -> None:
    even = torch.full((2, 6, 4, 5), 0.5, requires_grad=True)
    moments(even).sum().backward()
    assert even.grad is not None
    assert torch.isfinite(even.grad).all()


def test_what_finds_lungs_looks_around(moments: MomentsHead, features: torch.Tensor) -> None:
    features.requires_grad_()
    moments.lungs(features)[0, 0, 0, 0].backward()
    assert features.grad is not None
    assert features.grad[0, :, 3, 4].abs().sum() > 0
