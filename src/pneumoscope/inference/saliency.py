"""Where in the film the score comes from: evidence in logits, positive towards the positive class.

Two ways need nothing but a bundle. ``cam``, the class activation map (Zhou et al. 2016, *Learning
Deep Features for Discriminative Localization*), comes from bundles whose head permits it, out of
the forward pass that gives the logit, and is exact: its mean and the head's bias make the logit.
``occlusion`` (Zeiler & Fergus 2014, *Visualizing and Understanding Convolutional Networks*) asks
any bundle what its logit loses when a patch of the film is blurred.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from pneumoscope import radiograph
from pneumoscope.errors import UnreadableFilm, UsageError
from pneumoscope.film import Pixels
from pneumoscope.inference.bundle import Bundle, load_bundle
from pneumoscope.inference.guard import examine
from pneumoscope.inference.reader import REFUSED, Look, Maps, Reader, Reading, Source
from pneumoscope.preprocess import Preprocessing

AUTO, CAM, OCCLUSION = "auto", "cam", "occlusion"
METHODS = (AUTO, CAM, OCCLUSION)
SHOWN = 640  # pixels of the longer side of a film beside its map
GRID = 12  # occluded places from side to side; a patch is two of them wide


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Evidence over a network's input: ``values`` (h, w) float32 in logits.

    One value stands for a square of ``stride`` pixels of the input, from the upper left corner on.
    """

    values: Maps
    stride: float

    def on_input(self, size: int) -> Maps:
        """As (size, size), a value for each pixel of the input."""
        return _resample(self, (0, 0, size, size), (size, size))

    def on_film(self, preprocessing: Preprocessing, *, height: int, width: int) -> Maps:
        """As (height, width), laid over a film of that shape: squash and padding undone."""
        size = preprocessing.size
        inner = size, size
        if preprocessing.resize == "pad":  # in whole pixels, as preprocess.to_input pads
            scale = size / max(width, height)
            inner = max(round(width * scale), 1), max(round(height * scale), 1)
        left, top = ((size - side) // 2 for side in inner)
        return _resample(self, (left, top, left + inner[0], top + inner[1]), (width, height))


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """A film's reading and the evidence behind it; a refused film has the reading alone.

    ``pixels`` (size, size) uint8 is the network's input and ``grid`` the evidence over it, as the
    method gives it. ``film`` (H, W) uint8 is the film in its own proportions, at most 640 pixels
    long, and ``map`` (H, W) float32 the same evidence laid over it.
    """

    reading: Reading
    method: str
    pixels: Pixels | None = None
    grid: Grid | None = None
    film: Pixels | None = None
    map: Maps | None = None


Attribute = Callable[[Look], Grid]
"""What a method does: a film that was read -> the evidence behind its score."""


def explain(
    films: Iterable[Source],
    *,
    bundle: Bundle | Path | str | None = None,
    method: str = AUTO,
    operating_point: str = "balanced",
    prevalence: float | None = None,
    threads: int | None = None,
) -> Iterator[Explanation]:
    """Read ``films`` (paths or the bytes of files) and say where each score comes from, in order.

    ``bundle`` defaults to the one that ships. ``method`` is cam, occlusion, or auto: cam where the
    bundle permits it. The other options are
    those of :class:`Reader`. Raises ``UsageError`` for a method that the bundle does not permit.
    """
    if not isinstance(bundle, Bundle):
        bundle = load_bundle(bundle)
    reader = Reader(bundle, operating_point=operating_point, prevalence=prevalence, threads=threads)
    name, attribute = choose(method, reader)
    return (explain_one(film, reader, method=name, attribute=attribute) for film in films)


def choose(method: str, reader: Reader) -> tuple[str, Attribute]:
    """The method's name (auto decided) and what it does."""
    if method not in METHODS:
        raise UsageError(f"There is no method {method!r}; there are {', '.join(METHODS)}.")
    stride = reader.map_stride
    if method == OCCLUSION or (method == AUTO and stride is None):
        return OCCLUSION, lambda look: occlude(reader, look.pixels, logit=look.reading.logit)
    if stride is None:
        raise UsageError(
            f"{reader.bundle.path or 'The bundle'} gives no map of its own (its network was not "
            "trained with head=cam); occlusion works with any bundle."
        )
    return CAM, lambda look: _own_map(look, stride)


def explain_one(
    source: Source, reader: Reader, *, method: str, attribute: Attribute
) -> Explanation:
    """Read one film and lay what ``attribute`` finds over it; ``method`` is its name."""
    file = str(source) if isinstance(source, str | Path) else ""
    try:
        data = radiograph.read_bytes(source)
        look = reader.look(data)
        if isinstance(look, Reading):
            return Explanation(replace(look, file=file), method)
        film = displayed(data, reader.bundle, notes=look.reading.notes)
    except UnreadableFilm as error:
        return Explanation(Reading(file, REFUSED, None, None, str(error)), method)
    grid = attribute(look)
    height, width = film.shape
    laid = grid.on_film(reader.bundle.preprocessing, height=height, width=width)
    return Explanation(replace(look.reading, file=file), method, look.pixels, grid, film, laid)


def occlude(
    reader: Reader, pixels: Pixels, *, logit: float | None = None, grid: int = GRID
) -> Grid:
    """The logit that is lost when a patch of ``pixels`` (size, size) is blurred, for each patch.

    Patches stand on ``grid`` x ``grid`` places and are two places wide, so that neighbours overlap
    by half. Filling them with the film's own blurred picture, rather than with grey, keeps the
    patch from being a finding itself.
    """
    size = pixels.shape[0]
    grid = min(grid, size)
    stride = size / grid
    filling = blurred(pixels)
    occluded = np.repeat(pixels[None], grid * grid, axis=0)
    for place in range(grid * grid):
        row, column = divmod(place, grid)
        down, across = (
            slice(max(round((at - 0.5) * stride), 0), round((at + 1.5) * stride))
            for at in (row, column)
        )
        occluded[place, down, across] = filling[down, across]
    if logit is None:
        logit = float(reader.logits(pixels[None])[0])
    lost = logit - reader.logits(occluded)
    return Grid(lost.reshape(grid, grid).astype(np.float32), stride)


def blurred(pixels: Pixels) -> Pixels:
    """``pixels`` (size, size) uint8 without anything smaller than a sixth of the film."""
    from scipy.ndimage import gaussian_filter

    smooth = gaussian_filter(pixels.astype(np.float32), pixels.shape[0] / 6, mode="nearest")
    return np.asarray(np.rint(smooth), dtype=np.uint8)


def _own_map(look: Look, stride: float) -> Grid:
    assert look.map is not None  # where there is a stride there are maps
    return Grid(look.map, stride)


def displayed(
    data: bytes, bundle: Bundle, *, notes: tuple[str, ...], longest: int = SHOWN
) -> Pixels:
    """A film (h, w) uint8 as people look at it, its longer side at most ``longest`` pixels.

    It is decoded anew, since a network may have been given less. ``notes`` are the reading's: a
    film that was turned or inverted to be read is shown so too. At another scale the guard might
    decide otherwise; then the scale that was read is shown.
    """
    for at_least in (longest, bundle.preprocessing.size):
        shown = examine(radiograph.load(data, at_least=at_least), bundle.guard).radiograph
        if shown.facts.notes == notes:
            break
    film = shown.pixels
    height, width = film.shape
    scale = longest / max(height, width)
    if scale >= 1:
        return film
    shape = (max(round(width * scale), 1), max(round(height * scale), 1))
    return np.asarray(Image.fromarray(film).resize(shape, Image.Resampling.BILINEAR))


def _resample(grid: Grid, corners: tuple[int, int, int, int], shape: tuple[int, int]) -> Maps:
    """The part of ``grid`` within ``corners`` (left, top, right, bottom, in pixels of the input).

    ``shape`` is (width, height). Between the values it is smooth (Pillow's bicubic).
    """
    left, top, right, bottom = (corner / grid.stride for corner in corners)
    height, width = grid.values.shape
    # Poolings leave a rest at the right and lower edge that no value stands for: the last one does.
    rest = [(0, max(math.ceil(end - 1e-6) - n, 0)) for end, n in ((bottom, height), (right, width))]
    values = np.pad(grid.values, rest, mode="edge")
    box = (left, top, min(right, values.shape[1]), min(bottom, values.shape[0]))
    picture = Image.fromarray(values).resize(shape, Image.Resampling.BICUBIC, box=box)
    return np.asarray(picture, dtype=np.float32)
