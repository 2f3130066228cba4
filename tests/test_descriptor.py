from __future__ import annotations

import numpy as np
import pytest

import films
from pneumoscope.inference.descriptor import LENGTH, SIDE, describe, thumbnail


def described(pixels: np.ndarray) -> np.ndarray:
    return describe(thumbnail(pixels)[None])[0]


@pytest.mark.parametrize("shape", [(1, 1), (5, 300), (64, 64), (224, 224), (1300, 1700)])
def test_any_shape_gives_a_thumbnail(shape: tuple[int, int]) -> None:
    small = thumbnail(films.picture(*shape))
    assert (small.shape, small.dtype) == ((SIDE, SIDE), np.float32)
    assert np.isfinite(described(films.picture(*shape))).all()


def test_a_thumbnail_keeps_the_mean_of_every_block() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (4 * SIDE, 2 * SIDE), dtype=np.uint8)
    blocks = pixels.reshape(SIDE, 4, SIDE, 2).mean(axis=(1, 3))
    # Pillow rounds twice, after each axis; the halving does not.
    np.testing.assert_allclose(thumbnail(pixels), blocks, atol=1.01)


def test_one_film_at_several_sizes_is_described_alike() -> None:
    sizes = [described(films.picture(*shape)) for shape in ((180, 180), (400, 500), (1100, 900))]
    other = described(films.picture(400, 500)[:, ::-1].T)
    for one in sizes[1:]:
        assert np.linalg.norm(one - sizes[0]) < 0.25 * np.linalg.norm(one - other)


def test_brightness_and_contrast_do_not_count() -> None:
    pixels = films.picture().astype(float)
    # Half the contrast in whole greys is a little noisier, which the finest band of power sees.
    np.testing.assert_allclose(
        described((0.5 * pixels + 40).astype(np.uint8)),
        described(pixels.astype(np.uint8)),
        atol=0.3,
    )


def test_a_flat_film_is_described_without_a_warning() -> None:
    flat = described(np.full((90, 90), 7, dtype=np.uint8))
    assert flat.shape == (LENGTH,)
    assert np.isfinite(flat).all()


def test_films_described_together_are_described_as_alone() -> None:
    several = np.stack([thumbnail(films.picture(seed=seed)) for seed in range(3)])
    together = describe(several)
    assert together.shape == (3, LENGTH)
    for one, thumb in zip(together, several, strict=True):
        np.testing.assert_allclose(one, describe(thumb[None])[0], atol=1e-4)
