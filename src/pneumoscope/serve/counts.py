"""What is counted, for Prometheus: no name, no identifier, no score of a film."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import (
    GC_COLLECTOR,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

if TYPE_CHECKING:
    from pneumoscope.serve.desk import Desk
    from pneumoscope.serve.store import Store

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Counts:
    """One registry a service, so that several may live in one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(GC_COLLECTOR)
        ProcessCollector(registry=self.registry)
        self._requests = Counter(
            "pneumoscope_requests",
            "Requests answered.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self._request_seconds = Histogram(
            "pneumoscope_request_seconds",
            "From a request's head to the end of its answer.",
            ("route",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._films = Counter(
            "pneumoscope_films", "Films read and refused.", ("status",), registry=self.registry
        )
        self._film_seconds = Histogram(
            "pneumoscope_batch_seconds",
            "Reading one batch, the wait before it not included.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._batch = Histogram(
            "pneumoscope_batch_films",
            "Films in a batch.",
            buckets=(1, 2, 3, 4),
            registry=self.registry,
        )

    def watch(self, desk: Desk, store: Store) -> None:
        """Show how much waits and how much is remembered."""
        for name, text, value in (
            ("waiting_films", "Films that wait to be read.", lambda: desk.waiting),
            ("kept_films", "Readings that are remembered.", lambda: store.films),
            ("kept_bytes", "Bytes of their films.", lambda: store.bytes),
        ):
            gauge = Gauge(f"pneumoscope_{name}", text, registry=self.registry)
            gauge.set_function(value)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answer; ``route`` is a route's pattern, never a path as it was sent."""
        self._requests.labels(method, route, str(status)).inc()
        self._request_seconds.labels(route).observe(seconds)

    def film(self, status: str) -> None:
        """Count a film: read or refused."""
        self._films.labels(status).inc()

    def batch(self, films: int, seconds: float) -> None:
        """Count a batch."""
        self._batch.observe(films)
        self._film_seconds.observe(seconds)

    def text(self) -> bytes:
        """All of it in Prometheus' text format 0.0.4."""
        return generate_latest(self.registry)
