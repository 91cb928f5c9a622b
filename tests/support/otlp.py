"""A receiver of OpenTelemetry's spans on the loopback address."""

from __future__ import annotations

import gzip
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.proto.common.v1.common_pb2 import KeyValue
    from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Receiver:
    """The spans that were sent to it, and what they say they come from."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.resource: dict[str, Any] = {}
        self.paths: set[str] = set()
        self.url = ""

    def take(self, path: str, body: bytes) -> None:
        request = ExportTraceServiceRequest.FromString(body)
        self.paths.add(path)
        for group in request.resource_spans:
            self.resource = attributes(group.resource.attributes)
            self.spans += [span for scope in group.scope_spans for span in scope.spans]

    def trace(self, trace_id: str) -> list[Span]:
        """Return the trace's spans so far, by their start."""
        found = [span for span in list(self.spans) if span.trace_id.hex() == trace_id]
        return sorted(found, key=lambda span: span.start_time_unix_nano)

    def wait(self, trace_id: str, count: int, timeout_s: float = 20) -> list[Span]:
        """Return the trace's spans once there are `count`."""
        deadline = time.monotonic() + timeout_s
        while len(self.trace(trace_id)) < count and time.monotonic() < deadline:
            time.sleep(0.05)
        return self.trace(trace_id)


def attributes(pairs: Any) -> dict[str, Any]:
    """Return OTLP's list of pairs as a dict."""

    def plain(pair: KeyValue) -> Any:
        return getattr(pair.value, str(pair.value.WhichOneof("value")))

    return {pair.key: plain(pair) for pair in pairs}


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Receive spans on a free port until the block ends."""
    received = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            received.take(self.path, body)
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    received.url = f"http://127.0.0.1:{listening.server_port}"
    thread = threading.Thread(target=listening.serve_forever, daemon=True)
    thread.start()
    try:
        yield received
    finally:
        listening.shutdown()
        listening.server_close()
