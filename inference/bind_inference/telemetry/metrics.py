"""Counts what happens, and renders it as /metrics in Prometheus's format."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Protocol

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

    from bind_inference.engine.selfcheck.result import CheckResult
    from bind_inference.items.embedding import Embedding
    from bind_inference.readiness import Readiness

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50)
_ITEMS = (1, 2, 4, 8, 16, 32, 64, 128)
_LAG = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_GFLOP = (10, 30, 100, 300, 1000, 3000, 10_000, 30_000)


class Suspect(Protocol):
    """Metrics read these of a refused item."""

    @property
    def key(self) -> tuple[Modality, bytes]:
        """Return its modality and its hash."""
        ...

    @property
    def deaths(self) -> int:
        """Return how many servers died."""
        ...

    @property
    def name(self) -> str:
        """Return the beginning of its hash."""
        ...


class Cache(Protocol):
    """Metrics read these of the vector cache."""

    max_bytes: int
    held_bytes: int

    def __len__(self) -> int:
        """Return how many vectors it holds."""
        ...


class Metrics:
    """One server has its counters in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)

        def histogram(name: str, text: str, buckets: Sequence[float]) -> dict[Modality, Histogram]:
            metric = Histogram(f"bind_{name}", text, ["modality"], buckets=buckets, registry=self.registry)
            return {modality: metric.labels(modality) for modality in Modality}

        def counter(name: str, text: str) -> dict[Modality, Counter]:
            metric = Counter(f"bind_{name}", text, ["modality"], registry=self.registry)
            return {modality: metric.labels(modality) for modality in Modality}

        self._requests = Counter(
            "bind_requests", "Requests by path and status.", ["path", "status"], registry=self.registry
        )
        self._request_s = Histogram(
            "bind_request_seconds",
            "Seconds from a request's head to its response.",
            ["path"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._items = Counter(
            "bind_items", "Items by modality and outcome.", ["modality", "outcome"], registry=self.registry
        )
        self._windows = counter("windows", "Windows of recordings that were embedded.")
        self._batch_size = histogram("batch_size", "Items in one forward pass.", _ITEMS)
        self._batch_gflop = histogram(
            "batch_gflop", "Arithmetic of one forward pass, in GFLOP at ImageBindHuge's size.", _GFLOP
        )
        self._queue_s = histogram("queue_seconds", "Seconds an item waited for the model.", _SECONDS)
        self._decode_s = histogram("decode_seconds", "Seconds to decode an item.", _SECONDS)
        restarts = Counter(
            "bind_decoder_restarts",
            "Decoder processes that were replaced, by cause: crash, timeout or gave_way.",
            ["cause"],
            registry=self.registry,
        )
        self._restarts = {cause: restarts.labels(cause) for cause in ("crash", "timeout", "gave_way")}
        self._worker_restarts = Counter(
            "bind_http_worker_restarts", "HTTP workers that were replaced.", registry=self.registry
        )
        lag = Histogram(
            "bind_event_loop_lag_seconds",
            "Seconds for which an event loop was held up, looked at 50 times a second, by process: main or "
            "http_worker.",
            ["process"],
            buckets=_LAG,
            registry=self.registry,
        )
        self._lag = {process: lag.labels(process) for process in ("main", "http_worker")}
        self._bodies: Callable[[], int] = lambda: 0
        self._forward_s = histogram("forward_seconds", "Seconds of a forward pass.", _SECONDS)
        self._cache_hits = counter("cache_hits", "Items whose vector was in the cache.")
        self._cache_misses = counter("cache_misses", "Items whose vector was not in the cache.")
        self._joins = counter(
            "single_flight_joins",
            "Items that waited for an identical one under way instead of being computed.",
        )
        self._cache_bytes = Gauge(
            "bind_cache_bytes", "Memory that cached vectors take.", registry=self.registry
        )
        self._cache_limit = Gauge(
            "bind_cache_limit_bytes", "Memory that cached vectors may take; 0: off.", registry=self.registry
        )
        self._cache_vectors = Gauge("bind_cache_vectors", "Cached vectors.", registry=self.registry)
        self._build = Gauge(
            "bind_build_info",
            "1, with what is served and by what as labels.",
            ["version", "model", "device", "precision"],
            registry=self.registry,
        )
        self._precision_cosine = Gauge(
            "bind_precision_cosine",
            "Least cosine of a precision's vectors to those of float32, found by the self-check.",
            ["precision", "modality"],
            registry=self.registry,
        )
        self._depth = Gauge(
            "bind_queue_items", "Items that wait for the model.", ["modality"], registry=self.registry
        )
        self._undecoded = Gauge(
            "bind_decode_queue_items",
            "Items and large bodies that wait for a decoder; above 0 while bind_queue_items is 0: more CPUs "
            "would serve more.",
            registry=self.registry,
        )
        self._held = Gauge(
            "bind_held", "What requests hold of a limited amount.", ["unit"], registry=self.registry
        )
        self._state = Gauge(
            "bind_state", "1 for the state the server is in.", ["state"], registry=self.registry
        )
        self._poison = Gauge(
            "bind_poison_item_deaths",
            "Servers that died while they worked on an item that is refused now, by its hash.",
            ["digest", "modality"],
            registry=self.registry,
        )
        self._refused: Callable[[], Sequence[Suspect]] = tuple
        self._progress = Gauge(
            "bind_load_progress_ratio", "Share of the weights at hand.", registry=self.registry
        )

    def watch_suspects(self, refused: Callable[[], Sequence[Suspect]]) -> None:
        """Read the refused items when they are asked for."""
        self._refused = refused

    def request(self, path: str, status: int, seconds: float) -> None:
        """Count a request that has its response; `path` is a route, never what a client made up."""
        self._requests.labels(path, status).inc()
        self._request_s.labels(path).observe(seconds)

    def decoded(self, modality: Modality, seconds: float) -> None:
        """Note how long an item took to decode."""
        self._decode_s[modality].observe(seconds)

    def decoder_replaced(self, cause: str) -> None:
        """Count a decoder process that was replaced after a `crash` or a `timeout`, or since it gave way."""
        self._restarts[cause].inc()

    def cut(self, modality: Modality, waited_s: Sequence[float], gflop: float) -> None:
        """Note a batch: how long each of its items waited, and its arithmetic."""
        self._batch_size[modality].observe(len(waited_s))
        self._batch_gflop[modality].observe(gflop)
        for seconds in waited_s:
            self._queue_s[modality].observe(seconds)

    def ran(self, modality: Modality, seconds: float) -> None:
        """Note how long a forward pass took."""
        self._forward_s[modality].observe(seconds)

    def item(self, modality: Modality, error: Exception | None) -> None:
        """Count an item by its outcome: ok, the name of its error, or bug."""
        outcome = "ok" if error is None else type(error).__name__ if isinstance(error, BindError) else "bug"
        self._items.labels(modality, outcome).inc()

    def windowed(self, modality: Modality, outcome: Embedding | BindError) -> None:
        """Count a recording that was wanted in windows by its outcome, and its windows."""
        self.item(modality, outcome if isinstance(outcome, BindError) else None)
        if not isinstance(outcome, BindError):
            self._windows[modality].inc(len(outcome.vector))

    def looked_up(self, modality: Modality, *, hit: bool) -> None:
        """Count a look into the vector cache."""
        (self._cache_hits if hit else self._cache_misses)[modality].inc()

    def joined(self, modality: Modality) -> None:
        """Count an item that shares the work of an identical one."""
        self._joins[modality].inc()

    def serves(self, version: str, model: str, device: str, precision: str) -> None:
        """Note what is served."""
        self._build.clear()
        self._build.labels(version, model, device, precision).set(1)

    def checked(self, checks: Sequence[CheckResult]) -> None:
        """Note what self-checks found."""
        for check in checks:
            for modality, cosine in check.cosines.items():
                self._precision_cosine.labels(check.precision, modality).set(cosine)

    def watch_cache(self, cache: Cache) -> None:
        """Read the cache's size when it is asked for."""
        self._cache_limit.set(cache.max_bytes)
        self._cache_bytes.set_function(lambda: cache.held_bytes)
        self._cache_vectors.set_function(lambda: len(cache))

    def watch(
        self,
        depth: Callable[[Modality], int],
        undecoded: Callable[[], int],
        held: dict[str, Callable[[], int]],
    ) -> None:
        """Read queue depths and budgets when they are asked for."""
        self._undecoded.set_function(undecoded)
        for modality in Modality:
            self._depth.labels(modality).set_function(partial(depth, modality))
        for unit, read in held.items():
            total = (lambda here=read: here() + self._bodies()) if unit == "bytes" else read
            self._held.labels(unit).set_function(total)

    def watch_bodies(self, held: Callable[[], int]) -> None:
        """Read the bytes of bodies that other processes hold when the budget of bytes is asked for."""
        self._bodies = held

    def lagged(self, process: str, seconds: float) -> None:
        """Note for how long the event loop of `main` or of an `http_worker` was held up."""
        self._lag[process].observe(seconds)

    def http_worker_replaced(self) -> None:
        """Count an HTTP worker that ended by itself and was replaced."""
        self._worker_restarts.inc()

    def readiness(self, readiness: Readiness) -> None:
        """Note the state."""
        for phase in Phase:
            self._state.labels(phase).set(phase is readiness.phase)
        if readiness.progress is not None:
            self._progress.set(readiness.progress)

    def render(self) -> bytes:
        """Return the text that Prometheus reads."""
        self._poison.clear()
        for suspect in self._refused():
            self._poison.labels(suspect.name, suspect.key[0]).set(suspect.deaths)
        return generate_latest(self.registry)
