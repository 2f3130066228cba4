"""The only place where a pixel becomes a probability."""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pneumoscope import preprocess, radiograph
from pneumoscope.data.fields import NotANumber
from pneumoscope.errors import UnreadableFilm, UsageError
from pneumoscope.film import Pixels
from pneumoscope.inference.bundle import Bundle, load_bundle
from pneumoscope.inference.guard import examine
from pneumoscope.inference.reading import READ, REFUSED, Case, Look, Maps, Reading, Source
from pneumoscope.inference.session import map_facts, open_session, output_names
from pneumoscope.machine import cores

__all__ = [
    "READ",
    "REFUSED",
    "SUBTYPES",
    "TOGETHER",
    "Case",
    "Look",
    "Maps",
    "Reader",
    "Reading",
    "Source",
    "read",
]

SUBTYPES = ("bacterial", "viral")
# Four films share each pass over the network's weights; more would not fit beside them in a cache.
TOGETHER = 4
Floats = npt.NDArray[np.float64]


class Reader:
    """Reads films with one bundle; may be shared by threads.

    ``operating_point`` is screen, balanced or confirm; ``prevalence`` (0 to 1) re-bases the
    probability to where the reader is used; ``threads`` is the number of films in work at once
    (default: the cores). Raises ``UsageError`` for an unknown operating point or prevalence and
    ``PneumoscopeError`` for a network that does not run.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        operating_point: str = "balanced",
        prevalence: float | None = None,
        threads: int | None = None,
    ) -> None:
        if prevalence is not None and not 0 < prevalence < 1:
            raise UsageError(f"A prevalence lies between 0 and 1, not at {prevalence}.")
        if threads is not None and threads < 1:
            raise UsageError(f"At least one thread is needed, not {threads}.")
        try:
            bundle.operating_points.threshold(operating_point)
        except (KeyError, ValueError) as error:
            raise UsageError(str(error)) from error
        self._bundle = bundle
        self._alone = bundle.film_alone()
        self._operating_point = operating_point
        self._prevalence = prevalence
        self._threads = threads or cores()
        self._session = open_session(bundle)
        self._map_facts = map_facts(self._session)
        given = output_names(self._session)
        self._scores = [name for name in ("logit", "subtype") if name in given]

    @property
    def bundle(self) -> Bundle:
        """What it reads with."""
        return self._bundle

    @property
    def map_stride(self) -> float | None:
        """Pixels of the network's input from one value of a map to the next; None without maps."""
        return None if self._map_facts is None else self._map_facts[1]

    def read(self, sources: Iterable[Source | Case]) -> Iterator[Reading]:
        """A reading for each source (path, bytes of a file, or a case), in order, as they come.

        A bundle that takes fields reads a film without them too: all of them are then missing.
        Memory does not grow with the number of films: a few dozen are in hand at once.
        """
        with ThreadPoolExecutor(self._threads, thread_name_prefix="reader") as pool:
            in_work: deque[Future[list[Reading]]] = deque()
            try:
                for group in _grouped(sources):
                    in_work.append(pool.submit(self.read_together, group))
                    if len(in_work) >= 2 * self._threads:
                        yield from in_work.popleft().result()
                while in_work:
                    yield from in_work.popleft().result()
            finally:
                for future in in_work:
                    future.cancel()

    def read_one(self, source: Source | Case) -> Reading:
        """The reading of one film; whatever its file holds, this returns."""
        (reading,) = self.read_together([source])
        return reading

    def read_together(self, sources: Sequence[Source | Case]) -> list[Reading]:
        """Readings of a few films, whose pixels go through the network in one batch.

        On the caller's thread; more than `TOGETHER` at a time are not quicker.
        """
        films = [self._prepare(source) for source in sources]
        pixels = [film for film in films if not isinstance(film, Reading)]
        scores = iter(self._scores_of([film.pixels for film in pixels]))
        return [
            film if isinstance(film, Reading) else self._conclude(film, next(scores))
            for film in films
        ]

    def look(self, source: Source) -> Look | Reading:
        """The reading of one film with its pixels and the bundle's own map; or its refusal.

        It is of the film alone, also where the bundle takes fields: a map shows nothing else.
        """
        film = self._load(source)
        if isinstance(film, Reading):
            return film
        outputs = self._scores if self._map_facts is None else [*self._scores, "map"]
        found = self._session.run(outputs, {"pixels": film.pixels[None]})
        given = dict(zip(outputs, found, strict=True))
        reading = self._conclude(film, [float(given[name][0]) for name in self._scores])
        if reading.status == REFUSED:
            return reading
        return Look(reading, film.pixels, given["map"][0] if "map" in given else None)

    def logits(self, pixels: Pixels) -> Floats:
        """Logits (n,) of network inputs (n, size, size) uint8: films that were changed on purpose.

        A film as it is goes through :meth:`read`, which may refuse it.
        """
        return np.asarray(self._run(["logit"], pixels)[0], dtype=np.float64)

    def leanings(self, pixels: Pixels) -> Floats:
        """Logits (n,) of viral against bacterial pneumonia of network inputs (n, size, size) uint8.

        Raises ``UsageError`` if the bundle does not tell them apart.
        """
        if "subtype" not in self._scores:
            raise UsageError(
                f"{self._bundle.path or 'The bundle'} does not tell kinds of pneumonia apart."
            )
        return np.asarray(self._run(["subtype"], pixels)[0], dtype=np.float64)

    def probability(self, logits: npt.ArrayLike) -> Floats:
        """Calibrated probabilities of films' own ``logits``, at this reader's prevalence."""
        found = self._alone.calibration.probability(logits, prevalence=self._prevalence)
        return np.asarray(found, dtype=np.float64)

    def maps(self, pixels: Pixels) -> tuple[Maps, float]:
        """Maps (n, h, w) of network inputs (n, size, size) uint8, and the bias.

        The mean of a map and the bias make the logit. Raises ``UsageError`` if the bundle gives no
        maps.
        """
        if self._map_facts is None:
            raise UsageError(
                f"{self._bundle.path or 'The bundle'} gives no map of its own: its network was not "
                "trained with head=cam."
            )
        return self._run(["map"], pixels)[0], self._map_facts[0]

    def _run(self, outputs: list[str], pixels: Pixels) -> list[Any]:
        """``outputs`` for network inputs, a few on each thread at a time."""
        if not len(pixels):
            return [np.zeros((0, 1, 1) if name == "map" else 0, np.float32) for name in outputs]
        if len(pixels) <= TOGETHER:  # one thread's work, which is done sooner on the caller's own
            found: list[Any] = self._session.run(outputs, {"pixels": pixels})
            return found
        groups = [pixels[i : i + TOGETHER] for i in range(0, len(pixels), TOGETHER)]
        with ThreadPoolExecutor(self._threads, thread_name_prefix="reader") as pool:
            parts = pool.map(lambda group: self._session.run(outputs, {"pixels": group}), groups)
            return [np.concatenate(part) for part in zip(*parts, strict=True)]

    def _prepare(self, source: Source | Case) -> _Prepared | Reading:
        """The network's input for a film and the columns of its fields, or the refusal of it."""
        case = source if isinstance(source, Case) else Case(source)
        fusion = self._bundle.fusion
        if fusion is None:
            return self._load(case.film)
        try:
            columns, notes = fusion.encode(case.fields)
        except NotANumber as error:
            file = str(case.film) if isinstance(case.film, str | Path) else ""
            return Reading(file, REFUSED, None, None, str(error))
        film = self._load(case.film)
        if isinstance(film, Reading):
            return film
        return replace(film, notes=(*film.notes, *notes), columns=columns)

    def _load(self, source: Source) -> _Prepared | Reading:
        """The network's input for a film, or the refusal of it."""
        file = str(source) if isinstance(source, str | Path) else ""
        shape = self._bundle.preprocessing
        try:
            film = radiograph.load(source, at_least=shape.size)
        except UnreadableFilm as error:
            return Reading(file, REFUSED, None, None, str(error))
        examined = examine(film, self._bundle.guard)
        film = examined.radiograph
        if examined.reason is not None:
            return Reading(file, REFUSED, None, None, examined.reason, notes=film.facts.notes)
        return _Prepared(file, preprocess.to_input(film, shape), film.facts.notes)

    def _scores_of(self, pixels: list[Pixels]) -> list[list[float]]:
        """For each film its logit and, where the bundle has it, its leaning."""
        if not pixels:
            return []
        columns = self._session.run(self._scores, {"pixels": np.stack(pixels)})
        return [list(map(float, row)) for row in zip(*columns, strict=True)]

    def _conclude(self, film: _Prepared, scores: list[float]) -> Reading:
        if not all(map(math.isfinite, scores)):
            reason = "the network gave no number"
            return Reading(film.file, REFUSED, None, None, reason, notes=film.notes)
        own = logit = scores[0]
        leaning = scores[1] if len(scores) > 1 else None
        bundle, fusion = self._alone, self._bundle.fusion
        fused = fusion is not None and film.columns is not None
        if fusion is not None and film.columns is not None:
            bundle, logit = self._bundle, float(fusion.both.logit(own, film.columns))
        probability = bundle.calibration.probability(logit, prevalence=self._prevalence)
        called = logit >= bundle.operating_points.threshold(self._operating_point)
        subtype, certainty = self._subtype(leaning) if called else (None, None)
        return Reading(
            film.file,
            READ,
            float(probability),
            self._bundle.classes[int(called)],
            None,
            logit,
            self._operating_point,
            film.notes,
            subtype,
            certainty,
            leaning,
            float(self.probability(own)) if fused else None,
            own if fused else None,
        )

    def _subtype(self, leaning: float | None) -> tuple[str, float] | tuple[None, None]:
        """The kind of pneumonia that is more probable, and its probability."""
        if leaning is None or self._bundle.subtype is None:
            return None, None
        viral = float(self._bundle.subtype.probability(leaning))
        return (SUBTYPES[1], viral) if viral >= 0.5 else (SUBTYPES[0], 1 - viral)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A film that may be read: its file, its pixels (size, size) uint8, what was mended.

    ``columns`` are those of its fields, where a reading is to be of both.
    """

    file: str
    pixels: Pixels
    notes: tuple[str, ...]
    columns: Floats | None = None


def _grouped(sources: Iterable[Source | Case]) -> Iterator[list[Source | Case]]:
    """``sources`` in groups that share a batch."""
    iterator = iter(sources)
    while group := list(itertools.islice(iterator, TOGETHER)):
        yield group


def read(
    films: Iterable[Source | Case],
    *,
    bundle: Bundle | Path | str | None = None,
    operating_point: str = "balanced",
    prevalence: float | None = None,
    threads: int | None = None,
) -> list[Reading]:
    """Read ``films`` (paths, bytes of files, or cases) with ``bundle``.

    By default it is the one that ships. The options are those of :class:`Reader`.
    """
    if not isinstance(bundle, Bundle):
        bundle = load_bundle(bundle)
    reader = Reader(bundle, operating_point=operating_point, prevalence=prevalence, threads=threads)
    return list(reader.read(films))
