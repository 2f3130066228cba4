"""The films of an audit as the reader sees them: as they are, and changed on purpose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from pneumoscope import preprocess, radiograph
from pneumoscope.data.catalog import Film
from pneumoscope.data.duplicates import perceptual_hash
from pneumoscope.data.masks import Masks
from pneumoscope.errors import UnreadableFilm
from pneumoscope.evaluation.audit_changes import Box, changed_films, common_box, fit_mask
from pneumoscope.evaluation.figures import Booleans, Floats, Names
from pneumoscope.film import Pixels
from pneumoscope.inference.guard import examine
from pneumoscope.inference.reader import Reader
from pneumoscope.machine import cores
from pneumoscope.radiograph import Radiograph

WHOLE = "whole film"
_AMPLE = 2  # times the network's side: changes are made on films no finer than that


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """Films (n,) that the guard lets pass, as they are.

    ``logit`` (n,), ``hashes``: perceptual hashes of the network's inputs, as a bundle lists them,
    ``sizes``: key -> width and height of the file, pixels. ``refused``: key and reason.
    """

    films: tuple[Film, ...]
    logit: Floats
    hashes: tuple[str, ...]
    sizes: Mapping[str, tuple[int, int]]
    refused: tuple[tuple[str, str], ...]

    @property
    def truth(self) -> Booleans:
        """Whether each film is positive."""
        return np.array([film.label == 1 for film in self.films], dtype=bool)

    @property
    def patients(self) -> Names:
        """The patient of each film."""
        return np.array([film.patient for film in self.films], dtype=np.str_)


@dataclass(frozen=True, slots=True, eq=False)
class Changed:
    """Films (n,) under every change: ``logits`` by name, NaN where a film has no mask.

    ``box`` is what blacks out the lungs, None without masks. ``examples`` are inputs (size, size)
    by name, of the first film of each class.
    """

    films: tuple[Film, ...]
    logits: Mapping[str, Floats]
    examples: Mapping[int, Mapping[str, Pixels]]
    box: Box | None = None

    @property
    def truth(self) -> Booleans:
        """Whether each film is positive."""
        return np.array([film.label == 1 for film in self.films], dtype=bool)

    @property
    def patients(self) -> Names:
        """The patient of each film."""
        return np.array([film.patient for film in self.films], dtype=np.str_)


def look(
    films: Sequence[Film], reader: Reader, *, threads: int | None = None, progress: bool = True
) -> Looked:
    """Read films as they are; what the guard refuses is listed and left out."""
    from tqdm import tqdm

    shape = reader.bundle.preprocessing
    read, inputs, hashes, sizes, refused = [], [], [], {}, []

    def one(film: Film) -> tuple[Pixels, str, tuple[int, int]] | str:
        seen = _examined(film, reader)
        if isinstance(seen, str):
            return seen
        pixels = preprocess.to_input(seen, shape)
        return pixels, perceptual_hash(pixels), (seen.facts.width, seen.facts.height)

    with ThreadPoolExecutor(threads or cores()) as pool:
        found = pool.map(one, films)
        bar = tqdm(found, "looking", len(films), unit=" film", disable=_hidden(progress))
        for film, seen in zip(films, bar, strict=True):
            if isinstance(seen, str):
                refused.append((film.key, seen))
                continue
            read.append(film)
            inputs.append(seen[0])
            hashes.append(seen[1])
            sizes[film.key] = seen[2]
    pixels = np.stack(inputs) if inputs else np.zeros((0, shape.size, shape.size), np.uint8)
    logit = reader.logits(pixels)
    return Looked(tuple(read), logit, tuple(hashes), sizes, tuple(refused))


def read_changed(
    films: Sequence[Film],
    reader: Reader,
    *,
    masks: Masks | None = None,
    seed: int = 0,
    progress: bool = True,
) -> Changed:
    """Read films under every change of ``audit_changes``; noise is drawn anew for each film.

    Films that ``look`` has read are expected. Memory does not grow with their number.
    """
    from tqdm import tqdm

    shape = reader.bundle.preprocessing
    rng = np.random.default_rng(seed)
    found = [] if masks is None else [masks.of(film.path) for film in films]
    box = common_box([mask for mask in found if mask is not None])
    logits: dict[str, Floats] = {}
    examples: dict[int, dict[str, Pixels]] = {}
    bar = tqdm(films, "changing", unit=" film", disable=_hidden(progress))
    for index, film in enumerate(bar):
        whole = _examined(film, reader)
        assert isinstance(whole, Radiograph), f"{film.key} was read before"
        coarse = replace(whole, pixels=_coarse(whole.pixels, _AMPLE * shape.size))
        mask = None if masks is None or _was_mended(whole) else found[index]
        fitted = None if mask is None else fit_mask(mask, coarse.pixels.shape)
        changes = changed_films(coarse.pixels, fitted, box, rng=rng)
        inputs = {WHOLE: preprocess.to_input(coarse, shape)}
        for name, pixels in changes:
            inputs[name] = preprocess.to_input(replace(coarse, pixels=pixels), shape)
        examples.setdefault(film.label, inputs)
        for name, logit in zip(inputs, reader.logits(np.stack(list(inputs.values()))), strict=True):
            logits.setdefault(name, np.full(len(films), np.nan))[index] = logit
    return Changed(tuple(films), logits, examples, box)


def draw_patients(films: Sequence[Film], at_most: int, *, seed: int = 0) -> tuple[Film, ...]:
    """At most so many films, of patients drawn by chance and each taken whole."""
    if len(films) <= at_most:
        return tuple(films)
    patients = sorted({film.patient for film in films})
    counts = dict.fromkeys(patients, 0)
    for film in films:
        counts[film.patient] += 1
    chosen: set[str] = set()
    left = at_most
    for index in np.random.default_rng(seed).permutation(len(patients)):
        if counts[patients[index]] <= left:
            chosen.add(patients[index])
            left -= counts[patients[index]]
    return tuple(film for film in films if film.patient in chosen)


def _examined(film: Film, reader: Reader) -> Radiograph | str:
    """A film as the reader takes it, perhaps mended; or why it is refused."""
    try:
        found = radiograph.load(film.path, at_least=reader.bundle.preprocessing.size)
    except UnreadableFilm as error:
        return str(error)
    examined = examine(found, reader.bundle.guard)
    return examined.radiograph if examined.reason is None else examined.reason


def _was_mended(whole: Radiograph) -> bool:
    """Whether the film no longer lies as its mask does."""
    return any(note.endswith(": mended") for note in whole.facts.notes)


def _coarse(pixels: Pixels, side: int) -> Pixels:
    """A film whose shorter side is near ``side`` or below, averaged in whole blocks."""
    factor = min(pixels.shape) // side
    return np.asarray(Image.fromarray(pixels).reduce(factor)) if factor > 1 else pixels


def _hidden(progress: bool) -> bool | None:
    return None if progress else True  # None: hidden where no terminal shows it
