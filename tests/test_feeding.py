from pathlib import Path

import torch

from pneumoscope.data.cache import open_store
from pneumoscope.data.catalog import open_catalog
from pneumoscope.model.feeding import batches_of, with_channels
from pneumoscope.model.recipe import Recipe
from pneumoscope.preprocess import Preprocessing


def test_batches_hold_the_asked_films_with_their_labels(films: Path, cache: Path) -> None:
    catalog = open_catalog(films)
    store = open_store(catalog.films, Preprocessing(size=32), cache=cache, progress=False)
    keys = catalog.keys[10:50:7]
    batches = batches_of(catalog, store, keys)
    assert tuple(store.keys[row] for row in batches.rows) == keys
    assert batches.labels.tolist() == [int("PNEUMONIA" in key) for key in keys]


def test_three_channels_are_three_copies() -> None:
    films = torch.rand(2, 1, 4, 4)
    copies = with_channels(films, Recipe(channels=3))
    assert copies.shape == (2, 3, 4, 4)
    assert all(torch.equal(copies[:, c], films[:, 0]) for c in range(3))
