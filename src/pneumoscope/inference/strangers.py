"""Pictures that are no chest films, drawn on the spot: what the guard learns to tell films from.

Crude on purpose: at 64 pixels a page of text is a pattern of bars and a photograph a heap of
shapes that hide each other. What no generator here draws, the distance from films has to catch.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from pneumoscope.inference.descriptor import FINE

SIDE = FINE
Picture = npt.NDArray[np.float64]
_DOWN, _ACROSS = np.mgrid[0:SIDE, 0:SIDE] / (SIDE - 1)


def draw(number: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Draw ``number`` pictures, (number, SIDE, SIDE) float32 in grey levels (0 to 255).

    Every kind comes equally often; three in ten are made symmetric, a quarter have plain borders,
    half have noise.
    """
    pictures = np.empty((number, SIDE, SIDE), dtype=np.float32)
    for i in range(number):
        picture = _KINDS[i % len(_KINDS)](rng)
        if rng.random() < 0.3:
            picture = _overlay(picture, rng)
        if rng.random() < 0.3:  # films are symmetric, and so are clothes, faces and vases
            half = picture[:, : SIDE // 2]
            picture = np.concatenate([half, half[:, ::-1]], axis=1)
        if rng.random() < 0.25:
            picture = _framed(picture, rng)
        if rng.random() < 0.3:
            picture = _blurred(picture, rng.uniform(0.5, 3))
        if rng.random() < 0.5:
            picture = picture + rng.normal(0, rng.uniform(1, 25), picture.shape)
        picture = picture[:: rng.choice((-1, 1)), :: rng.choice((-1, 1))]
        pictures[i] = np.clip(picture, 0, 255)
    return pictures


def _grey(rng: np.random.Generator) -> float:
    """A grey level; black and white are as common as all between."""
    return float(rng.choice((0.0, 255.0, rng.uniform(0, 255)), p=(0.25, 0.25, 0.5)))


def _spectrum(rng: np.random.Generator, *, fall: float | None = None) -> Picture:
    """Noise whose amplitude falls as a power of frequency; photographs fall with about 1."""
    down, across = np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)[None, :]
    frequency = np.hypot(down * rng.uniform(0.4, 2.5), across)
    frequency[0, 0] = 1
    noise = np.fft.rfft2(rng.normal(size=(SIDE, SIDE)))
    noise = noise * frequency ** -(rng.uniform(0, 3) if fall is None else fall)
    noise[0, 0] = 0
    field = np.fft.irfft2(noise, s=(SIDE, SIDE))
    return np.asarray(rng.uniform(60, 200) + rng.uniform(15, 90) * field / (field.std() + 1e-9))


def _ramp(rng: np.random.Generator) -> Picture:
    """A gradient, straight or round, perhaps repeated."""
    x, y = rng.uniform(-0.3, 1.3, 2)
    angle = rng.uniform(0, 2 * np.pi)
    straight = np.cos(angle) * _ACROSS + np.sin(angle) * _DOWN
    path = straight if rng.random() < 0.5 else np.hypot(_ACROSS - x, _DOWN - y)
    if rng.random() < 0.5:
        path = np.sin(path * rng.uniform(1, 40) + rng.uniform(0, 6))
    path = (path - path.min()) / (np.ptp(path) + 1e-9)
    low, high = sorted((_grey(rng), _grey(rng)))
    return np.asarray(low + (max(high, low + 40) - low) * path ** rng.uniform(0.4, 2.5))


def _ellipse(rng: np.random.Generator, *, size: tuple[float, float]) -> npt.NDArray[np.bool_]:
    x, y, angle = rng.uniform(0, 1), rng.uniform(0, 1), rng.uniform(0, np.pi)
    a, b = rng.uniform(*size, 2)
    along = (_ACROSS - x) * np.cos(angle) + (_DOWN - y) * np.sin(angle)
    beside = (_DOWN - y) * np.cos(angle) - (_ACROSS - x) * np.sin(angle)
    if rng.random() < 0.4:
        return np.asarray((np.abs(along) < a) & (np.abs(beside) < b))
    return np.asarray((along / a) ** 2 + (beside / b) ** 2 < 1)


def _leaves(rng: np.random.Generator) -> Picture:
    """Shapes that hide each other, most of them small: the "dead leaves" model of photographs."""
    picture = _spectrum(rng, fall=1.5) if rng.random() < 0.5 else _ramp(rng)
    for _ in range(int(rng.integers(3, 60))):
        where = _ellipse(rng, size=(0.02, rng.uniform(0.05, 0.5)))
        shade = rng.uniform(-80, 80) * (_DOWN if rng.random() < 0.5 else _ACROSS)
        picture = np.where(where, _grey(rng) + shade, picture)
    return picture


