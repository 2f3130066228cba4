"""From the store's rows to a network's input, and figures back from every process."""

from __future__ import annotations

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor

from pneumoscope.data.batches import Batch, Batches
from pneumoscope.data.cache import Store
from pneumoscope.data.catalog import Catalog
from pneumoscope.model.recipe import Recipe


def batches_of(catalog: Catalog, store: Store, keys: tuple[str, ...]) -> Batches:
    """The readable films among ``keys``, not yet in batches of a size."""
    rows = store.rows(keys)
    label = {film.key: film.label for film in catalog.films}
    labels = np.array([label[store.keys[row]] for row in rows], dtype=np.int64)
    return Batches(pixels=store.pixels, rows=rows, labels=labels)


def films_of(batch: Batch, fabric: Fabric) -> Tensor:
    """The pixels of a batch (n, 1, size, size) on the device."""
    return torch.from_numpy(batch.pixels).unsqueeze(1).to(fabric.device)


def with_channels(films: Tensor, recipe: Recipe) -> Tensor:
    """As many copies of the one channel as the network takes."""
    films = films.expand(-1, recipe.channels, -1, -1)
    return films.contiguous(memory_format=torch.channels_last)


def gather(values: Tensor, fabric: Fabric) -> np.ndarray:
    """``values`` of every process, one after the other."""
    gathered = fabric.all_gather(values.float())
    assert isinstance(gathered, Tensor)
    return gathered.flatten().cpu().numpy()
