import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pneumoscope.data.batches import Batch
from pneumoscope.data.cache import Store, open_store
from pneumoscope.data.catalog import Catalog, open_catalog
from pneumoscope.errors import UsageError
from pneumoscope.model.networks import build_network
from pneumoscope.model.recipe import Recipe
from pneumoscope.model.teaching import Teacher, masks_for, outside, subtypes_of, unlike

RECIPE = Recipe(size=32, width=0.25, head="cam", subtype=True, lungs=0.5)


@pytest.fixture
def catalog(films: Path) -> Catalog:
    return open_catalog(films)


@pytest.fixture
def store(catalog: Catalog, cache: Path) -> Store:
    return open_store(catalog.films, RECIPE.preprocessing(), cache=cache, progress=False)


@pytest.fixture
def masks(catalog: Catalog, tmp_path: Path) -> Path:
    """The left half of the first films, for all but every third."""
    half = np.zeros((64, 64), np.uint8)
    half[:, :32] = 255
    for number, film in enumerate(catalog.films):
        if number % 3:
            path = (tmp_path / "masks" / film.key).with_suffix(".png")
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(half).save(path)
    return tmp_path / "masks"


def test_subtypes_stand_in_the_order_of_the_store(catalog: Catalog, store: Store) -> None:
    subtypes = subtypes_of(catalog.films, store)
    for key, subtype in zip(store.keys, subtypes, strict=True):
        expected = 1.0 if "virus" in key else 0.0 if "bacteria" in key else None
        assert (subtype == expected) if expected is not None else torch.isnan(subtype)


def test_masks_are_those_of_their_films_and_all_is_allowed_without_one(
    catalog: Catalog, store: Store, masks: Path, cache: Path
) -> None:
    found = masks_for(catalog.films, store, RECIPE, masks, cache=cache, progress=False)
    assert found is not None
    without = [not Path(masks, key).with_suffix(".png").exists() for key in store.keys]
    assert sum(without) > 10
    drawn = found.of(np.arange(len(store.keys)))
    assert drawn.shape == (len(store.keys), 1, 32, 32)
    assert (drawn[without] == 1).all()
    own = drawn[~np.array(without)]
    # A pixel wider than drawn, at this size.
    assert (own[..., :16] > 0.99).all()
    assert (own[..., 18:] < 0.01).all()


def test_masks_are_asked_for_where_the_recipe_needs_them(
    catalog: Catalog, store: Store, masks: Path, cache: Path, tmp_path: Path
) -> None:
    def ask(recipe: Recipe, where: Path | None) -> object:
        return masks_for(catalog.films, store, recipe, where, cache=cache, progress=False)

    assert ask(Recipe(size=32), masks) is None
    with pytest.raises(UsageError, match="--masks"):
        ask(RECIPE, None)
    other = tmp_path / "other" / "nobody.png"
    other.parent.mkdir()
    Image.new("L", (8, 8)).save(other)
    with pytest.raises(UsageError, match="no mask for any"):
        ask(RECIPE, other.parent)


def test_only_evidence_outside_counts_whatever_its_sign() -> None:
    evidence = torch.tensor([[[5.0, -2.0], [1.0, 3.0]]])
    masks = torch.zeros(1, 1, 8, 8)
    masks[..., :4] = 1
    assert outside(evidence, masks) == pytest.approx((2 + 3) / 4)
    assert outside(evidence, torch.ones(1, 1, 8, 8)) == 0
    assert outside(-evidence, masks) == outside(evidence, masks)


def test_lungs_are_learned_from_films_that_have_a_mask() -> None:
    masks = torch.zeros(2, 1, 8, 8)
    masks[..., :4] = 1
    right = torch.tensor([[[[20.0, -20.0], [20.0, -20.0]]]])
    both = torch.cat([right, -right])
    assert unlike(both, masks, torch.tensor([True, False])) == pytest.approx(0, abs=1e-6)
    assert unlike(both, masks, torch.tensor([True, True])) == pytest.approx(20 / 2)
    half = torch.full((2, 1, 8, 8), 0.5)  # a place that is half lung asks for even odds
    assert unlike(0 * both, half, torch.tensor([True, True])) == pytest.approx(math.log(2))


def test_the_error_is_the_sum_of_what_is_taught(
    catalog: Catalog, store: Store, masks: Path, cache: Path
) -> None:
    network = build_network(RECIPE.network_options(), seed=0).eval()
    known = masks_for(catalog.films, store, RECIPE, masks, cache=cache, progress=False)
    subtypes = subtypes_of(catalog.films, store)
    rows = np.arange(0, len(store.keys), 7)
    films = torch.from_numpy(store.pixels[rows]).float().unsqueeze(1) / 255
    label = {film.key: film.label for film in catalog.films}
    truth = np.array([label[store.keys[row]] for row in rows], np.float32)
    batch = Batch(films.numpy()[:, 0], truth, rows)

    def error(teacher: Teacher) -> float:
        logit, labels, found = teacher.teach(network, films, teacher.masks_of(batch, films), batch)
        assert logit.shape == labels.shape == (len(rows),)
        return float(found.detach())

    full = error(Teacher(RECIPE, (1.0, 1.0), subtypes, known))
    with_kinds = error(Teacher(RECIPE, (1.0, 1.0), subtypes, None))
    evidence = network.evidence(films)[1].detach()
    assert known is not None
    assert full == pytest.approx(
        with_kinds + 0.5 * float(outside(evidence, known.of(rows))), rel=1e-5
    )
    assert with_kinds > 0
