from __future__ import annotations

import io
from itertools import combinations

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from pneumoscope.data import duplicates
from pneumoscope.data.duplicates import (
    MAX_DISTANCE,
    look_alike,
    near_pairs,
    perceptual_hash,
    same_content,
    thumbnail,
)
from trees import SAMPLE, picture


def distance(a: str, b: str) -> int:
    return (int(a, 16) ^ int(b, 16)).bit_count()


def hash_of(image: Image.Image) -> str:
    return perceptual_hash(np.asarray(image))


@pytest.fixture(scope="module")
def films() -> list[Image.Image]:
    paths = sorted((SAMPLE / "chest_xray" / "val").glob("*/*.jpeg"))
    return [Image.open(path).convert("L") for path in paths]


def recompressed(image: Image.Image) -> Image.Image:
    data = io.BytesIO()
    image.save(data, "JPEG", quality=30)
    return Image.open(data)


def test_a_hash_is_256_bits_of_which_half_are_set() -> None:
    digest = hash_of(picture(1))
    assert len(digest) == 64
    assert int(digest, 16).bit_count() == 128


def test_copies_stay_near(films: list[Image.Image]) -> None:
    for film in films:
        for copy in (
            film.resize((180, 180), Image.Resampling.BICUBIC),
            film.resize((700, 450), Image.Resampling.LANCZOS),
            recompressed(film),
            ImageEnhance.Brightness(film).enhance(0.9),
        ):
            assert distance(hash_of(film), hash_of(copy)) <= MAX_DISTANCE


def test_other_films_stay_far(films: list[Image.Image]) -> None:
    hashes = [hash_of(film) for film in films]
    assert min(distance(a, b) for a, b in combinations(hashes, 2)) > 2 * MAX_DISTANCE
    assert distance(hashes[0], hash_of(films[0].transpose(Image.Transpose.FLIP_LEFT_RIGHT))) > 48


def test_the_hash_of_a_thumbnail_is_the_hash_of_its_film(films: list[Image.Image]) -> None:
    pixels = np.asarray(films[0])
    assert perceptual_hash(thumbnail(pixels)) == perceptual_hash(pixels)


def test_near_pairs_are_those_of_the_plain_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2, (60, 256), dtype=np.uint8)
    for i in range(0, 60, 3):  # every third resembles its neighbour, more or less
        bits[i + 1] = bits[i]
        bits[i + 1, rng.choice(256, 10 + i // 2, replace=False)] ^= 1
    hashes = [np.packbits(row).tobytes().hex() for row in bits]
    expected = [
        [i, j] for i, j in combinations(range(60), 2) if distance(hashes[i], hashes[j]) <= 24
    ]
    assert 5 < len(expected) < 20
    assert near_pairs(hashes).tolist() == expected
    across = near_pairs(hashes[:20], hashes[20:])
    assert [[i, j + 20] for i, j in across] == [[i, j] for i, j in expected if i < 20 <= j]
    # The result does not depend on the blocks in which it is found.
    monkeypatch.setattr(duplicates, "_BLOCK", 100)
    assert near_pairs(hashes).tolist() == expected


def test_no_hashes_no_pairs() -> None:
    assert near_pairs([]).shape == (0, 2)
    assert look_alike([], []) == []


def test_same_content_groups_equal_digests() -> None:
    assert same_content(["a", "b", "a", "c", "c", "a"]) == [[0, 2, 5], [3, 4]]


def test_look_alikes_are_grouped_and_the_thumbnail_decides(films: list[Image.Image]) -> None:
    series = [films[0], films[1], recompressed(films[0]), films[0].resize((100, 90)), films[2]]
    pixels = [np.asarray(image) for image in series]
    hashes = [perceptual_hash(p) for p in pixels]
    thumbnails = [thumbnail(p) for p in pixels]
    assert look_alike(hashes, thumbnails) == [[0, 2, 3]]
    other = thumbnail(np.asarray(films[5]))
    assert look_alike(hashes, [thumbnails[0], other, other, thumbnails[3], other]) == [[0, 3]]


def test_blank_films_resemble_nothing() -> None:
    blank = np.zeros((64, 64), np.uint8)
    hashes = [perceptual_hash(blank)] * 2
    assert look_alike(hashes, [blank, blank]) == []
