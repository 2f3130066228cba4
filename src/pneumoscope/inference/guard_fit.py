"""Films -> a fitted guard: what chest films look like, and how far from them is too far."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from pneumoscope.film import Pixels
from pneumoscope.inference import strangers
from pneumoscope.inference.descriptor import Floats, describe, fine_thumbnail, halve
from pneumoscope.inference.familiar import Familiar, poses_of, rounded
from pneumoscope.inference.film_variants import abuse, vary
from pneumoscope.inference.guard import Guard, pose_of

T = TypeVar("T")

# From fewer films nobody can tell what is usual: such a guard looks at headers and greys only.
ENOUGH = 50
PLENTY = 1000  # more films say little more of what is usual, and take longer to decode
_REFUSED = 0.05  # of the films held out: a guard that refuses more of them has not learned films
_MOST, _LEAST, _EACH = 6000, 2000, 12  # variants: at most, at least, of each film
_BLOCK = 256  # pictures made at a time; more leave the processor's cache
_WEIGHTS = (1.0, 1.0, 0.7, 1.3)  # films, films in other poses, abused films, strangers
_UNITS, _EPOCHS, _BATCH, _RATE, _DECAY = 32, 16, 512, 3e-3, 1e-3


def plenty(films: Sequence[T]) -> Sequence[T]:
    """As many of ``films`` as a guard is fitted to, evenly out of all."""
    if len(films) <= PLENTY:
        return films
    return [films[i] for i in np.linspace(0, len(films) - 1, PLENTY).round().astype(int)]


def fit_guard(films: Iterable[Pixels], *, guard: Guard | None = None, seed: int = 0) -> Guard:
    """Give ``guard`` its knowledge of ``films``: (h, w) uint8, bone bright, as a reader decodes.

    No other picture is needed: what is not a film is drawn (`strangers`) or made of the films
    themselves: upside down, inverted, cut, paired (`film_variants.abuse`). A fifth of the films
    is held out: it sets the distance that is usual, and is then shown to the guard. If that would
    refuse or turn many of them (films that look alike upside down, say), ``guard`` comes back as it
    was. The same films give the same guard. Takes about ten seconds.
    """
    guard = guard or Guard()
    thumbnails = [fine_thumbnail(film) for film in films]
    if len(thumbnails) < ENOUGH:
        return guard
    rng = np.random.default_rng(seed)
    shuffled = np.stack(thumbnails)[rng.permutation(len(thumbnails))]
    held_out, fitted = np.split(shuffled, [len(shuffled) // 5])
    number = int(np.clip(_EACH * len(fitted), _LEAST, _MOST))

    def some(many: int) -> Floats:
        """So many of the films, each as often as the others."""
        return fitted[np.resize(rng.permutation(len(fitted)), many)]

    varied = _in_blocks(lambda block: vary(block, rng), some(number))
    seen = np.concatenate([varied, halve(some(number // 2))])
    others = poses_of(seen)[1:]
    # Inverted films are the worst to mistake, so all of them are shown; of the rest a half.
    posed = [others[0], *(one[rng.random(len(one)) < 0.5] for one in others[1:])]
    drawn = halve(strangers.draw(number * 2 // 3, rng))
    abused = _in_blocks(lambda block: halve(abuse(block, rng)), some(number * 2 // 3))
    groups = [
        _in_blocks(describe, group)
        for group in (seen, np.concatenate(posed), abused, np.concatenate([drawn, 255 - drawn]))
    ]
    pictures = np.concatenate(groups)
    mean, scale = rounded(pictures.mean(axis=0)), rounded(pictures.std(axis=0) + 1e-3)
    standard = (pictures - mean) / scale
    is_film = np.repeat([1.0, 0.0, 0.0, 0.0], [len(group) for group in groups])
    shares = [weight / len(group) for weight, group in zip(_WEIGHTS, groups, strict=True)]
    weight = np.repeat(shares, [len(group) for group in groups])
    network = _train(standard, is_film, weight / weight.mean(), rng)
    centre, whitening = _gaussian(standard[: len(seen)])
    inner, inner_bias, outer, outer_bias = network
    familiar = Familiar(
        mean=mean,
        scale=scale,
        inner=inner,
        inner_bias=inner_bias,
        outer=outer,
        outer_bias=outer_bias,
        centre=centre,
        whitening=whitening,
        usual=1.0,
    )
    small = halve(held_out)
    _, distance = familiar.judge(small)
    usual = round(_high(distance), 4)
    made = replace(guard, familiar=replace(familiar, usual=usual))
    unread = sum(pose_of(greys, made) != (0, None) for greys in small)
    return made if unread <= max(1, _REFUSED * len(small)) else guard


def _high(distance: Floats) -> float:
    """What 1 in 1,000 exceeds, if logarithms are normal: the largest of a few says too little."""
    logarithm = np.log(distance)
    return float(np.exp(logarithm.mean() + 3.09 * logarithm.std()))


def _in_blocks(make: Callable[[Floats], Floats], pictures: Floats) -> Floats:
    """``make`` of all ``pictures``, some at a time: several times faster, in less memory."""
    starts = range(0, len(pictures), _BLOCK)
    return np.concatenate([make(pictures[start : start + _BLOCK]) for start in starts])


def _gaussian(films: Floats) -> tuple[Floats, Floats]:
    """Centre (d,) and whitening (d, d), lower triangular, of (n, d); slightly shrunk to a ball."""
    centre = films.mean(axis=0)
    covariance = np.cov((films - centre).T)
    covariance += 1e-3 * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    return rounded(centre), rounded(np.linalg.cholesky(np.linalg.inv(covariance)))


def _train(
    pictures: Floats, is_film: Floats, weight: Floats, rng: np.random.Generator
) -> list[Floats]:
    """Weights of a network with one hidden layer that tells films: logistic loss, Adam, L2.

    (n, d), (n,), (n,) -> inner (d, units), its bias (units,), outer (units,), its bias ().
    """
    count, length = pictures.shape
    weights: list[Floats] = [
        rng.normal(0, length**-0.5, (length, _UNITS)).astype(np.float32),
        np.zeros(_UNITS, dtype=np.float32),
        rng.normal(0, _UNITS**-0.5, _UNITS).astype(np.float32),
        np.zeros((), dtype=np.float32),
    ]
    is_film, weight = is_film.astype(np.float32), weight.astype(np.float32)
    first = [np.zeros_like(part) for part in weights]
    second = [np.zeros_like(part) for part in weights]
    steps = _EPOCHS * (count // _BATCH)
    for step in range(steps):
        if step % (count // _BATCH) == 0:
            order = rng.permutation(count)
        start = step % (count // _BATCH) * _BATCH
        rows = order[start : start + _BATCH]
        shown = pictures[rows]
        inner, inner_bias, outer, outer_bias = weights
        hidden = np.tanh(shown @ inner + inner_bias)
        logit = np.clip(hidden @ outer + outer_bias, -30, 30)
        error = (1 / (1 + np.exp(-logit)) - is_film[rows]) * weight[rows] / _BATCH
        back = error[:, None] * outer * (1 - hidden * hidden)
        gradients = (
            shown.T @ back + _DECAY * inner,
            back.sum(axis=0),
            hidden.T @ error + _DECAY * outer,
            error.sum(),
        )
        rate = _RATE * 0.5 * (1 + np.cos(np.pi * step / steps))
        for i, gradient in enumerate(gradients):
            first[i] = 0.9 * first[i] + 0.1 * gradient
            second[i] = 0.999 * second[i] + 0.001 * gradient * gradient
            mean = first[i] / (1 - 0.9 ** (step + 1))
            square = second[i] / (1 - 0.999 ** (step + 1))
            weights[i] = (weights[i] - rate * mean / (np.sqrt(square) + 1e-8)).astype(np.float32)
    return [rounded(part) for part in weights]
