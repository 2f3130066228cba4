import threading
from itertools import islice

import numpy as np
import pytest

from pneumoscope.data.batches import Batches


def batches(n: int = 50, **options: object) -> Batches:
    pixels = np.arange(n, dtype=np.uint8)[:, None, None] * np.ones((1, 4, 4), np.uint8)
    return Batches(
        pixels=pixels,
        rows=np.arange(n),
        labels=np.arange(n) % 2,
        **options,  # type: ignore[arg-type]
    )


def test_an_epoch_has_every_film_once_as_float_in_0_to_1() -> None:
    seen = list(batches().epoch(0))
    assert [len(batch.rows) for batch in seen] == [16, 16, 16, 2]
    rows = np.concatenate([batch.rows for batch in seen])
    assert sorted(rows) == list(range(50))
    assert list(rows) != list(range(50))
    for batch in seen:
        assert batch.pixels.dtype == np.float32
        np.testing.assert_allclose(batch.pixels[:, 0, 0], batch.rows / 255, rtol=1e-6)
        np.testing.assert_array_equal(batch.labels, batch.rows % 2)


def test_the_same_seed_gives_the_same_batches_and_each_epoch_its_own() -> None:
    def order(seed: int, epoch: int) -> list[int]:
        return [int(row) for batch in batches(seed=seed).epoch(epoch) for row in batch.rows]

    assert order(3, 5) == order(3, 5)
    assert order(3, 5) != order(3, 6)
    assert order(3, 5) != order(4, 5)


def test_iterating_repeats_for_ever_in_the_epochs_orders() -> None:
    source = batches(drop_last=True)
    assert len(source) == 3
    endless = [list(batch.rows) for batch in islice(source, 7)]
    epochs = [list(batch.rows) for number in range(3) for batch in source.epoch(number)]
    assert endless == epochs[:7]


def test_processes_share_an_epoch_without_overlap() -> None:
    parts = [
        np.concatenate([b.rows for b in batches(n=51, rank=rank, world=2).epoch(1)])
        for rank in range(2)
    ]
    assert len(parts[0]) == len(parts[1]) == 25
    assert not set(parts[0]) & set(parts[1])


def test_the_thread_ends_when_the_reader_leaves() -> None:
    source = iter(batches())
    next(source)
    assert any(thread.name == "prefetch" for thread in threading.enumerate())
    source.close()  # type: ignore[attr-defined]
    assert not any(thread.name == "prefetch" for thread in threading.enumerate())


def test_a_fault_while_reading_reaches_the_reader() -> None:
    broken = Batches(pixels=np.zeros((1, 2, 2), np.uint8), rows=np.array([7]), labels=np.array([1]))
    with pytest.raises(IndexError):
        next(broken.epoch(0))


@pytest.mark.parametrize("options", [{"batch": 0}, {"rank": 2, "world": 2}, {"prefetch": 0}])
def test_nonsense_is_refused(options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be"):
        batches(**options)


def test_an_epoch_of_fixed_length_passes_over_few_films_again() -> None:
    pixels, rows, labels = np.zeros((5, 2, 2), np.uint8), np.arange(5), np.zeros(5)
    few = Batches(pixels=pixels, rows=rows, labels=labels, batch=3, steps=4, drop_last=True)
    seen = [batch.rows for batch in few.epoch(0)]
    assert len(few) == len(seen) == 4
    assert [len(batch) for batch in seen] == [3] * 4
    order = np.concatenate(seen)
    assert sorted(order[:5]) == sorted(order[5:10]) == [0, 1, 2, 3, 4]
    assert order[:5].tolist() != order[5:10].tolist()


def test_films_are_drawn_as_often_as_their_chances_say() -> None:
    pixels, rows = np.zeros((2, 2, 2), np.uint8), np.array([0, 1])
    batches = Batches(
        pixels=pixels, rows=rows, labels=rows, batch=10, steps=100, chances=np.array([1.0, 3.0])
    )
    drawn = np.concatenate([batch.rows for batch in batches.epoch(0)])
    assert drawn.mean() == pytest.approx(0.75, abs=0.05)
    again = np.concatenate([batch.rows for batch in batches.epoch(0)])
    other = np.concatenate([batch.rows for batch in batches.epoch(1)])
    assert drawn.tolist() == again.tolist() != other.tolist()


def test_chances_and_steps_that_do_not_fit() -> None:
    pixels, rows = np.zeros((2, 2, 2), np.uint8), np.array([0, 1])
    with pytest.raises(ValueError, match="1 chances, but 2 rows"):
        Batches(pixels=pixels, rows=rows, labels=rows, chances=np.ones(1))
    with pytest.raises(ValueError, match="steps must not be negative"):
        Batches(pixels=pixels, rows=rows, labels=rows, steps=-1)
