"""What /metrics tells, in Prometheus's words."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

from bind_inference.errors import BindError
from bind_inference.modality import Modality
from bind_inference.readiness import Phase

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bind_inference.readiness import Readiness

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50)
_ITEMS = (1, 2, 4, 8, 16, 32, 64, 128)


class Metrics:
    """The counters of one server, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)

        def histogram(name: str, text: str, buckets: Sequence[float]) -> dict[Modality, Histogram]:
            metric = Histogram(f"bind_{name}", text, ["modality"], buckets=buckets, registry=self.registry)
            return {modality: metric.labels(modality) for modality in Modality}

        self._requests = Counter(
            "bind_requests", "Requests by path and status.", ["path", "status"], registry=self.registry
        )
        self._request_s = Histogram(
            "bind_request_seconds",
            "Seconds from a request's head to its answer.",
            ["path"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._items = Counter(
            "bind_items", "Items by modality and outcome.", ["modality", "outcome"], registry=self.registry
        )
        self._batch_size = histogram("batch_size", "Items in one forward pass.", _ITEMS)
        self._queue_s = histogram("queue_seconds", "Seconds an item waited for the model.", _SECONDS)
        self._decode_s = histogram("decode_seconds", "Seconds to decode an item.", _SECONDS)
        self._forward_s = histogram("forward_seconds", "Seconds of a forward pass.", _SECONDS)
        self._depth = Gauge("bind_queue_items", "Items that wait.", ["modality"], registry=self.registry)
        self._held = Gauge(
            "bind_held", "What requests hold of a limited amount.", ["unit"], registry=self.registry
        )
        self._state = Gauge(
            "bind_state", "1 for the state the server is in.", ["state"], registry=self.registry
        )
        self._progress = Gauge("bind_load_progress", "Share of the weights at hand.", registry=self.registry)

    def request(self, path: str, status: int, seconds: float) -> None:
        """Count an answered request; `path` is a route, never what a client made up."""
        self._requests.labels(path, status).inc()
        self._request_s.labels(path).observe(seconds)

    def decoded(self, modality: Modality, seconds: float) -> None:
        """Note how long an item took to decode."""
        self._decode_s[modality].observe(seconds)

    def cut(self, modality: Modality, waited_s: Sequence[float]) -> None:
        """Note a batch and how long each of its items waited."""
        self._batch_size[modality].observe(len(waited_s))
        for seconds in waited_s:
            self._queue_s[modality].observe(seconds)

    def ran(self, modality: Modality, seconds: float) -> None:
        """Note how long a forward pass took."""
        self._forward_s[modality].observe(seconds)

    def item(self, modality: Modality, error: Exception | None) -> None:
        """Count an item's outcome: ok, the name of its error, or bug."""
        outcome = "ok" if error is None else type(error).__name__ if isinstance(error, BindError) else "bug"
        self._items.labels(modality, outcome).inc()

    def watch(self, depth: Callable[[Modality], int], held: dict[str, Callable[[], int]]) -> None:
        """Read queue depths and budgets when they are asked for."""
        for modality in Modality:
            self._depth.labels(modality).set_function(partial(depth, modality))
        for unit, read in held.items():
            self._held.labels(unit).set_function(read)

    def readiness(self, readiness: Readiness) -> None:
        """Note the state."""
        for phase in Phase:
            self._state.labels(phase).set(phase is readiness.phase)
        if readiness.progress is not None:
            self._progress.set(readiness.progress)

    def render(self) -> bytes:
        """Return the text that Prometheus reads."""
        return generate_latest(self.registry)
