"""Films as other hospitals would have made them, and what is no longer a film: to fit the guard.

Everything here takes and gives (n, FINE, FINE) grey levels, or (n, SIDE, SIDE) where said.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from pneumoscope.inference import strangers
from pneumoscope.inference.descriptor import FINE, SIDE, Floats


def vary(films: Floats, rng: np.random.Generator) -> Floats:
    """Another distance, build, exposure, sharpness, frame for each film: (n, SIDE, SIDE).

    Mirrored films stay films: left and right cannot be told from an outline.
    """
    seen = _resample(films, rng)
    seen = np.where(rng.random((len(seen), 1, 1)) < 0.5, seen[:, :, ::-1], seen)
    return expose(seen, rng)


def _resample(films: Floats, rng: np.random.Generator) -> Floats:
    """(n, FINE, FINE) -> (n, SIDE, SIDE) through a random smooth map, bilinearly."""
    n = len(films)

    def chance(low: float, high: float) -> Floats:
        return rng.uniform(low, high, (n, 1, 1)).astype(np.float32)

    place = ((np.arange(SIDE) + 0.5) / SIDE - 0.5).astype(np.float32)
    angle = rng.normal(0, 0.06, (n, 1, 1)).astype(np.float32)
    x = np.cos(angle) * place[None, None, :] - np.sin(angle) * place[None, :, None]
    y = np.sin(angle) * place[None, None, :] + np.cos(angle) * place[None, :, None]
    both = chance(-0.2, 0.2)
    shift = rng.normal(0, 0.06, (2, n, 1, 1)).astype(np.float32)
    x = x / np.exp(both + chance(-0.25, 0.25)) + shift[0]
    y = y / np.exp(both + chance(-0.25, 0.25)) + shift[1]
    # A broader or a slimmer build: more of the middle, or more of the flanks.
    x = x + chance(-0.45, 0.45) * x * (0.5 - np.abs(x))
    y = y + chance(-0.3, 0.3) * y * (0.5 - np.abs(y))
    wave = rng.normal(0, 0.02, (4, n, 1, 1)).astype(np.float32)
    x = x + wave[0] * np.sin(2 * np.pi * y) + wave[1] * np.cos(2 * np.pi * y)
    y = y + wave[2] * np.cos(2 * np.pi * x) + wave[3] * np.cos(4 * np.pi * x)

    # Means of two by two pixels, so that what is sampled at half the pitch is not ragged.
    smooth = (films[:, :-1] + films[:, 1:]) / 2
    smooth = (smooth[:, :, :-1] + smooth[:, :, 1:]) / 2
    side = FINE - 1
    x, y = (x + 0.5) * FINE - 1, (y + 0.5) * FINE - 1
    beyond = (x < -1, x > side, y < -1, y > side)
    x, y = np.clip(x, 0, side - 1.001), np.clip(y, 0, side - 1.001)
    left, top = x.astype(np.intp), y.astype(np.intp)
    u, v = x - left, y - top
    at = (top * side + left).reshape(n, -1)
    flat: Floats = np.asarray(smooth.reshape(n, -1), dtype=np.float32)

    def corner(offset: int) -> Floats:
        values: Floats = np.take_along_axis(flat, at + offset, axis=1)
        return values.reshape(n, SIDE, SIDE)

    upper, lower = (corner(row) * (1 - u) + corner(row + 1) * u for row in (0, side))
    seen: Floats = (upper * (1 - v) + lower * v).astype(np.float32)
    for outside in beyond:  # the border goes on, or there is black, or there is white
        kind = rng.random((n, 1, 1))
        shade = np.where(kind < 0.7, 0, 255).astype(np.float32)
        seen = np.where(outside & (kind > 0.4), shade, seen)
    return seen


def expose(films: Floats, rng: np.random.Generator) -> Floats:
    """Other sharpness, tone, burnt-out flanks, noise, markers and borders, at any side."""
    n, side = len(films), films.shape[1]

    def chance(low: float, high: float) -> Floats:
        return rng.uniform(low, high, (n, 1, 1)).astype(np.float32)

    def normal(deviation: float, *shape: int) -> Floats:
        return np.float32(deviation) * rng.standard_normal(shape, dtype=np.float32)

    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None])
    squared = np.asarray(frequency**2, dtype=np.float32)
    fall = np.exp(-2 * (np.pi * side * chance(1 / 32, 3 / 32)) ** 2 * squared)
    coarse = np.fft.irfft2(np.fft.rfft2(films) * fall, s=(side, side))
    grey = np.clip(coarse + (films - coarse) * np.exp(chance(-1.3, 0.4)), 0, 255) / 255
    grey = grey ** np.exp(normal(0.4, n))[:, None, None]
    low, high = chance(-0.1, 0.15), chance(0.75, 1.15)
    grey = np.clip((grey - low) / (high - low), 0, 1)
    down, across = np.mgrid[0:side, 0:side].astype(np.float32) / (side - 1) - np.float32(0.5)
    slope = normal(0.25, 4, n, 1, 1)
    burn = slope[0] * across + (slope[1] + 0.1) * down
    burn += 2 * slope[2] * across**2 + 2 * slope[3] * down**2
    # Black stays black: nothing scatters there.
    grey = np.clip(grey + burn * np.minimum(grey * 5, 1), 0, 1)
    made = 255 * grey + normal(1, *films.shape) * chance(0, 4)
    for film in made[rng.random(n) < 0.3]:
        _mark(film, rng)
    return np.asarray(np.clip(made, 0, 255), dtype=np.float32)


def _mark(film: Floats, rng: np.random.Generator) -> None:
    """Lay a marker or plain borders over (side, side), in place."""
    side = len(film)
    if rng.random() < 0.5:
        y, x = rng.integers(0, side - side // 8, 2)
        height, width = rng.integers(1, side // 8, 2)
        film[y : y + height, x : x + width] = 255
        return
    top, bottom, left, right = rng.integers(0, side // 8, 4) * (rng.random(4) < 0.6)
    shade = rng.choice((0.0, 255.0))
    film[:top] = film[side - bottom :] = shade
    film[:, :left] = film[:, side - right :] = shade


def abuse(films: Floats, rng: np.random.Generator) -> Floats:
    """Pictures made of films that are no one whole film: parts, pairs, heaps, films in a scene."""
    makers = (_part, _half, _two, _heap, _shuffled, _in_a_scene, _covered, _doubled)
    made = [makers[i % len(makers)](film, films, rng) for i, film in enumerate(films)]
    return expose(np.stack(made), rng)


def _part(film: Floats, films: Floats, rng: np.random.Generator) -> Floats:
    height, width = rng.integers(FINE // 7, FINE // 2, 2)
    y, x = rng.integers(0, FINE - height), rng.integers(0, FINE - width)
    return _fit(film[y : y + height, x : x + width])


def _half(film: Floats, films: Floats, rng: np.random.Generator) -> Floats:
    cut = int(FINE * rng.uniform(0.42, 0.56))
    halves = (film[:, :cut], film[:, -cut:], film[:cut], film[-cut:])
    return _fit(halves[rng.integers(4)])


def _two(film: Floats, films: Floats, rng: np.random.Generator) -> Floats:
    other = films[rng.integers(len(films))]
    if rng.random() < 0.7:
        return np.concatenate([film[:, ::2], other[:, ::2]], axis=1)
    return np.concatenate([film[::2], other[::2]], axis=0)


def _heap(film: Floats, films: Floats, rng: np.random.Generator) -> Floats:
    many = int(rng.choice((2, 4)))
    rows = films[rng.integers(len(films), size=(many, many)), ::many, ::many]
    return np.concatenate([np.concatenate(list(row), axis=1) for row in rows], axis=0)


def _shuffled(film: Floats, films: Floats, rng: np.random.Generator) -> Floats:
    many = int(rng.choice((2, 4)))
    tiles = [tile for row in np.split(film, many) for tile in np.split(row, many, axis=1)]
    order = np.roll(rng.permutation(len(tiles)), 1)
    rows = [[tiles[i] for i in order[j : j + many]] for j in range(0, len(tiles), many)]
    return np.concatenate([np.concatenate(row, axis=1) for row in rows], axis=0)


def _in_a_scene(film: Floats, films: Floats, rng: np.random.Generator) -> Floats:
    scene = _ground(rng)
    side = int(rng.integers(FINE // 5, FINE * 9 // 16))
    y, x = rng.integers(0, FINE - side, 2)
    scene[y : y + side, x : x + side] = _fit(film, side)
    return scene


def _covered(film: Floats, films: Floats, rng: np.random.Generator) -> Floats:
    cover = _ground(rng)
    kept = np.arange(FINE) < FINE * rng.uniform(0.4, 0.6)
    kept = kept if rng.random() < 0.5 else ~kept
    return np.where(kept if rng.random() < 0.5 else kept[:, None], film, cover)


def _doubled(film: Floats, films: Floats, rng: np.random.Generator) -> Floats:
    half = film[:, : FINE // 2] if rng.random() < 0.5 else film[:, FINE // 2 :]
    return np.concatenate([half, half], axis=1)


def _ground(rng: np.random.Generator) -> Floats:
    if rng.random() < 0.5:
        return np.asarray(strangers.draw(1, rng)[0])
    return np.full((FINE, FINE), rng.choice((0.0, 128.0, 255.0)), dtype=np.float32)


def _fit(part: Floats, side: int = FINE) -> Floats:
    picture = Image.fromarray(np.ascontiguousarray(part, dtype=np.float32))
    return np.asarray(picture.resize((side, side), Image.Resampling.BILINEAR))