def _thing(rng: np.random.Generator) -> Picture:
    """One thing made of a few parts before a plain ground."""
    picture = np.full((SIDE, SIDE), _grey(rng)) + rng.uniform(-60, 60) * _DOWN
    x, y = rng.uniform(0.35, 0.65, 2)
    for _ in range(int(rng.integers(1, 8))):
        a, b = rng.uniform(0.04, 0.45, 2)
        u, v = _ACROSS - x - rng.normal(0, 0.12), _DOWN - y - rng.normal(0, 0.12)
        inside = (
            (u / a) ** 2 + (v / b) ** 2 < 1
            if rng.random() < 0.6
            else (np.abs(u) < a) & (np.abs(v) < b)
        )
        picture = np.where(inside, _grey(rng) + rng.uniform(-90, 90) * (u - v), picture)
    return np.asarray(picture)


def _text(rng: np.random.Generator) -> Picture:
    """A page: lines of words, perhaps in columns, perhaps with a picture, on paper or a screen."""
    paper = rng.choice((255.0, 240.0, 0.0, 30.0))
    ink = 255 - paper if rng.random() < 0.7 else rng.uniform(60, 200)
    picture = np.full((SIDE, SIDE), paper)
    height = int(rng.integers(1, 5))
    left, right = int(rng.integers(0, 12)), SIDE - int(rng.integers(0, 12))
    columns = int(rng.choice((1, 1, 2, 3)))
    for y in range(int(rng.integers(0, 10)), SIDE - int(rng.integers(1, 20)), 2 * height):
        words = rng.random(SIDE) < rng.uniform(0.5, 0.9)
        words[:left] = words[right:] = False
        if columns > 1:
            words[:: SIDE // columns] = False
        if rng.random() < 0.15:
            words[int(rng.integers(left, right)) :] = False
        if rng.random() < 0.9:
            picture[y : y + height, words] = ink
    return picture + (rng.uniform(0, 60) * _DOWN if rng.random() < 0.3 else 0)


def _tiles(rng: np.random.Generator) -> Picture:
    """A chessboard, stripes, bars, a grid: anything that repeats with sharp edges."""
    across, down = rng.uniform(1, 14, 2)
    angle = rng.choice((0.0, rng.uniform(0, np.pi)))
    u = _ACROSS * np.cos(angle) + _DOWN * np.sin(angle)
    v = _DOWN * np.cos(angle) - _ACROSS * np.sin(angle)
    columns = np.floor(u * across + rng.random()).astype(int)
    rows = np.floor(v * down + rng.random()).astype(int)
    kind = rng.integers(4)
    if kind == 0:
        cell = (columns + rows) % 2
    elif kind == 1:
        cell = columns % 2
    elif kind == 2:
        cell = ((u * across) % 1 < 0.15) | ((v * down) % 1 < 0.15)
    else:
        shades = rng.random((64, 64))
        cell = shades[columns % 64, rows % 64]
    dark, bright = _grey(rng), _grey(rng)
    return np.asarray(np.where(abs(dark - bright) > 40, dark, 255 - bright) * (1 - cell)) + (
        bright * np.asarray(cell)
    )


def _windows(rng: np.random.Generator) -> Picture:
    """A screen: panels, bars, buttons."""
    picture = np.full((SIDE, SIDE), _grey(rng))
    for _ in range(int(rng.integers(3, 25))):
        y, x = rng.integers(0, SIDE - 2, 2)
        height, width = rng.integers(2, rng.choice((8, 20, 50)), 2)
        inside: float | Picture = _grey(rng)
        if rng.random() < 0.2:
            inside = _text(rng)[y : y + height, x : x + width]
        picture[y : y + height, x : x + width] = inside
    return picture


def _plot(rng: np.random.Generator) -> Picture:
    """Curves, points or bars between axes."""
    ground = rng.choice((255.0, 255.0, 0.0, 40.0))
    picture = np.full((SIDE, SIDE), ground)
    ink = 255 - ground
    for _ in range(int(rng.integers(1, 5))):
        walk = np.cumsum(rng.normal(0, rng.uniform(0.3, 5), SIDE)) + rng.uniform(10, 54)
        rows = np.clip(walk, 0, SIDE - 1).astype(int)
        kind = rng.integers(3)
        if kind == 0:
            picture[rows, np.arange(SIDE)] = ink
        elif kind == 1:
            picture[np.arange(SIDE)[:, None] > rows[None, :]] = rng.uniform(40, 220)
        else:
            points = rng.integers(4, SIDE - 4, (2, int(rng.integers(3, 60))))
            picture[points[0], points[1]] = ink
    if rng.random() < 0.8:
        picture[:, int(rng.integers(3, 10))] = ink
        picture[SIDE - int(rng.integers(3, 10))] = ink
    return picture


def _strokes(rng: np.random.Generator) -> Picture:
    """A sign, a digit, a signature: a few thick bent lines."""
    ground = rng.choice((0.0, 255.0))
    picture = np.full((SIDE, SIDE), ground)
    thick = rng.uniform(0.01, 0.09)
    for _ in range(int(rng.integers(1, 5))):
        x, y = rng.uniform(0.2, 0.8, 2)
        angle, bend = rng.uniform(0, 2 * np.pi), rng.normal(0, 0.35)
        for _ in range(int(rng.integers(4, 30))):
            picture[np.hypot(_ACROSS - x, _DOWN - y) < thick] = 255 - ground
            x, y = x + 0.03 * np.cos(angle), y + 0.03 * np.sin(angle)
            angle += bend
    return picture


def _slice(rng: np.random.Generator) -> Picture:
    """A cross-section as CT or MR show it: a body on black, perhaps with a bright rim, organs."""
    x, y = rng.uniform(0.42, 0.58, 2)
    a, b = rng.uniform(0.2, 0.52, 2)
    radius = np.hypot((_ACROSS - x) / a, (_DOWN - y) / b)
    radius += rng.uniform(0, 0.06) * np.sin(rng.integers(2, 7) * np.arctan2(_DOWN - y, _ACROSS - x))
    tissue, ground = rng.uniform(70, 230), rng.choice((0.0, 0.0, 20.0, 110.0))
    picture = np.where(radius < 1, tissue, ground)
    if rng.random() < 0.5:
        rim = rng.uniform(0.75, 0.95)
        picture[(radius < 1) & (radius > rim)] = rng.choice((255.0, 40.0))
    for _ in range(int(rng.integers(1, 12))):
        organ = _ellipse(rng, size=(0.03, 0.2)) & (radius < 0.9)
        picture[organ] = np.clip(tissue + rng.normal(0, 90), 0, 255)
    if rng.random() < 0.3:
        picture[np.hypot(_ACROSS - 0.5, _DOWN - 0.5) > 0.5] = 0
    return picture


def _limb(rng: np.random.Generator) -> Picture:
    """Long bones in soft tissue: a hand, a forearm, a knee, a foot; upright or lying."""
    picture = np.full((SIDE, SIDE), rng.choice((0.0, 0.0, 20.0, 255.0)))
    count = int(rng.integers(1, 6))
    lean, width = rng.uniform(-0.6, 0.6), rng.uniform(0.5, 1.0) / count
    soft, hard = rng.uniform(50, 150), rng.uniform(150, 255)
    for i in range(count):
        centre = (i + 0.5) / count + rng.normal(0, 0.04)
        spread = 1 + lean * (centre - 0.5) * (0.5 - _DOWN)
        off = np.abs(_ACROSS - 0.5 - (centre - 0.5) * spread)
        thick = width * (0.32 + 0.1 * np.cos(_DOWN * rng.uniform(4, 20) + rng.uniform(0, 6)))
        top, bottom = rng.uniform(-0.2, 0.25), rng.uniform(0.75, 1.2)
        tall = (top < _DOWN) & (bottom > _DOWN)
        picture[(off < thick * 1.6) & tall] = soft
        picture[(off < thick * rng.uniform(0.5, 0.9)) & tall] = hard
        picture[(off < thick * 0.2) & tall] = (soft + hard) / 2
    if count > 1 and rng.random() < 0.5:
        picture[int(rng.integers(32, 60)) :] = (soft + hard) / 2
    return picture if rng.random() < 0.6 else picture.T


def _fan(rng: np.random.Generator) -> Picture:
    """An ultrasound sector with its speckle, on black."""
    x, y = rng.uniform(0.35, 0.65), rng.uniform(-0.15, 0.15)
    angle = np.abs(np.arctan2(_ACROSS - x, _DOWN - y + 1e-9))
    reach = np.hypot(_ACROSS - x, _DOWN - y)
    sector = (angle < rng.uniform(0.3, 0.9)) & (reach < rng.uniform(0.6, 1.1))
    speckle = np.clip(_spectrum(rng, fall=1.0) - rng.uniform(20, 90), 0, 255)
    return np.where(sector, speckle, 0.0)


def _overlay(picture: Picture, rng: np.random.Generator) -> Picture:
    """Two pictures in one: a part of one beside or upon the other."""
    other = _KINDS[rng.integers(len(_KINDS))](rng)
    kind = rng.integers(3)
    if kind == 0:
        return np.asarray(np.where(_ellipse(rng, size=(0.1, 0.5)), other, picture))
    if kind == 1:
        return np.asarray((picture + other) / 2)
    cut = rng.uniform(0.2, 0.8)
    return np.asarray(np.where((_DOWN if rng.random() < 0.5 else _ACROSS) < cut, picture, other))


def _framed(picture: Picture, rng: np.random.Generator) -> Picture:
    """The picture with plain borders over its edges."""
    top, left = rng.integers(0, 20, 2)
    bottom, right = SIDE - rng.integers(0, 20, 2)
    framed = np.full((SIDE, SIDE), _grey(rng))
    framed[top:bottom, left:right] = picture[top:bottom, left:right]
    return framed


def _blurred(picture: Picture, sigma: float) -> Picture:
    """A Gaussian blur (sigma in pixels), by the spectrum."""
    down, across = np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)[None, :]
    fall = np.exp(-2 * (np.pi * sigma) ** 2 * (down**2 + across**2))
    return np.fft.irfft2(np.fft.rfft2(picture) * fall, s=(SIDE, SIDE))


_KINDS: tuple[Callable[[np.random.Generator], Picture], ...] = (
    _spectrum,
    _ramp,
    _leaves,
    _leaves,
    _leaves,
    _thing,
    _thing,
    _text,
    _tiles,
    _windows,
    _plot,
    _strokes,
    _slice,
    _slice,
    _limb,
    _limb,
    _fan,
)
