import math

import pytest
import torch
from torch import nn

from pneumoscope.model.networks import NotebookNet, SeparableConv, build_network
from pneumoscope.model.options import NetworkOptions


def counts(network: nn.Module) -> tuple[int, int]:
    trained = sum(p.numel() for p in network.parameters())
    statistics = sum(
        b.numel() for name, b in network.named_buffers() if not name.endswith("tracked")
    )
    return trained, statistics


def test_in_three_channels_it_is_the_notebooks_to_the_last_value() -> None:
    network = NotebookNet(NetworkOptions(channels=3))
    assert counts(network) == (3_494_433, 2_368)
    assert sum(counts(network)) == 3_496_801


def test_the_modules_stand_in_the_notebooks_order() -> None:
    def names(sequence: nn.Module) -> list[str]:
        return [type(module).__name__ for module in sequence.children()]

    network = NotebookNet()
    assert names(network.stem) == ["Conv2d", "ReLU", "Conv2d", "ReLU", "MaxPool2d"]
    block = ["SeparableConv", "SeparableConv", "BatchNorm2d", "MaxPool2d"]
    assert names(network.features) == 2 * block + 2 * [*block, "Dropout"]
    assert names(network.dense) == 3 * ["Linear", "ReLU", "BatchNorm1d", "Dropout"]
    rates = [module.p for module in network.modules() if isinstance(module, nn.Dropout)]
    assert rates == [0.2, 0.2, 0.7, 0.5, 0.3]
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)]
    assert {(norm.eps, round(norm.momentum or 0, 9)) for norm in norms} == {(1e-3, 0.01)}


def test_a_three_channel_layer_over_copies_is_the_one_channel_layer_with_its_kernel_summed() -> (
    None
):
    three = build_network(NetworkOptions(channels=3, size=64), seed=1).eval()
    one = build_network(NetworkOptions(channels=1, size=64), seed=2).eval()
    weights = three.state_dict()
    weights["stem.0.weight"] = weights["stem.0.weight"].sum(dim=1, keepdim=True)
    one.load_state_dict(weights)
    film = torch.rand(2, 1, 64, 64)
    torch.testing.assert_close(one(film), three(film.expand(-1, 3, -1, -1)), rtol=1e-4, atol=1e-5)


def test_first_values_are_keras_glorot_uniform_and_follow_the_seed() -> None:
    network = build_network(NetworkOptions(), seed=7)
    again = build_network(NetworkOptions(), seed=7)
    other = build_network(NetworkOptions(), seed=8)
    assert torch.equal(network.logit.weight, again.logit.weight)
    assert not torch.equal(network.logit.weight, other.logit.weight)
    # Keras' fans: dense 6400 -> 512; depthwise (3, 3, 256, 1) has 9 * 256 and 9.
    dense = network.dense[0]
    assert isinstance(dense, nn.Linear)
    assert dense.weight.abs().max().item() == pytest.approx(math.sqrt(6 / (6400 + 512)), rel=1e-3)
    separable = network.features[-4]
    assert isinstance(separable, SeparableConv)
    limit = math.sqrt(6 / (9 * 256 + 9))
    assert separable.depthwise.weight.abs().max().item() == pytest.approx(limit, rel=0.01)
    biases = [m.bias for m in network.modules() if isinstance(m, nn.Linear)]
    assert all(not bias.any() for bias in biases)


def test_building_leaves_the_global_random_state_alone() -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    build_network(NetworkOptions(size=32), seed=9)
    assert torch.equal(torch.rand(1), expected)


@pytest.mark.parametrize(
    "options",
    [
        {"size": 33, "width": 0.25},
        {"kernel": 7, "size": 64},
        {"dropout": 0.0},
        {"dropout": 1.3},
        {"normalise": False},
        {"normalise": False, "dropout": 0.0, "head": "pool"},
        {"width": 2.0, "channels": 3},
        {"head": "cam"},
        {"head": "cam", "dropout": 0.0, "channels": 3},
    ],
)
def test_every_option_trains(options: dict[str, object]) -> None:
    options = {"size": 48, **options}
    network = build_network(NetworkOptions(**options), seed=0)  # type: ignore[arg-type]
    made = network.options
    logit = network(torch.rand(2, made.channels, made.size, made.size))
    assert logit.shape == (2,)
    logit.sum().backward()
    assert all(p.grad is not None for p in network.parameters())
    kinds = {type(module).__name__ for module in network.modules()}
    assert ("BatchNorm2d" in kinds) == made.normalise
    assert ("Dropout" in kinds) == (made.dropout > 0)


def test_the_pooled_head_does_not_grow_with_the_image() -> None:
    sizes = {counts(NotebookNet(NetworkOptions(size=size, head="pool"))) for size in (64, 180)}
    assert len(sizes) == 1


@pytest.mark.parametrize("size", [32, 64, 180])
def test_the_mean_of_the_class_activation_map_and_the_bias_are_the_logit(size: int) -> None:
    network = build_network(NetworkOptions(size=size, width=0.5, head="cam"), seed=0).eval()
    with torch.no_grad():
        network.logit.bias.fill_(0.7)
        films = torch.rand(3, 1, size, size)
        logit, evidence = network.evidence(films)
        torch.testing.assert_close(network(films), logit)
    assert evidence.shape == (3, size // network.stride, size // network.stride)
    assert evidence.flatten(1).std(dim=1).min() > 0
    torch.testing.assert_close(evidence.mean((1, 2)) + 0.7, logit, rtol=1e-5, atol=1e-6)


def test_the_grid_of_the_map_is_twice_as_fine_as_the_notebooks() -> None:
    assert NotebookNet(NetworkOptions(head="cam")).stride == 16
    assert NotebookNet(NetworkOptions(head="pool")).stride == 32


def test_other_heads_have_no_exact_map() -> None:
    network = NotebookNet(NetworkOptions(size=32, width=0.25, head="pool"))
    with pytest.raises(ValueError, match="'pool' gives no class activation map"):
        network.evidence(torch.rand(1, 1, 32, 32))


@pytest.mark.parametrize(
    "options",
    [{"size": 31}, {"channels": 2}, {"width": 0}, {"kernel": 4}, {"dropout": -1}, {"head": "x"}],
)
def test_what_cannot_be_built_is_named(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        NetworkOptions(**options)  # type: ignore[arg-type]
