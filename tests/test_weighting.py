from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from pneumoscope.data.catalog import Film
from pneumoscope.errors import UsageError
from pneumoscope.model.weighting import OFTEN, chances, loss_of


def films(*spec: tuple[int, int | None]) -> list[Film]:
    return [
        Film(Path(f"{i}"), f"{i}", label, "", f"{i}", "", side, side)
        for i, (label, side) in enumerate(spec)
    ]


def test_plain_draws_nothing() -> None:
    assert chances(films((0, 9), (1, 9)), sampling="plain") is None


def test_class_draws_both_classes_equally_often() -> None:
    drawn = chances(films((0, None), *[(1, None)] * 3), sampling="class")
    assert drawn is not None
    assert drawn / drawn.sum() == pytest.approx([1 / 2, 1 / 6, 1 / 6, 1 / 6])


def test_size_tells_nothing_of_the_label_any_more() -> None:
    rng = np.random.default_rng(0)
    made = films(
        *[(0, int(side)) for side in rng.integers(80, 160, 200)],
        *[(1, int(side)) for side in rng.integers(60, 140, 600)],
        *[(1, None)] * 20,
        *[(0, None)] * 20,
    )
    drawn = chances(made, sampling="size")
    assert drawn is not None
    labels = np.array([film.label for film in made])
    size = np.array([film.width or 0 for film in made])
    for low, high in ((80, 110), (110, 140)):
        inside = (size >= low) & (size < high)
        share = drawn[inside & (labels == 1)].sum() / drawn[inside].sum()
        assert share == pytest.approx(0.5, abs=0.08)
        assert abs(labels[inside].mean() - 0.5) > 0.2


def test_no_film_is_drawn_without_measure() -> None:
    made = films((0, 10), *[(1, 10)] * 499)
    drawn = chances(made, sampling="size")
    assert drawn is not None
    assert drawn[0] == OFTEN / 500
    with pytest.raises(UsageError, match="sampling=size needs original sizes"):
        chances(films((0, None), (1, None)), sampling="size")


def test_the_losses() -> None:
    logit = torch.tensor([-3.0, 0.5, 2.0, -1.0])
    truth = torch.tensor([0.0, 1.0, 1.0, 1.0])
    weight = torch.tensor([2.0, 1.0, 1.0, 1.0])
    plain = loss_of(logit, truth, weight, kind="bce")
    assert plain == binary_cross_entropy_with_logits(logit, truth, weight=weight)
    p = torch.sigmoid(logit)
    right = torch.where(truth > 0, p, 1 - p)
    by_hand = (weight * (1 - right) ** 2 * -right.log()).mean()
    assert loss_of(logit, truth, weight, kind="focal") == pytest.approx(float(by_hand))
