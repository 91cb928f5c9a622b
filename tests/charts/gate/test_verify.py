"""GET /verify beside Weaviate: one fixed text and one fixed picture go the way of Weaviate's own requests."""

import base64
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import httpx

from .conftest import Gate

QUICK_S = 1.5
"""It is below the 2 s that a text of Weaviate's waits for a server in these tests."""


def verify(gate: Gate, **more: object) -> httpx.Response:
    return httpx.get(f"{gate.health_url}/verify", timeout=30, **more)  # type: ignore[arg-type]


def test_one_fixed_request_is_embedded(gate: Gate) -> None:
    gate.start("127.0.0.2")
    answer = verify(gate)
    assert answer.status_code == 200
    sent = json.loads(answer.json()["sent"])
    assert set(sent) == {"texts", "images"}
    assert sent["texts"] == ["a photo of a dog on a beach"]
    (picture,) = sent["images"]
    assert base64.b64decode(picture, validate=True).startswith(b"\x89PNG")
    assert len(answer.json()["sent"]) < 400
    assert answer.headers["content-type"] == "application/json"


def test_no_cache_of_vectors_answers_it(gate: Gate) -> None:
    gate.start("127.0.0.2")
    first, second = (json.loads(verify(gate).json()["sent"]) for _ in range(2))
    assert first["images"] != second["images"]
    assert first["texts"] == second["texts"]


def test_nobody_sends_a_body_of_his_own(gate: Gate) -> None:
    gate.start("127.0.0.2")
    own = b'{"texts": ["mine"], "die": true}'
    head = f"GET /verify?texts=mine HTTP/1.1\r\nHost: x\r\nContent-Length: {len(own)}\r\n"
    told = _send(gate, (head + "X-Gate-Wait: long\r\nConnection: close\r\n\r\n").encode() + own)
    assert b"a photo of a dog on a beach" in told
    assert b"mine" not in told
    chunked = b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n20\r\n" + own + b"\r\n0\r\n\r\n"
    assert b"405 Method Not Allowed" in _send(gate, b"GET /verify HTTP/1.1\r\nHost: x\r\n" + chunked)
    assert gate.alive() == ["127.0.0.2"]


def test_other_methods_and_paths_reach_no_server(gate: Gate) -> None:
    gate.start("127.0.0.2")
    for method in ("POST", "PUT", "HEAD", "DELETE"):
        answer = httpx.request(method, f"{gate.health_url}/verify", content=b'{"texts": ["mine"]}')
        assert answer.status_code == 405, method
    for path in ("/vectorize", "/verify/", "/verify/../vectorize", "/"):
        answer = httpx.post(f"{gate.health_url}{path}", content=b'{"texts": ["mine"]}')
        assert answer.content == b"", path


def test_a_flood_takes_one_place_of_the_server(gate: Gate) -> None:
    gate.start("127.0.0.2", delay_s=1.0)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: verify(gate), range(16)))
    statuses = [answer.status_code for answer in answers]
    # Two may pass where both are looked at before either is counted.
    assert 1 <= statuses.count(200) <= 2
    assert set(statuses) == {200, 429}
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.json()["error"].startswith("another check is under way")
    assert refused.elapsed.total_seconds() < 0.9
    assert gate.post({"texts": ["a bird"], "delay_s": 0}).status_code == 200


def test_without_a_server_it_says_so_soon(gate: Gate) -> None:
    started = time.monotonic()
    answer = verify(gate)
    assert time.monotonic() - started < QUICK_S
    assert answer.status_code == 503
    assert answer.json()["error"].startswith("no ImageBind server is ready")
    assert gate.post({"texts": ["a bird"]}).elapsed.total_seconds() >= 2


def test_a_refusal_of_the_server_passes(gate: Gate) -> None:
    gate.start("127.0.0.2")
    gate.kill("127.0.0.2")
    answer = verify(gate)
    assert answer.status_code == 503
    assert "no ImageBind server is ready" in answer.json()["error"]


def test_meta_is_the_servers(gate: Gate) -> None:
    gate.start("127.0.0.2")
    assert httpx.get(f"{gate.health_url}/meta").json() == {"model": "fake"}
    assert httpx.post(f"{gate.health_url}/meta", content=b"x").status_code == 405


def _send(gate: Gate, request: bytes) -> bytes:
    """Send bytes as they are and return all that comes."""
    with socket.create_connection(("127.0.0.1", gate.health_port), timeout=10) as connection:
        connection.sendall(request)
        parts = []
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts)
