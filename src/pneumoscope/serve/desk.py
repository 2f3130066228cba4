"""The desk: takes the bytes of films and gives readings, whatever carried them here.

It knows of no network protocol. Workers take up to a handful of waiting films at a time, so that
films of different senders share a batch as soon as there are more than one, and none waits for
company. What waits is bounded.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from pneumoscope.inference.reader import REFUSED, TOGETHER, Reader, Reading
from pneumoscope.inference.session import cores

_log = logging.getLogger(__name__)
_FAULT = "the reader failed on this film"


class Full(Exception):
    """No room for these films now; ``seconds`` is when to come again."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"The reader is busy; try again in {seconds} s.")
        self.seconds = seconds


class Desk:
    """Reads films with ``reader`` on ``threads`` threads (default: the cores).

    At most ``waiting`` films wait. ``watch(films, seconds)`` is called after each batch. May be
    shared by threads; call `close` in the end.
    """

    def __init__(
        self,
        reader: Reader,
        *,
        waiting: int,
        threads: int | None = None,
        watch: Callable[[int, float], None] | None = None,
    ) -> None:
        self.reader = reader
        self._room = waiting
        self._watch = watch
        self._queue: deque[tuple[bytes, Future[Reading]]] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._film_seconds = 0.05  # of one worker, a running mean
        self._workers = [
            threading.Thread(target=self._work, name=f"desk-{i}", daemon=True)
            for i in range(threads or cores())
        ]
        for worker in self._workers:
            worker.start()

    @property
    def waiting(self) -> int:
        """Films that nobody has begun to read."""
        return len(self._queue)

    @property
    def full(self) -> bool:
        """Whether one more film would be turned away."""
        return self._closed or len(self._queue) >= self._room

    @property
    def closed(self) -> bool:
        """Whether it takes nothing more."""
        return self._closed

    def hand_in(self, films: Sequence[bytes]) -> list[Future[Reading]]:
        """A promise of a reading for each film; all are taken, or `Full` is raised.

        A promise that is cancelled before its film's turn frees the place.
        """
        promises = [(film, Future[Reading]()) for film in films]
        with self._changed:
            if self._closed or len(self._queue) + len(films) > self._room:
                raise Full(self.wait_seconds())
            self._queue.extend(promises)
            self._changed.notify(len(films))
        return [promise for _, promise in promises]

    def wait_seconds(self) -> int:
        """After how many seconds what waits now will have been read; 1 to 60."""
        seconds = len(self._queue) * self._film_seconds / len(self._workers)
        return min(max(math.ceil(seconds), 1), 60)

    def close(self) -> None:
        """Take nothing more, read what waits, and return when that is done."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for worker in self._workers:
            worker.join()

    def _work(self) -> None:
        while batch := self._next():
            began = time.perf_counter()
            films = [film for film, _ in batch]
            for (_, promise), reading in zip(batch, self._read(films), strict=True):
                promise.set_result(reading)
            seconds = time.perf_counter() - began
            self._film_seconds += 0.1 * (seconds / len(batch) - self._film_seconds)
            if self._watch is not None:
                self._watch(len(batch), seconds)

    def _next(self) -> list[tuple[bytes, Future[Reading]]]:
        """The films that have waited longest; none once the desk is closed and cleared."""
        with self._changed:
            while True:
                batch: list[tuple[bytes, Future[Reading]]] = []
                # An even share: a worker that took all would leave the others without work.
                share = math.ceil(len(self._queue) / len(self._workers))
                while self._queue and len(batch) < min(TOGETHER, share):
                    film, promise = self._queue.popleft()
                    if promise.set_running_or_notify_cancel():
                        batch.append((film, promise))
                if batch or self._closed:
                    return batch
                self._changed.wait()

    def _read(self, films: list[bytes]) -> list[Reading]:
        """A reading for each film, whatever happens: one that fails does not take others along."""
        try:
            return self.reader.read_together(films)
        except Exception as error:  # not from a file's content, which ends in a refusal: a fault
            _log.error("A batch of %d films failed: %s", len(films), type(error).__name__)
            if len(films) > 1:
                return [reading for film in films for reading in self._read([film])]
            return [Reading("", REFUSED, None, None, _FAULT)]
