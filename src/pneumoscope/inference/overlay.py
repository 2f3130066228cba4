"""A film and the evidence behind its reading, side by side in one picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pneumoscope.files import write_beside
from pneumoscope.film import Pixels
from pneumoscope.inference.reader import Maps
from pneumoscope.inference.saliency import Explanation

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont
    from PIL.ImageFont import ImageFont as BitmapFont

    Font = FreeTypeFont | BitmapFont

NAMES = {
    "cam": "class activation map",
    "occlusion": "occlusion",
    "gradcam": "Grad-CAM",
    "integrated-gradients": "integrated gradients",
}
_SIDE = 480  # of the longer side of a film as drawn
_LEAST_ACROSS, _LEAST_TALL = 600, 120  # room for words and scale beside a narrow film
_GAP, _BAR, _TICKS, _LINE = 14, 16, 62, 24
_INK, _FAINT = (25, 25, 25), (105, 105, 105)
# Away from grey on both sides and told apart by the colour-blind: from weak to strong.
_FOR = ((255, 200, 60), (250, 110, 30), (205, 0, 30))
_AGAINST = ((140, 215, 245), (45, 140, 235), (20, 50, 190))
_STRONGEST = 0.62  # opacity: the film stays visible below the strongest evidence


def draw_overlay(explanation: Explanation, path: Path, *, classes: tuple[str, str]) -> None:
    """Write a PNG: the film, the film below its evidence, a scale in logits, and the reading.

    Warm colours speak for ``classes[1]``, cold ones against it, and where there is little evidence
    there is little colour; the scale ends at the film's own strongest place. Only the name of the
    film's file is shown, not where it lies.
    """
    assert explanation.film is not None
    assert explanation.map is not None
    limit = max(float(np.abs(explanation.map).max()), 1e-6)
    height, width = explanation.film.shape
    scale = _SIDE / max(height, width)
    shape = (max(round(width * scale), 1), max(round(height * scale), 1))
    film = Image.fromarray(explanation.film).resize(shape, Image.Resampling.BICUBIC)
    laid = Image.fromarray(explanation.map / limit).resize(shape, Image.Resampling.BICUBIC)
    seen = Image.fromarray(coloured(np.asarray(film), np.asarray(laid)))

    lines = _caption(explanation, classes)
    across = max(4 * _GAP + 2 * shape[0] + _BAR + _TICKS, _LEAST_ACROSS)
    tall = max(shape[1], _LEAST_TALL)
    sheet = Image.new("RGB", (across, 2 * _GAP + tall + 8 + _LINE * len(lines)), "white")
    sheet.paste(film.convert("RGB"), (_GAP, _GAP))
    sheet.paste(seen, (2 * _GAP + shape[0], _GAP))
    draw = ImageDraw.Draw(sheet)
    _draw_scale(sheet, draw, (3 * _GAP + 2 * shape[0], _GAP, tall), limit)
    below = _GAP + tall + 8
    for size, ink, text in lines:
        font = ImageFont.load_default(size)
        draw.text((_GAP, below), _fitting(draw, text, font, across - 2 * _GAP), ink, font)
        below += _LINE
    with write_beside(path) as beside:
        sheet.save(beside, "PNG", optimize=True)


def _caption(
    explanation: Explanation, classes: tuple[str, str]
) -> list[tuple[int, tuple[int, int, int], str]]:
    """Lines of text with their size and colour."""
    reading = explanation.reading
    assert reading.probability is not None
    said = (
        f"{reading.call}: probability {reading.probability:.3f}, operating point "
        f"{reading.operating_point}, logit {reading.logit:+.2f}"
    )
    method = NAMES.get(explanation.method, explanation.method)
    key = f"Evidence by {method}, in logits: warm for {classes[1]}, cold against it."
    name = Path(reading.file).name or "film"
    return [
        (18, _INK, _printable(name)),
        (16, _INK, _printable(said)),
        (14, _FAINT, _printable(key)),
        (14, _FAINT, "Not a medical device."),
    ]


def coloured(film: Pixels, laid: Maps) -> Pixels:
    """``film`` (h, w) below the colours of ``laid`` (h, w), -1 to 1; as (h, w, 3) uint8."""
    colour, opacity = colours(laid)
    opacity = _STRONGEST * opacity[..., None]
    mixed = film[..., None] * (1 - opacity) + colour * opacity
    return np.asarray(np.rint(mixed), dtype=np.uint8)


def colours(laid: Maps) -> tuple[Maps, Maps]:
    """Colours (h, w, 3), 0 to 255, and opacity (h, w), 0 to 1, of ``laid`` (h, w), -1 to 1."""
    strength = np.clip(np.abs(laid), 0, 1)[..., None]
    steps = np.linspace(0, 1, len(_FOR))
    warm, cold = (
        np.stack(
            [np.interp(strength[..., 0], steps, channel) for channel in zip(*ramp, strict=True)],
            axis=-1,
        )
        for ramp in (_FOR, _AGAINST)
    )
    colour = np.where(laid[..., None] >= 0, warm, cold)
    # Fainter than in proportion where it is weak, so that noise about 0 does not tint the film.
    opacity = np.clip(1.25 * strength[..., 0] - 0.1, 0, 1)
    return colour.astype(np.float32), opacity.astype(np.float32)


def _draw_scale(
    sheet: Image.Image, draw: ImageDraw.ImageDraw, place: tuple[int, int, int], limit: float
) -> None:
    """A bar from ``limit`` to ``-limit``; ``place`` is left, top, height."""
    left, top, height = place
    font = ImageFont.load_default(14)
    top, height = top + 24, height - 24
    draw.text((left, top - 24), "logits", _FAINT, font)
    values = np.repeat(np.linspace(1, -1, height, dtype=np.float32)[:, None], _BAR, axis=1)
    bar = coloured(np.full(values.shape, 128, np.uint8), values)
    sheet.paste(Image.fromarray(bar), (left, top))
    for share, value in (
        (0.0, limit),
        (0.25, limit / 2),
        (0.5, 0),
        (0.75, -limit / 2),
        (1.0, -limit),
    ):
        y = top + share * (height - 1)
        draw.line((left + _BAR, y, left + _BAR + 4, y), _FAINT)
        anchor = {0.0: "lt", 1.0: "lb"}.get(share, "lm")
        draw.text((left + _BAR + 7, y), f"{value:+.3g}" if value else "0", _INK, font, anchor)


def _fitting(draw: ImageDraw.ImageDraw, text: str, font: Font, room: float) -> str:
    """``text``, cut short with an ellipsis where it is wider than ``room``."""
    while text and draw.textlength(text, font) > room:
        text = text.rstrip("…")[:-1] + "…"
    return text


def _printable(text: str) -> str:
    """``text`` on one line, and with escapes for bytes that are no text."""
    clean = text.encode("utf-8", "backslashreplace").decode()
    return "".join(letter if letter.isprintable() else "�" for letter in clean)
