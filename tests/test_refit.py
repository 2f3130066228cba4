from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from tqdm import tqdm

from pneumoscope.data.batches import Batches
from pneumoscope.model.decorrelation import Decorrelation
from pneumoscope.model.networks import build_network
from pneumoscope.model.recipe import Recipe
from pneumoscope.model.refit import (
    PARTS,
    covariances,
    fit_affine,
    parted,
    refit,
)
from pneumoscope.model.teaching import Teacher

PENALTY = 2e-3
Films = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


@pytest.fixture
def films() -> Films:
    """Values (n, 3), labels (n,), and how the films were made (n, 1).

    The first value tells the class well, the second the class poorly but the scanner too, whose
    share differs within a class; the third is noise.
    """
    random = torch.Generator().manual_seed(0)
    labels = (torch.rand(3000, generator=random) < 0.5).float()
    scanner = labels + 0.5 * torch.randn(3000, generator=random)
    noise = torch.randn(3000, 3, generator=random)
    columns = [2 * labels + noise[:, 0], scanner + 0.1 * noise[:, 1], 5 * noise[:, 2] + 7]
    within = scanner - labels
    return torch.stack(columns, dim=1), labels, within[:, None]


def test_it_is_the_logistic_regression(films: Films) -> None:
    from sklearn.linear_model import LogisticRegression

    values, labels, _ = films
    counts = torch.where(labels > 0, 0.5, 2.0)
    weights, bias = fit_affine(values, labels, counts, penalty=PENALTY)
    known = LogisticRegression(C=1 / (2 * PENALTY * len(labels)), max_iter=1000)
    middle, spread = values.mean(0), values.std(0)
    known.fit((values - middle) / spread, labels, sample_weight=counts)
    np.testing.assert_allclose(weights * spread, known.coef_[0], rtol=0.01, atol=1e-3)
    at_middle = float(weights @ middle) + bias
    assert at_middle == pytest.approx(known.intercept_[0], rel=0.01)


def test_what_logits_should_not_follow_they_do_not(films: Films) -> None:
    values, labels, within = films
    counts = torch.ones(len(labels))
    with_scanner, _ = fit_affine(values, labels, counts, penalty=PENALTY)
    apart = covariances(values, within, labels)
    assert apart.shape == (2, 3)
    without, _ = fit_affine(values, labels, counts, penalty=PENALTY, following=1000 * apart)
    assert with_scanner[1] > 2
    assert (apart @ with_scanner).abs().max() > 0.5
    assert (apart @ without).abs().max() < 0.01
    assert abs(without[1]) < 0.1 * with_scanner[1]
    assert without[0] > 1


def test_covariances_are_within_the_classes(films: Films) -> None:
    values, labels, within = films
    found = covariances(values, within, labels)
    own = labels == 1
    known = np.cov(within[own, 0].numpy(), values[own, 1].numpy(), bias=True)[0, 1]
    assert found[1, 1] == pytest.approx(known, rel=1e-4)
    assert found.abs()[:, 0].max() < 0.05


class Pooling(torch.nn.Module):
    """A network that gives its last layer the mean greys of a film's two halves."""

    def __init__(self, *, subtype: bool) -> None:
        super().__init__()
        self.head = torch.nn.Module()
        self.head.logit = torch.nn.Linear(2, 1)
        self.head.subtype = torch.nn.Linear(2, 1) if subtype else None

    def put(self, weights: torch.Tensor, bias: float, *, output: int = 0) -> None:
        layer = (self.head.logit, self.head.subtype)[output]
        with torch.no_grad():
            layer.weight.copy_(weights[None])
            layer.bias.fill_(bias)

    def pooled(self, films: torch.Tensor) -> torch.Tensor:
        return torch.stack([half.mean((1, 2, 3)) for half in films.chunk(2, dim=2)], dim=1)


@pytest.fixture
def bar() -> Iterator[tqdm]:
    with tqdm(disable=True) as made:
        yield made


RECIPE = Recipe(
    backbone="lite0", head="cam", size=32, subtype=True, refit=2, select="last", batch=8
)


def made(*, films: int = 90) -> tuple[Batches, torch.Tensor]:
    """Films brighter in their upper half with pneumonia, in their lower with a virus; subtypes."""
    random = np.random.default_rng(0)
    labels = np.arange(films) % 3 > 0
    viral = np.arange(films) % 3 == 2
    pixels = random.integers(60, 120, (films, 32, 32), dtype=np.uint8)
    pixels[:, :16] += (60 * labels[:, None, None]).astype(np.uint8)
    pixels[:, 16:] += (60 * viral[:, None, None]).astype(np.uint8)
    rows = random.permutation(films)
    subtypes = torch.from_numpy(np.where(labels, viral, np.nan)).float()
    batches = Batches(pixels=pixels, rows=rows, labels=labels[rows].astype(np.int64), batch=8)
    return batches, subtypes


def test_both_outputs_are_fitted_on_every_film(bar: tqdm) -> None:
    batches, subtypes = made()
    network = Pooling(subtype=True)
    teacher = Teacher(RECIPE, (1.0, 1.0), subtypes, None)
    refit(network, batches, teacher, fabric=Fabric(accelerator="cpu"), bar=bar)
    films = torch.from_numpy(batches.pixels).float().div(255).unsqueeze(1)
    with torch.no_grad():
        pooled = network.pooled(films)
        logit, leaning = network.head.logit(pooled)[:, 0], network.head.subtype(pooled)[:, 0]
    ill = torch.isfinite(subtypes)
    assert ((logit > 0) == ill).all()
    assert ((leaning[ill] > 0) == (subtypes[ill] > 0)).all()


