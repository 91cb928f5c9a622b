"""An HTTP server on loopback, in a thread, for tests that play the other side."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class _Quiet:
    """Takes the place of the handler's log, which is a line on standard error for each request."""

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def listening(handler: type[BaseHTTPRequestHandler], host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serve with `handler` until the block ends, and yield the URL. port: 0 takes a free one."""
    server = ThreadingHTTPServer((host, port), type("Handler", (_Quiet, handler), {}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://{host}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
