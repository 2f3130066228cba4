"""What stands behind every door: one reader's desk, its memory, its pictures, its limits."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from anyio import CapacityLimiter, to_thread

from pneumoscope import files
from pneumoscope.inference.reader import READ, Reader, Reading
from pneumoscope.inference.session import cores
from pneumoscope.serve.counts import Counts
from pneumoscope.serve.desk import Desk, Full
from pneumoscope.serve.limits import Limits
from pneumoscope.serve.names import clean_name
from pneumoscope.serve.store import Kept, Store
from pneumoscope.serve.views import Views

T = TypeVar("T")
_DRAWINGS = 64  # that may wait


@dataclass(frozen=True, slots=True, eq=False)
class Film:
    """A file as it came: its name, as far as one was given, and its bytes."""

    name: str
    data: bytes


class Service:
    """Reads films and remembers them within ``limits``; `close` it in the end.

    ``keep`` is a folder in which every film and reading is kept, too; without it nothing is
    written to a disk. ``operating_point`` and ``prevalence`` are those of ``reader``.
    """

    def __init__(
        self,
        reader: Reader,
        *,
        operating_point: str = "balanced",
        prevalence: float | None = None,
        limits: Limits | None = None,
        threads: int | None = None,
        keep: Path | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self.reader = reader
        self.operating_point, self.prevalence = operating_point, prevalence
        self.store = Store(
            films=self.limits.keep_films,
            size=self.limits.keep_bytes,
            seconds=self.limits.keep_seconds,
        )
        self.counts = Counts()
        self.desk = Desk(
            reader, waiting=self.limits.waiting, threads=threads, watch=self.counts.batch
        )
        self.counts.watch(self.desk, self.store)
        self.views = Views(reader)
        self.network_sha256 = hashlib.sha256(reader.bundle.network).hexdigest()
        self._keep = keep
        self._drawings, self._drawers = 0, CapacityLimiter(cores())

    async def read(self, films: Sequence[Film]) -> list[Kept]:
        """Read ``films`` and remember the readings, in order; `desk.Full` turns all away."""
        promises = self.desk.hand_in([film.data for film in films])
        readings = await asyncio.gather(*map(asyncio.wrap_future, promises))
        kept = [self._remember(*pair) for pair in zip(films, readings, strict=True)]
        if self._keep is not None:
            await asyncio.to_thread(self._write, films, kept)
        return kept

    async def draw(self, draw: Callable[..., T], *what: Any) -> T:
        """``draw(*what)`` on a thread; at most one picture a core is in work."""
        if self._drawings >= _DRAWINGS:
            raise Full(2)
        self._drawings += 1
        try:
            return await to_thread.run_sync(draw, *what, limiter=self._drawers)
        finally:
            self._drawings -= 1

    def close(self) -> None:
        """Read what was taken, and take nothing more."""
        self.desk.close()

    def _remember(self, film: Film, reading: Reading) -> Kept:
        self.counts.film(reading.status)
        # A refused film is shown to nobody: there is no reason to have it.
        data = film.data if reading.status == READ else b""
        return self.store.put(clean_name(film.name), reading, data)

    def _write(self, films: Sequence[Film], kept: Sequence[Kept]) -> None:
        assert self._keep is not None
        for film, each in zip(films, kept, strict=True):
            with files.write_beside(self._keep / f"{each.id}.film") as beside:
                beside.write_bytes(film.data)
            told = asdict(each.reading) | {"file": each.name}
            files.write_text(self._keep / f"{each.id}.json", json.dumps(told) + "\n")
