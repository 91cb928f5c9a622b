"""The clients of the benchmark against a small server: what they send, and what they count."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from bind_gpu.clients import Load, send
from bind_inference.modality import Modality
from bind_inference.preprocess import preprocess


@contextmanager
def server(status: int) -> Iterator[tuple[int, list[dict[str, list[str]]]]]:
    bodies: list[dict[str, list[str]]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    try:
        yield made.server_address[1], bodies
    finally:
        made.shutdown()
        made.server_close()


def test_all_loads_are_sent_at_once_and_no_two_items_are_alike() -> None:
    with server(200) as (port, bodies):
        texts, pictures = send(port, Load("text", 2, 3, 0.5), Load("jpeg", 1, 2, 0.5))
    assert texts.failed == pictures.failed == 0
    assert texts.rate == pytest.approx(len(texts.milliseconds) * 3 / 0.5)
    assert texts.rate > 0
    assert pictures.rate > 0
    for key in ("texts", "images"):
        items = [item for body in bodies for item in body.get(key, [])]
        assert len(set(items)) == len(items) > 1
    picture = next(body["images"][0] for body in bodies if "images" in body)
    assert preprocess(Modality.IMAGE, base64.b64decode(picture)).shape == (3, 224, 224)


def test_what_is_refused_counts_as_failed_and_as_nothing_else() -> None:
    with server(503) as (port, _):
        (sample,) = send(port, Load("text", 1, 1, 0.2))
    assert sample.rate == 0
    assert sample.failed > 0
