"""The server of Weaviate's module multi2vec-bind, played by a test: it notes calls, and answers as told."""

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from support.http_server import listening

KINDS = {
    "texts": "textVectors",
    "images": "imageVectors",
    "audio": "audioVectors",
    "video": "videoVectors",
    "imu": "IMUVectors",
    "thermal": "thermalVectors",
    "depth": "depthVectors",
}
DIMENSIONS = 8


@dataclass(frozen=True)
class Call:
    """One POST /vectorize."""

    headers: dict[str, str]
    body: dict[str, list[str]]


@dataclass
class PlayedServer:
    """A server whose answers the test sets.

    status, error: of /vectorize. delay_s: before an answer of it. meta_delay_s, meta_status: of /meta.
    broken: so many calls end by a closed connection instead of an answer, after they were read.
    """

    ready: bool = True
    status: int = 200
    error: str = ""
    delay_s: float = 0.0
    meta_delay_s: float = 0.0
    meta_status: int = 200
    broken: int = 0
    ready_asked: int = 0
    calls: list[Call] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def reset(self) -> None:
        """Set every answer back to what it is at first, and forget the calls."""
        for name, value in vars(PlayedServer(lock=self.lock)).items():
            setattr(self, name, value)

    def answer(self, body: dict[str, list[str]]) -> dict[str, Any]:
        """Return the vectors of all items, or the error."""
        if self.status != 200:
            return {"error": self.error}
        return {KINDS[kind]: [vector(item) for item in items] for kind, items in body.items()}

    def breaks(self) -> bool:
        """Say whether this call's connection is to break, which counts."""
        with self.lock:
            self.broken -= 1
            return self.broken >= 0

    def new_calls(self) -> list[Call]:
        """Return the calls since the last time."""
        with self.lock:
            calls, self.calls = self.calls, []
        return calls


def vector(item: str) -> list[float]:
    """Return an item's vector: another one for another item."""
    numbers = item.encode().ljust(DIMENSIONS, b"\0")[-DIMENSIONS:]
    return [1.0 + number / 256 for number in numbers]


@contextlib.contextmanager
def playing(server: PlayedServer) -> Iterator[str]:
    """Serve as `server` says until the block ends, and yield the URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # connections are used again, as with a real server

        def do_GET(self) -> None:
            if self.path == "/meta":
                time.sleep(server.meta_delay_s)
                return self._answer(server.meta_status, {"model": "Tiny"})
            server.ready_asked += 1
            return self._answer(200 if server.ready else 503, {})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with server.lock:
                server.calls.append(Call(dict(self.headers), body))
            if server.breaks():
                self.close_connection = True
                return
            time.sleep(server.delay_s)
            self._answer(server.status, server.answer(body))

        def _answer(self, status: int, body: dict[str, Any]) -> None:
            data = json.dumps(body).encode()
            with contextlib.suppress(ConnectionError):  # it asks no longer
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

    with listening(Handler) as url:
        yield url