def test_films_count_as_often_as_they_are_drawn(bar: tqdm) -> None:
    batches, subtypes = made()
    often = replace(batches, chances=np.where(batches.labels > 0, 1.0, 1e-6))
    biases = []
    for films in (batches, often):
        network = Pooling(subtype=False)
        teacher = Teacher(RECIPE, (1.0, 1.0), subtypes, None)
        refit(network, films, teacher, fabric=Fabric(accelerator="cpu"), bar=bar)
        middle = torch.full((1, 2), 90 / 255 + 30 / 255)
        biases.append(float(network.head.logit(middle).detach()))
    assert biases[1] > biases[0] + 2


def test_it_is_the_same_each_time_and_keeps_logits_from_following(bar: tqdm) -> None:
    batches, subtypes = made()
    recipe = replace(RECIPE, decorrelate=100.0)
    upper = torch.from_numpy(batches.pixels[:, :16].mean((1, 2))).float()
    ill = torch.isfinite(subtypes)
    within = upper.clone()
    for own in (ill, ~ill):
        within[own] = (upper[own] - upper[own].mean()) / upper[own].std()
    found = []
    for decorrelation in (None, None, Decorrelation(within[:, None])):
        network = Pooling(subtype=False)
        teacher = Teacher(recipe, (1.0, 1.0), None, None, decorrelation)
        refit(network, batches, teacher, fabric=Fabric(accelerator="cpu"), bar=bar)
        found.append(network.head.logit.weight.detach()[0])
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_zones_are_told_what_is_usual(bar: tqdm) -> None:
    batches, _ = made()
    recipe = replace(RECIPE, head="zones", lungs=1.0, subtype=False, depth=2)
    network = build_network(recipe.network_options(), seed=0)
    teacher = Teacher(recipe, (1.0, 1.0), None, None)
    refit(network, batches, teacher, fabric=Fabric(accelerator="cpu"), bar=bar)
    films = torch.from_numpy(batches.pixels[batches.rows]).float().div(255).unsqueeze(1)
    with torch.no_grad():
        passed = torch.cat([films, films.flip(3)])
        torch.testing.assert_close(network.pooled(passed).mean(0), network.head.usual)
        logit, label = network(films), torch.from_numpy(batches.labels)
        maps = network.evidence(films)[1]
    assert logit[label == 1].mean() > logit[label == 0].mean() + 2
    assert maps.mean().item() == pytest.approx(0, abs=0.5)


def test_parts_are_fifths_within_each_class() -> None:
    labels = torch.tensor([0.0] * 10 + [1.0] * 15)
    values = torch.randn(25, 2, generator=torch.Generator().manual_seed(0))
    values[10:] += 100
    found = parted(values, labels)
    assert found.shape == (25, 2 * PARTS)
    assert found.square().mean(1).tolist() == pytest.approx([1.0] * 25)
    for own in (labels == 0, labels == 1):
        inside = found[own] > 0
        assert (inside.sum(0) == own.sum() // PARTS).all()
        lowest, highest = values[own, 0].argmin(), values[own, 0].argmax()
        assert inside[lowest, 0]
        assert inside[highest, PARTS - 1]


def test_logits_do_not_bend_with_acquisition_either(films: Films) -> None:
    """A value that is large at both ends of the scanner's range covaries with neither end."""
    values, labels, within = films
    bent = labels * 0.5 + within[:, 0].square() - within.square().mean()
    values = torch.stack([values[:, 0], bent], dim=1)
    counts = torch.ones(len(labels))
    straight, parts = (
        fit_affine(
            *(values, labels, counts),
            penalty=PENALTY,
            following=3 * covariances(values, facts, labels),
        )[0]
        for facts in (within, parted(within, labels))
    )
    assert abs(parts[1]) < 0.3 * abs(straight[1])
    assert parts[0] > 1


def test_a_second_pass_is_of_mirror_images(bar: tqdm) -> None:
    batches, _ = made()
    seen: list[torch.Tensor] = []

    class Watching(Pooling):
        def pooled(self, films: torch.Tensor) -> torch.Tensor:
            seen.append(films)
            return super().pooled(films)

    teacher = Teacher(replace(RECIPE, augment="full"), (1.0, 1.0), None, None)
    refit(Watching(subtype=False), batches, teacher, fabric=Fabric(accelerator="cpu"), bar=bar)
    first, second = torch.cat(seen).chunk(2)
    as_they_are = torch.from_numpy(batches.pixels[batches.rows]).float().div(255).unsqueeze(1)
    torch.testing.assert_close(first, as_they_are)
    torch.testing.assert_close(second, as_they_are.flip(3))


def test_a_heavier_penalty_leaves_smaller_weights(bar: tqdm) -> None:
    batches, _ = made()
    sizes = []
    for penalty in (1e-3, 1e-1):
        network = Pooling(subtype=False)
        teacher = Teacher(replace(RECIPE, penalty=penalty), (1.0, 1.0), None, None)
        refit(network, batches, teacher, fabric=Fabric(accelerator="cpu"), bar=bar)
        sizes.append(float(network.head.logit.weight.detach().norm()))
    assert sizes[1] < 0.5 * sizes[0]
