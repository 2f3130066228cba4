"""A contact sheet: films with their labels in one picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pneumoscope.data.catalog import Catalog, Film
from pneumoscope.errors import PneumoscopeError, UnreadableFilm
from pneumoscope.files import write_beside
from pneumoscope.preprocess import Preprocessing, film_to_input

_GAP = 12
_CAPTION = 44
_FOOTER = 24
_COLUMNS = 4


@dataclass(frozen=True, slots=True)
class Tiles:
    """Films drawn from a catalog: ``pixels`` (n, side, side) uint8, and the keys not readable."""

    films: tuple[Film, ...]
    pixels: npt.NDArray[np.uint8]
    unreadable: tuple[str, ...]


def draw_tiles(
    catalog: Catalog,
    *,
    seed: int = 0,
    count: int = 16,
    preprocessing: Preprocessing | None = None,
) -> Tiles:
    """Draw up to ``count`` films at random, as a network gets them (224 px, squashed).

    Films that cannot be read are passed over and named. Raises ``PneumoscopeError`` if none can.
    """
    preprocessing = preprocessing or Preprocessing(size=224)
    films: list[Film] = []
    pixels: list[npt.NDArray[np.uint8]] = []
    unreadable: list[str] = []
    for index in np.random.default_rng(seed).permutation(len(catalog.films)):
        if len(films) == count:
            break
        film = catalog.films[index]
        try:
            pixels.append(film_to_input(film.path, preprocessing))
        except UnreadableFilm:
            unreadable.append(film.key)
        else:
            films.append(film)
    if not films:
        raise PneumoscopeError(
            f"None of the {len(unreadable)} films in {catalog.root} can be read."
        )
    return Tiles(tuple(films), np.stack(pixels), tuple(unreadable))


def captions(catalog: Catalog, films: Sequence[Film]) -> list[str]:
    """Return two lines for each film: class with subtype, and file name."""
    return [
        catalog.classes[film.label]
        + (f" ({film.subtype})" if film.label and film.subtype else "")
        + f"\n{film.path.name}"
        for film in films
    ]


def contact_sheet(
    pixels: npt.NDArray[np.uint8], texts: Sequence[str], path: Path | str, *, footer: str = ""
) -> None:
    """Draw tiles (n, side, side), four in a row, each over its text of two lines, into a PNG.

    A text that is wider than its tile is cut short with an ellipsis. ``footer`` is one line below.
    """
    from PIL import Image, ImageDraw, ImageFont

    side = pixels.shape[1]
    rows = -(-len(pixels) // _COLUMNS)
    columns = min(_COLUMNS, len(pixels))
    step_x, step_y = side + _GAP, side + _GAP + _CAPTION
    height = _GAP + rows * step_y
    sheet = Image.new("L", (_GAP + columns * step_x, height + _FOOTER * bool(footer)), 255)
    draw = ImageDraw.Draw(sheet)
    fonts = (ImageFont.load_default(16), ImageFont.load_default(12))
    for index, (tile, text) in enumerate(zip(pixels, texts, strict=True)):
        x = _GAP + index % _COLUMNS * step_x
        y = _GAP + index // _COLUMNS * step_y
        sheet.paste(Image.fromarray(tile), (x, y))
        below = y + side + 3
        for line, font in zip(text.split("\n"), fonts, strict=False):
            while draw.textlength(line, font) > side:
                line = line.rstrip("…")[:-1] + "…"
            draw.text((x, below), line, fill=0, font=font)
            below += 21
    draw.text((_GAP, height), footer, fill=0, font=fonts[1])
    with write_beside(path) as beside:
        sheet.save(beside, "PNG", optimize=True)
