"""Batches of films: shuffle the whole set, repeat, batch, and prefetch on a background thread."""

from __future__ import annotations

import itertools
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Batch:
    """``pixels``: (n, size, size) float32 in [0, 1]; ``labels``: (n,) float32, 0 or 1;
    ``rows``: (n,) int64, where each film stands in the store."""

    pixels: np.ndarray
    labels: np.ndarray
    rows: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class Batches:
    """The films at ``rows`` of a store, in batches.

    ``pixels``: (films, size, size) uint8; ``rows``: (n,) int; ``labels``: (n,) 0 or 1, one per
    entry of ``rows``. With ``shuffle`` each epoch has an order of its own over the whole set,
    the same for the same ``seed`` and epoch. ``chances`` (n,) makes an epoch of films drawn with
    replacement, each as often as its share of the sum. ``steps`` fixes the number of batches in an
    epoch, whatever the number of films: they are passed over again, or in part (0: one pass). Where
    ``world`` processes train together, process ``rank`` gets every ``world``-th film of an epoch,
    all of them the same number of batches.
    """

    pixels: np.ndarray
    rows: np.ndarray
    labels: np.ndarray
    batch: int = 16
    seed: int = 0
    shuffle: bool = True
    drop_last: bool = False
    chances: np.ndarray | None = None
    steps: int = 0
    prefetch: int = 4
    rank: int = 0
    world: int = 1

    def __post_init__(self) -> None:
        if len(self.rows) != len(self.labels):
            raise ValueError(f"{len(self.rows)} rows, but {len(self.labels)} labels")
        if self.batch < 1 or self.prefetch < 1:
            raise ValueError("batch and prefetch must be at least 1")
        if self.chances is not None and len(self.chances) != len(self.rows):
            raise ValueError(f"{len(self.chances)} chances, but {len(self.rows)} rows")
        if self.steps < 0:
            raise ValueError("steps must not be negative")
        if not 0 <= self.rank < self.world:
            raise ValueError(f"rank is {self.rank}, but must be from 0 to {self.world - 1}")

    def __len__(self) -> int:
        """Batches in one epoch."""
        if self.steps:
            return self.steps
        films = len(self.rows) // self.world
        return films // self.batch if self.drop_last else -(-films // self.batch)

    def epoch(self, number: int) -> Iterator[Batch]:
        """The batches of epoch ``number``, made ahead of use on a background thread."""
        return _prefetched(self._batches(number), self.prefetch)

    def __iter__(self) -> Iterator[Batch]:
        """Epoch after epoch, without end."""
        endless = itertools.chain.from_iterable(map(self._batches, itertools.count()))
        return _prefetched(endless, self.prefetch)

    def _batches(self, number: int) -> Iterator[Batch]:
        order = self._order(number)
        films = len(order) // self.world
        mine = order[self.rank :: self.world][:films]
        for start in range(0, len(self) * self.batch, self.batch):
            chosen = mine[start : start + self.batch]
            rows = self.rows[chosen]
            pixels = np.multiply(self.pixels[rows], np.float32(1 / 255), dtype=np.float32)
            yield Batch(pixels, self.labels[chosen].astype(np.float32), rows)

    def _order(self, number: int) -> np.ndarray:
        """Indices into ``rows`` in the order of epoch ``number``, for all processes together."""
        random = np.random.default_rng((self.seed, number))
        films = len(self.rows)
        wanted = self.steps * self.batch * self.world or films
        if self.chances is not None:
            return random.choice(films, size=wanted, p=self.chances / self.chances.sum())
        passes = [
            random.permutation(np.arange(films)) if self.shuffle else np.arange(films)
            for _ in range(-(-wanted // max(1, films)))
        ]
        return np.concatenate(passes)[:wanted] if passes else np.arange(0)


def _prefetched(batches: Iterator[Batch], depth: int) -> Iterator[Batch]:
    """``batches``, drawn up to ``depth`` ahead by a thread that ends when the reader leaves."""
    ready: queue.Queue[Batch | BaseException | None] = queue.Queue(depth)
    left = threading.Event()

    def put(item: Batch | BaseException | None) -> None:
        while not left.is_set():
            try:
                ready.put(item, timeout=0.1)
                return
            except queue.Full:
                continue

    def work() -> None:
        try:
            for batch in batches:
                put(batch)
                if left.is_set():
                    return
            put(None)
        except BaseException as error:  # raised again where the batch is asked for
            put(error)

    worker = threading.Thread(target=work, name="prefetch", daemon=True)
    worker.start()
    try:
        while (item := ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        left.set()
        worker.join()
