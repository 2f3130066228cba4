import pytest
import torch
from torch import nn

from pneumoscope.model.recipe import Recipe
from pneumoscope.model.schedule import LAST, WARM_UP, Average, learning_rate, optimizer_of


def test_a_constant_rate_stays() -> None:
    recipe = Recipe(learning_rate=3e-3)
    assert {learning_rate(recipe, step, 1000) for step in range(1000)} == {3e-3}


def test_the_cosine_warms_up_and_falls_to_almost_nothing() -> None:
    recipe = Recipe(learning_rate=1e-3, schedule="cosine")
    rates = [learning_rate(recipe, step, 2000) for step in range(2000)]
    assert rates[0] == pytest.approx(1e-3 / WARM_UP)
    top = max(range(2000), key=rates.__getitem__)
    assert WARM_UP / 2 < top <= WARM_UP
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert rates[-1] == pytest.approx(LAST * 1e-3, rel=0.01)


def test_weight_decay_pulls_kernels_and_leaves_biases_and_frozen_weights_alone() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Linear(2, 1))
    network[0].weight.requires_grad_(False)
    before = {name: p.clone() for name, p in network.named_parameters()}
    optimizer = optimizer_of(network, Recipe(weight_decay=0.5, learning_rate=0.1))
    for parameter in network.parameters():
        if parameter.requires_grad:
            parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    for name, parameter in network.named_parameters():
        pulled = 0.95 if name == "1.weight" else 1.0
        torch.testing.assert_close(parameter, pulled * before[name], msg=name)


def test_the_average_follows_slowly_and_goes_on_after_a_checkpoint() -> None:
    network = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    average = Average(network)
    generator = torch.Generator().manual_seed(0)
    seen = []
    for _ in range(50):
        with torch.no_grad():
            network[0].weight.copy_(torch.randn(2, 3, generator=generator))
            network[1].running_mean.add_(1)
        average.update()
        seen.append(network[0].weight.clone())
    own = average.network[0].weight
    assert own.std() < 0.7 * torch.stack(seen).std()
    assert not own.requires_grad
    assert 30 < average.network[1].running_mean[0] < 50
    resumed = Average(network)
    resumed.load_state_dict(average.state_dict())
    for each in (average, resumed):
        each.update()
    assert torch.equal(average.network[0].weight, resumed.network[0].weight)
