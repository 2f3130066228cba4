"""The files of suggestions: tables that Label Studio imports, contact sheets, and one JSON."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from PIL import Image

from pneumoscope import files, preprocess, radiograph
from pneumoscope.data.show import contact_sheet
from pneumoscope.evaluation.suggestions import (
    SUGGESTIONS,
    TO_CHECK,
    TO_LABEL,
    Doubtful,
    Suggestions,
    Unsure,
    to_json,
)
from pneumoscope.film import Pixels
from pneumoscope.inference.guard import Guard, examine
from pneumoscope.preprocess import Preprocessing

LABEL_COLUMNS = ("image", "file", "rank", "probability")
CHECK_COLUMNS = (*LABEL_COLUMNS, "label", "self_confidence", "confident", "scores")
LOCAL_FILES = "/data/local-files/?d="  # where Label Studio serves the files of its own machine
SHEET = 100  # films on a contact sheet at most
_COPIES = "films"
_TILE = Preprocessing(size=224)


def write(found: Suggestions, guard: Guard, *, prefix: str | None = None) -> None:
    """Write everything into ``found.out``; suggestions.json comes last and says that all are there.

    ``prefix`` stands before the paths of the films (or of their copies), as URLs write them;
    by default Label Studio finds them below a document root that holds their folder.
    """
    if prefix is None:
        folder = found.out if found.copied else found.root
        prefix = f"{LOCAL_FILES}{_quoted(folder.resolve().name)}/"
    for old in (found.out / _COPIES).glob("to_*.png"):
        old.unlink()
    lists: dict[str, Sequence[Unsure | Doubtful]] = {
        TO_LABEL: found.to_label,
        TO_CHECK: found.to_check,
    }
    for name, chosen in lists.items():
        for suffix in (".csv", ".png"):
            (found.out / (name + suffix)).unlink(missing_ok=True)
        if chosen:
            images = [each.film.key for each in chosen]
            if found.copied:
                images = _copy(name, chosen, guard, found.out)
            urls = [prefix + _quoted(image) for image in images]
            files.write_text(found.out / f"{name}.csv", to_csv(chosen, urls, scores=found.scores))
            _draw(chosen, guard, found.out / f"{name}.png")
    files.write_json(found.out / SUGGESTIONS, to_json(found))


def to_csv(chosen: Sequence[Unsure | Doubtful], images: Sequence[str], *, scores: str) -> str:
    """A header and a row for each film: ``LABEL_COLUMNS``, or ``CHECK_COLUMNS`` of labels to check.

    Label Studio makes a task of each row, whose data has the names of the columns as keys.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    check = isinstance(chosen[0], Doubtful)
    writer.writerow(CHECK_COLUMNS if check else LABEL_COLUMNS)
    for rank, (each, image) in enumerate(zip(chosen, images, strict=True), start=1):
        row: list[Any] = [image, each.film.key, rank, f"{each.probability:.4f}"]
        if isinstance(each, Doubtful):
            confident = "yes" if each.confident else "no"
            row += [each.label, f"{each.self_confidence:.4f}", confident, scores]
        writer.writerow(row)
    return text.getvalue()


def _quoted(path: str) -> str:
    """``path`` as part of a URL; names of files need not be valid text."""
    return quote(os.fsencode(path))


def _copy(name: str, chosen: Sequence[Unsure | Doubtful], guard: Guard, out: Path) -> list[str]:
    """Write each film as the reader sees it, at its own size and without its name."""
    (out / _COPIES).mkdir(parents=True, exist_ok=True)
    made = []
    for rank, each in enumerate(chosen, start=1):
        made.append(f"{_COPIES}/{name}-{rank:03d}.png")
        film = examine(radiograph.load(each.film.path), guard).radiograph
        with files.write_beside(out / made[-1]) as beside:
            Image.fromarray(film.pixels).save(beside, "PNG")
    return made


def _draw(chosen: Sequence[Unsure | Doubtful], guard: Guard, path: Path) -> None:
    first = "" if len(chosen) <= SHEET else f"The first {SHEET} of {len(chosen):,}. "
    chosen = chosen[:SHEET]
    texts = []
    for rank, each in enumerate(chosen, start=1):
        label = f"{each.label}, " if isinstance(each, Doubtful) else ""
        name = os.fsencode(each.film.path.name).decode("utf-8", "backslashreplace")
        texts.append(f"{rank}. {label}p {each.probability:.2f}\n{name}")
    tiles = np.stack([_tile(each.film.path, guard) for each in chosen])
    contact_sheet(tiles, texts, path, footer=first + "Not a medical device.")


def _tile(path: Path, guard: Guard) -> Pixels:
    """The film as the reader sees it."""
    film = examine(radiograph.load(path, at_least=_TILE.size), guard).radiograph
    return preprocess.to_input(film, _TILE)
