"""No inference server is there: Weaviate goes on, and a request for a vector is answered with the reason."""

import threading
import time

import httpx

from .conftest import MEDIA_TRY_S, TRY_S, Gate

QUICK_S = 1.0


def test_weaviate_may_start(gate: Gate) -> None:
    for path in ("/.well-known/ready", "/.well-known/live"):
        answer = httpx.get(gate.url + path)
        assert (answer.status_code, answer.content) == (204, b"")


def test_meta_is_a_quick_json_object(gate: Gate) -> None:
    started = time.monotonic()
    answer = httpx.get(f"{gate.url}/meta")
    assert answer.json() == {"error": "no ImageBind server is ready"}
    assert time.monotonic() - started < QUICK_S


def test_text_is_refused_with_the_reason_in_the_time_of_a_query(gate: Gate) -> None:
    started = time.monotonic()
    answer = gate.post({"texts": ["a bird"]})
    waited_s = time.monotonic() - started
    assert answer.status_code == 503
    assert answer.json()["error"].startswith("no ImageBind server is ready")
    assert answer.headers["content-type"] == "application/json"
    assert "x-gate" not in answer.headers
    assert TRY_S <= waited_s < TRY_S + QUICK_S


def test_media_waits_longer_and_is_taken_by_the_first_server(gate: Gate) -> None:
    later = threading.Timer(TRY_S + 2, gate.start, args=("127.0.0.2",))
    later.start()
    answer = gate.post({"images": ["A" * 20_000]}, timeout_s=MEDIA_TRY_S + 5)
    later.join()
    assert answer.status_code == 200
    assert answer.json()["textVectors"][0][0] > 20_000


def test_a_server_that_is_named_but_gone_is_no_server(gate: Gate) -> None:
    gate.dns.addresses = ("127.0.0.2",)
    started = time.monotonic()
    answer = gate.post({"texts": ["a bird"]})
    assert answer.json()["error"].startswith("no ImageBind server is ready")
    assert time.monotonic() - started < TRY_S + 2 * QUICK_S
