"""What is remembered of films that were read: in memory only, and only so much of it."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from pneumoscope.inference.reader import Reading


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """A reading under its ``id``; ``film`` is its file, empty if the film was refused.

    ``at`` is the store's clock, ``when`` the day and hour (UTC).
    """

    id: str
    name: str
    reading: Reading
    film: bytes
    at: float
    when: datetime


class Store:
    """The last ``films`` readings, while their files have at most ``size`` bytes together.

    None is older than ``seconds`` by ``clock``. May be shared by threads.
    """

    def __init__(
        self,
        *,
        films: int,
        size: int,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most, self._size, self._seconds, self._clock = films, size, seconds, clock
        self._kept: dict[str, Kept] = {}  # in the order of their coming
        self._bytes = 0
        self._lock = threading.Lock()

    def put(self, name: str, reading: Reading, film: bytes) -> Kept:
        """Remember a reading under an identifier that nobody can guess."""
        key, when = secrets.token_urlsafe(16), datetime.now(UTC)
        kept = Kept(key, name, reading, film, self._clock(), when)
        with self._lock:
            self._kept[kept.id] = kept
            self._bytes += len(film)
            self._forget()
        return kept

    def get(self, key: str) -> Kept | None:
        """What was put under ``key``, if it is still remembered."""
        with self._lock:
            self._forget()
            return self._kept.get(key)

    def drop(self, key: str) -> bool:
        """Forget ``key`` now; False if it was not there."""
        with self._lock:
            self._forget()
            return self._drop(key)

    def forget(self) -> None:
        """Forget what has become too old; to be called now and then."""
        with self._lock:
            self._forget()

    @property
    def films(self) -> int:
        """Readings that are remembered."""
        return len(self._kept)

    @property
    def bytes(self) -> int:
        """Bytes of their files."""
        return self._bytes

    def _drop(self, key: str) -> bool:
        kept = self._kept.pop(key, None)
        if kept is None:
            return False
        self._bytes -= len(kept.film)
        return True

    def _forget(self) -> None:
        oldest = self._clock() - self._seconds
        while self._kept:
            key, kept = next(iter(self._kept.items()))
            fits = len(self._kept) <= self._most and self._bytes <= self._size
            if fits and kept.at > oldest:
                return
            self._drop(key)
