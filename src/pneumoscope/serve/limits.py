"""How much the service takes on: fixed at the start, so that memory has a ceiling."""

from __future__ import annotations

from dataclasses import dataclass

from pneumoscope.film import MAX_BYTES, MAX_PIXELS

MB = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one request may bring, what may wait, and what is remembered.

    ``film_bytes`` (at most what any film may have), ``request_bytes`` and ``films`` bound a
    request, ``upload_seconds`` its way in and ``idle_seconds`` a silence on that way.
    ``waiting`` films, ``hand_bytes`` of uploads and ``requests`` may be in hand at once: the next
    request is told to come again. Readings are forgotten after ``keep_seconds``, or once there are
    more than ``keep_films`` or their films hold more than ``keep_bytes``.
    """

    film_bytes: int = 64 * MB
    request_bytes: int = 256 * MB
    films: int = 100
    upload_seconds: float = 120.0
    idle_seconds: float = 15.0
    waiting: int = 256
    hand_bytes: int = 512 * MB
    requests: int = 512
    keep_films: int = 2000
    keep_bytes: int = 512 * MB
    keep_seconds: float = 3600.0

    def __post_init__(self) -> None:
        if not 0 < self.film_bytes <= min(MAX_BYTES, self.request_bytes):
            raise ValueError("A film's limit lies above 0 and at most at the request's.")
        if not self.request_bytes <= self.hand_bytes:
            raise ValueError("A request may not bring more than may be in hand at once.")
        if not 1 <= self.films <= self.waiting:
            raise ValueError("A request may not bring more films than may wait.")

    @property
    def pixels(self) -> int:
        """The most pixels that a film may have; the same at every door."""
        return MAX_PIXELS
