"""What becomes of a film on its way to a reader: turned, cut, photographed, written upon."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw


def with_pacemaker_and_text(film: np.ndarray) -> np.ndarray:
    image = Image.fromarray(film)
    pen, (width, height) = ImageDraw.Draw(image), image.size
    pen.rounded_rectangle((width * 0.62, height * 0.2, width * 0.74, height * 0.3), 5, 250)
    pen.line((width * 0.68, height * 0.3, width * 0.52, height * 0.6), 240, 2)
    pen.text((4, 4), "L  AP ERECT", 255)
    return np.asarray(image)


def on_a_screen(film: np.ndarray) -> np.ndarray:
    """A photograph of a screen that shows the film, slightly from the side."""
    height, width = film.shape
    scene = Image.new("L", (3 * width, 2 * height), 120)
    pen = ImageDraw.Draw(scene)
    pen.rectangle((0, 1.7 * height, 3 * width, 2 * height), 60)
    pen.rectangle((0.8 * width, 0.3 * height, 2.2 * width, 1.6 * height), 15)
    scene.paste(Image.fromarray(film).rotate(4, fillcolor=15), (width, int(0.45 * height)))
    return np.asarray(scene)


def too_small(film: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(film).resize((50, 44)))


def burnt_in_the_middle(film: np.ndarray) -> np.ndarray:
    burnt = film.copy()
    height, width = film.shape
    burnt[height // 5 : -height // 5, width // 5 : -width // 5] = 255
    return burnt


# "read" and "refused" are certain; what is "either" must only end in a reading or a reason.
WORST: dict[str, tuple[str, Callable[[np.ndarray], np.ndarray]]] = {
    "all black": ("refused", np.zeros_like),
    "all white": ("refused", lambda film: np.full_like(film, 255)),
    "half black": (
        "refused",
        lambda film: np.where(np.arange(film.shape[1]) < film.shape[1] // 2, film, 0),
    ),
    "left half": ("refused", lambda film: film[:, : film.shape[1] // 2]),
    "upper half": ("either", lambda film: film[: film.shape[0] // 2]),
    "two side by side": ("refused", lambda film: np.concatenate([film, film], axis=1)),
    "four in one": ("refused", lambda film: np.tile(film[::2, ::2], (2, 2))),
    "upside down": ("either", np.flipud),
    "mirrored": ("read", np.fliplr),
    "huge black borders": ("refused", lambda film: np.pad(film, film.shape[0])),
    "huge white borders": (
        "refused",
        lambda film: np.pad(film, film.shape[0], constant_values=255),
    ),
    "small borders": ("read", lambda film: np.pad(film, film.shape[0] // 20)),
    "burnt out": ("refused", lambda film: np.clip(film.astype(int) * 6, 0, 255).astype(np.uint8)),
    "too dark": ("refused", lambda film: film // 16),
    "a corner of it": ("refused", lambda film: film[:70, :70]),
    "noise upon it": (
        "either",
        lambda film: np.clip(
            film + np.random.default_rng(0).normal(0, 90, film.shape), 0, 255
        ).astype(np.uint8),
    ),
    "with a pacemaker and text": ("read", with_pacemaker_and_text),
    "on a screen": ("refused", on_a_screen),
    "burnt in the middle": ("refused", burnt_in_the_middle),
    "too small": ("refused", too_small),
}
