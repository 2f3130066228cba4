import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from pneumoscope.model.augment import SETTINGS, Augmentation, augment, augment_with


def batch(n: int = 6, side: int = 40) -> Tensor:
    return torch.rand(n, 1, side, side, generator=torch.Generator().manual_seed(0))


def chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def smooth(side: int = 64) -> Tensor:
    x = torch.linspace(-2, 2, side)
    return torch.exp(-(x[:, None] ** 2) - (x[None, :] - 0.5) ** 2)[None, None]


def test_none_changes_nothing() -> None:
    films = batch()
    assert augment(films, SETTINGS["none"], chance()) is films


def test_a_flip_is_a_mirror_image_of_some_films() -> None:
    films = batch(64)
    changed = augment(films, SETTINGS["flip"], chance())
    mirrored = torch.tensor(
        [torch.equal(c, f.flip(2)) for c, f in zip(changed, films, strict=True)]
    )
    same = torch.tensor([torch.equal(c, f) for c, f in zip(changed, films, strict=True)])
    assert bool((mirrored ^ same).all())
    assert 16 < int(mirrored.sum()) < 48


@pytest.mark.parametrize("setting", ["mild", "full"])
def test_it_keeps_shape_and_range_and_changes_each_film_differently(setting: str) -> None:
    films = batch(1).expand(8, -1, -1, -1)
    changed = augment(films, SETTINGS[setting], chance())
    assert changed.shape == films.shape
    assert changed.dtype == torch.float32
    assert 0 <= float(changed.min()) <= float(changed.max()) <= 1
    assert len({float(film.sum()) for film in changed}) == 8


def test_the_same_generator_state_gives_the_same_films() -> None:
    films = batch()
    one, two = (augment(films, SETTINGS["full"], chance(4)) for _ in range(2))
    assert torch.equal(one, two)
    assert not torch.equal(one, augment(films, SETTINGS["full"], chance(5)))


def test_mild_moves_as_far_as_full_and_changes_greys_less() -> None:
    mild, full = SETTINGS["mild"], SETTINGS["full"]
    moves = ("flip", "rotate", "scale", "aspect", "shift", "erase")
    assert all(getattr(mild, name) == getattr(full, name) for name in moves)
    even = torch.full((64, 1, 32, 32), 0.5)
    still = dict.fromkeys(moves, 0.0)
    spread = [
        float((augment(even, replace(each, **still), chance()) - 0.5).abs().mean())
        for each in (mild, full)
    ]
    assert 0 < 1.5 * spread[0] < spread[1]


def test_films_that_come_in_are_not_written_to() -> None:
    films = batch()
    before = films.clone()
    augment(films, SETTINGS["full"], chance())
    assert torch.equal(films, before)


def test_rotation_turns_about_the_centre_by_at_most_the_angle() -> None:
    film = smooth()
    turned = augment(film, Augmentation(rotate=30), chance(1))
    y, x = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")

    def angle(picture: Tensor) -> float:
        mass = picture.sum()
        return math.degrees(
            math.atan2(
                float((picture * y).sum() / mass) - 31.5, float((picture * x).sum() / mass) - 31.5
            )
        )

    assert 1 < abs(angle(turned[0, 0]) - angle(film[0, 0])) < 30.5


def test_blur_lowers_sharpness_and_keeps_the_mean() -> None:
    films = batch()
    blurred = augment(films, Augmentation(blur=2.0, blur_chance=1.0), chance())
    inner = (slice(None), slice(None), slice(8, -8), slice(8, -8))
    assert bool((blurred[inner].std(dim=(1, 2, 3)) < films[inner].std(dim=(1, 2, 3))).all())
    assert float(blurred[inner].mean()) == pytest.approx(float(films[inner].mean()), abs=0.02)
    left = augment(films, Augmentation(blur=2.0, blur_chance=0.0), chance())
    torch.testing.assert_close(left, films)


def test_gamma_keeps_black_and_white() -> None:
    films = torch.tensor([0.0, 0.5, 1.0]).view(1, 1, 1, 3)
    changed = augment(films, Augmentation(gamma=0.5), chance()).flatten()
    assert changed[0] == 0
    assert changed[2] == 1
    assert changed[1] != 0.5


def test_erase_paints_one_grey_over_a_rectangle() -> None:
    changed = augment(torch.ones(200, 1, 40, 40), Augmentation(erase=0.5), chance())
    touched = (changed != 1).flatten(1).any(dim=1)
    assert 60 < int(touched.sum()) < 140
    for film in changed[touched]:
        rows, columns = torch.nonzero(film[0] != 1, as_tuple=True)
        high, wide = int(rows.max() - rows.min()) + 1, int(columns.max() - columns.min()) + 1
        assert high <= 10
        assert wide <= 10
        assert len(rows) == high * wide
        assert len(film[0][film[0] != 1].unique()) == 1


def test_what_lies_on_a_film_moves_with_it() -> None:
    films = torch.rand(6, 1, 40, 40, generator=torch.Generator().manual_seed(0))
    settings = Augmentation(flip=0.5, rotate=12, scale=0.2, aspect=0.2, shift=0.1)
    moved, along = augment_with(films, films, settings, torch.Generator().manual_seed(1))
    torch.testing.assert_close(moved, along)
    assert not torch.equal(moved, films)
    # Noise, blur and erasing are of the film alone, and a film is changed as it is without company.
    full = SETTINGS["full"]
    alone = augment(films, full, torch.Generator().manual_seed(1))
    moved, along = augment_with(films, films * 0, full, torch.Generator().manual_seed(1))
    torch.testing.assert_close(moved, alone)
    assert (along == 0).all()
