import numpy as np
import torch

from pneumoscope.model.networks import build_network
from pneumoscope.model.recipe import Recipe, named
from pneumoscope.model.variance_shift import variance_shift

RECIPE = Recipe(size=32, width=0.25)


def settled(recipe: Recipe, films: np.ndarray, *, training: bool) -> dict[str, torch.Tensor]:
    """A network whose running variances are those of ``films``, with or without Dropout."""
    network = build_network(recipe.network_options(), seed=0)
    network.train()
    for module in network.modules():
        if isinstance(module, torch.nn.Dropout):
            module.train(training)
        if isinstance(module, (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d)):
            module.momentum = 0.1  # settles in a hundred passes
    torch.manual_seed(0)
    pixels = torch.from_numpy(films).float().mul(1 / 255).unsqueeze(1)
    with torch.no_grad():
        for _ in range(150):
            network(pixels)
    return network.state_dict()


def test_dropout_moves_the_variances_and_its_absence_does_not() -> None:
    films = np.random.default_rng(0).integers(0, 256, (48, 32, 32)).astype(np.uint8)
    still = variance_shift(settled(RECIPE, films, training=False), RECIPE, films)
    moved = variance_shift(settled(RECIPE, films, training=True), RECIPE, films)
    assert [shift.layer for shift in moved] == [
        *(f"features.{place}" for place in (2, 6, 10, 15)),
        *(f"dense.{place}" for place in (2, 6, 10)),
    ]
    # Without Dropout what is left is the difference of n and n - 1, and of batch and running mean.
    assert all(shift.ratio < 1.2 for shift in still)
    assert max(shift.ratio for shift in moved[-3:]) > 1.3
    assert moved[-1].to_json() == {"layer": "dense.10", "ratio": moved[-1].ratio}


def test_no_batch_norm_no_shift() -> None:
    recipe = Recipe(size=32, width=0.25, normalise=False)
    films = np.zeros((4, 32, 32), dtype=np.uint8)
    weights = build_network(recipe.network_options(), seed=0).state_dict()
    assert variance_shift(weights, recipe, films) == ()


def test_the_layer_that_finds_lungs_is_met_too() -> None:
    settings = {"backbone": "lite0", "depth": "3", "freeze": "4", "head": "zones", "lungs": "1"}
    recipe = named("notebook", {**settings, "size": "32", "refit": "1", "select": "last"})
    weights = build_network(recipe.network_options(), seed=0).state_dict()
    films = np.random.default_rng(0).integers(0, 256, (6, 32, 32), dtype=np.uint8)
    (shift,) = variance_shift(weights, recipe, films)
    assert shift.layer == "head.lungs.0"
    assert shift.ratio > 1
