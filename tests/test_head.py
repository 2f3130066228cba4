from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.nn import functional

from pneumoscope.model.head import CamHead, LungHead, ZonesHead, head_for
from pneumoscope.model.options import NetworkOptions
from pneumoscope.model.zones import zones

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
    zoned = head_for(4, NetworkOptions(backbone="lite0", head="zones"), joined=6)
    assert type(zoned) is ZonesHead
    assert (zoned.logit.in_features, zoned.zones.in_features) == (4, 7 * 6)


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
def zoned() -> ZonesHead:
    """Given two filters of an earlier stage and four of the last."""
    torch.manual_seed(2)
    return ZonesHead(4, replace(OPTIONS, head="zones"), joined=6).eval()


def fitted(head: ZonesHead, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Layers (2, k) and biases (2,) that ``head`` was given, with what is usual in ``features``."""
    weights = torch.randn(2, 7 * 6, generator=torch.Generator().manual_seed(3))
    biases = torch.tensor([0.3, -0.7])
    head.usual.copy_(head.pooled(features).mean(0))
    for output in (0, 1):
        head.put(weights[output], float(biases[output]), output=output)
    return weights, biases


def only(inside: torch.Tensor) -> torch.nn.Module:
    """A finder that takes the places where ``inside`` (h, w) is True for lung."""

    class Finder(torch.nn.Module):
        def forward(self, features: torch.Tensor) -> torch.Tensor:
            odds = torch.where(inside, 40.0, -40.0)
            return odds.expand(len(features), 1, *inside.shape)

    return Finder()


@pytest.fixture
def inside() -> torch.Tensor:
    made = torch.zeros(4, 5, dtype=torch.bool)
    made[1:3, 1:4] = True
    return made


def test_zones_are_given_the_spread_over_the_lungs_and_the_mean_in_each(
    zoned: ZonesHead, features: torch.Tensor, inside: torch.Tensor
) -> None:
    zoned.lungs = only(inside)
    spread, means = zoned.pooled(features).split([6, 36], dim=1)
    values = features[:, :, inside]
    torch.testing.assert_close(spread, (values.var(2, correction=0) + 1e-3).sqrt())
    parts = zones(inside.float()[None, None])
    expected = torch.einsum("nchw,kzhw->nzc", features, parts) / parts.sum((2, 3)).view(1, 6, 1)
    torch.testing.assert_close(means, expected.flatten(1), atol=1e-4, rtol=1e-3)


def test_what_is_fitted_to_zones_makes_the_scores_and_the_map(
    zoned: ZonesHead, features: torch.Tensor, inside: torch.Tensor
) -> None:
    zoned.lungs = only(inside)
    weights, biases = fitted(zoned, features)
    scores, maps = zoned.evidence(features)
    expected = zoned.pooled(features) @ weights.T + biases
    torch.testing.assert_close(scores, expected, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(zoned(features), scores)
    logit = maps.mean((1, 2)) + zoned.logit.bias
    torch.testing.assert_close(logit, scores[:, 0], atol=1e-4, rtol=1e-4)
    assert not maps[:, ~inside].any()
    assert maps[:, inside].abs().min() > 0
    changed = features.clone()
    changed[:, :, ~inside] += 5
    torch.testing.assert_close(zoned(changed), scores)


def test_stages_of_two_grids_count_as_they_would_side_by_side(
    zoned: ZonesHead, features: torch.Tensor
) -> None:
    coarse = torch.rand(3, 4, 2, 3, generator=torch.Generator().manual_seed(4))
    stages = (features[:, :2], coarse)
    finest = torch.cat([features[:, :2], functional.interpolate(coarse, size=(4, 5))], dim=1)
    torch.testing.assert_close(zoned.pooled(*stages), zoned.pooled(finest))
    plain = LungHead(4, OPTIONS).eval()
    plain.load_state_dict(zoned.state_dict(), strict=False)
    scores, maps, lungs = zoned.taught(*stages)
    expected_scores, expected_maps, expected_lungs = plain.taught(coarse)
    torch.testing.assert_close(scores, expected_scores)
    torch.testing.assert_close(lungs, expected_lungs)  # what is learned has its own places
    torch.testing.assert_close(
        maps, functional.interpolate(expected_maps[:, None], size=(4, 5))[:, 0]
    )
    fitted(zoned, finest)
    for told, own in zip(zoned.taught(*stages), zoned.taught(finest), strict=True):
        torch.testing.assert_close(told, own, atol=1e-4, rtol=1e-4)


def test_while_it_learns_zones_count_for_nothing(zoned: ZonesHead, features: torch.Tensor) -> None:
    plain = LungHead(4, OPTIONS).eval()
    plain.load_state_dict(zoned.state_dict(), strict=False)
    assert not zoned.kept
    torch.testing.assert_close(zoned(features), plain(features[:, -4:]))
    fitted(zoned, features)
    plain.load_state_dict(zoned.state_dict(), strict=False)
    learning = replace(OPTIONS, dropout=0.0, head="zones")
    again = ZonesHead(4, learning, joined=6).train()
    again.load_state_dict(zoned.state_dict())
    for told, own in zip(again.taught(features), plain.taught(features[:, -4:]), strict=True):
        torch.testing.assert_close(told, own)
    assert not again.zones.weight.requires_grad


def test_where_no_lung_is_found_zones_give_no_evidence(
    zoned: ZonesHead, features: torch.Tensor
) -> None:
    fitted(zoned, features)
    zoned.lungs = only(torch.zeros(4, 5, dtype=torch.bool))
    scores, maps = zoned.evidence(features)
    assert not maps.any()
    torch.testing.assert_close(scores[:, 0], zoned.logit.bias.expand(3))


def test_what_is_usual_is_no_evidence(zoned: ZonesHead, features: torch.Tensor) -> None:
    fitted(zoned, features)
    zoned.usual.copy_(zoned.pooled(features)[0])
    scores, maps = zoned.evidence(features)
    assert maps[0].mean().item() == pytest.approx(0, abs=1e-4)
    assert scores[0, 0].item() == pytest.approx(zoned.logit.bias.item(), abs=1e-4)
    assert abs(maps[1].mean().item()) > 0.01


def test_where_no_kind_was_known_there_is_no_leaning(
    zoned: ZonesHead, features: torch.Tensor
) -> None:
    zoned.put(torch.randn(7 * 6, generator=torch.Generator().manual_seed(3)), 0.3)
    scores, _ = zoned.evidence(features)
    assert scores[:, 0].std() > 0.01
    assert not scores[:, 1].any()


def test_an_even_feature_has_a_gradient(zoned: ZonesHead, features: torch.Tensor) -> None:
    fitted(zoned, features)
    even = torch.full((2, 6, 4, 5), 0.5, requires_grad=True)
    zoned(even).sum().backward()
    assert even.grad is not None
    assert torch.isfinite(even.grad).all()


def test_features_that_are_kept_are_looked_at_around(features: torch.Tensor) -> None:
    kept = ZonesHead(4, replace(OPTIONS, head="zones", depth=5, freeze=6), joined=6).eval()
    features.requires_grad_()
    kept.lungs(features)[0, 0, 0, 0].backward()
    assert features.grad is not None
    assert features.grad[0, :, 3, 4].abs().sum() > 0
