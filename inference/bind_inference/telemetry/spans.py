"""Makes OpenTelemetry's spans: one for a request, below it one for each item's decoding and each batch."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import (
    Span,
    SpanKind,
    StatusCode,
    format_trace_id,
    get_current_span,
    set_span_in_context,
    use_span,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from bind_inference.errors import BindError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bind_inference.modality import Modality

SERVICE_NAME: Final = "bind-inference"
# Probes and scrapes come every few seconds and say nothing.
UNTRACED: Final = ("/.well-known/", "/metrics", "/meta")
_FLUSH_S: Final = 2.0
_CARRIED: Final = (b"traceparent", b"tracestate")


class Spans:
    """It makes spans and sends them, in a thread of its own, to an OTLP/HTTP receiver."""

    def __init__(self, endpoint: str, version: str) -> None:
        ours = Resource.create({"service.name": SERVICE_NAME, "service.version": version})
        # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win; OTEL_TRACES_SAMPLER is read by the provider.
        self._provider = TracerProvider(resource=ours.merge(OTELResourceDetector().detect()))
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint)))
        self._tracer = self._provider.get_tracer("bind_inference", version)
        self._propagator = TraceContextTextMapPropagator()

    @contextmanager
    def request(
        self, method: str, path: str, headers: Iterable[tuple[bytes, bytes]], request_id: str
    ) -> Iterator[Span | None]:
        """Make the span of a request for the length of a block; None for probes.

        headers: as ASGI has them; the span continues the trace of `traceparent`.
        """
        if path.startswith(UNTRACED):
            yield None
            return
        carrier = {name.decode(): value.decode("latin-1") for name, value in headers if name in _CARRIED}
        span = self._tracer.start_span(
            method,
            self._propagator.extract(carrier, context=Context()),
            kind=SpanKind.SERVER,
            attributes={"http.request.method": method, "bind.request_id": request_id},
        )
        with use_span(span, end_on_exit=True):
            yield span

    def answered(self, span: Span, method: str, route: str, status: int) -> None:
        """Note the outcome of a request: as HTTP's conventions have it, only 5xx is the server's fault."""
        span.update_name(f"{method} {route}")
        span.set_attributes({"http.route": route, "http.response.status_code": status})
        if status >= 500:
            span.set_status(StatusCode.ERROR)

    def here(self) -> Context | None:
        """Return where the spans of the current request belong, None outside of one."""
        span = get_current_span()
        return set_span_in_context(span, Context()) if span.get_span_context().is_valid else None

    def carrier(self) -> dict[str, str]:
        """Return what tells another process where the spans of the current request belong."""
        carried: dict[str, str] = {}
        self._propagator.inject(carried)
        return carried

    @contextmanager
    def carried(self, carrier: dict[str, str]) -> Iterator[None]:
        """Let `here` be where another process said, for the length of a block."""
        span = get_current_span(self._propagator.extract(carrier, context=Context()))
        with use_span(span):
            yield

    def decoded(
        self, modality: Modality, parents: Sequence[Context], seconds: float, error: Exception | None
    ) -> None:
        """Make the span of an item that was decoded just now, in each of the requests that wait for it."""
        end = time.time_ns()
        for parent in parents:
            span = self._tracer.start_span(
                "decode",
                parent,
                attributes={"bind.modality": modality},
                start_time=end - int(seconds * 1e9),
            )
            if error is not None:
                span.set_attribute("error.type", type(error).__name__)
                if not isinstance(error, BindError):  # a client's mistake is no error of ours
                    span.set_status(StatusCode.ERROR)
            span.end(end)

    def ran(
        self,
        modality: Modality,
        batch: Sequence[tuple[float, Sequence[Context]]],
        now: float,
        forward_s: float,
    ) -> None:
        """Make a batch's spans, in each request that has an item in it; it ended at `now` (monotonic).

        batch: for each part when it was queued (monotonic), and the requests that wait for it.
        """
        end = time.time_ns()
        start = end - int(forward_s * 1e9)
        began = now - forward_s
        waited: dict[int, tuple[Context, float]] = {}
        for queued_at, parents in batch:
            queue_s = max(0.0, began - queued_at)
            for parent in parents:
                _, longest_s = waited.get(id(parent), (parent, 0.0))
                waited[id(parent)] = parent, max(longest_s, queue_s)
        for parent, queue_s in waited.values():
            attributes: dict[str, str | int | float] = {
                "bind.modality": modality,
                "bind.batch_size": len(batch),
                "bind.queue_s": round(queue_s, 6),
            }
            queued = start - int(queue_s * 1e9)
            self._tracer.start_span("queue", parent, attributes=attributes, start_time=queued).end(start)
            self._tracer.start_span("forward", parent, attributes=attributes, start_time=start).end(end)

    def trace_id(self, span: Span) -> str:
        """Return the id of the span's trace, 32 hexadecimal digits."""
        return format_trace_id(span.get_span_context().trace_id)

    def close(self) -> None:
        """Send what was not sent yet, for two seconds at most."""
        # In a thread, because the processor waits for 30 s and a receiver may be gone.
        thread = threading.Thread(target=self._provider.shutdown, daemon=True)
        thread.start()
        thread.join(_FLUSH_S)
