"""What the gate passes on, and what it says itself."""

import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from .conftest import Gate


@pytest.mark.parametrize("status", [400, 408, 413, 415, 422, 431])
def test_a_refusal_of_the_server_passes_unchanged_and_once(gate: Gate, status: int) -> None:
    gate.start("127.0.0.2")
    body = json.dumps({"error": "images[2]: not a decodable image"})
    started = time.monotonic()
    answer = gate.post({"images": ["x"], "status": status, "body": body})
    assert (answer.status_code, answer.text) == (status, body)
    assert time.monotonic() - started < 0.4, "it was repeated"


def test_a_bug_of_the_server_passes_unchanged_and_once(gate: Gate) -> None:
    gate.start("127.0.0.2")
    started = time.monotonic()
    answer = gate.post({"texts": ["x"], "status": 500, "body": '{"error": "internal"}'})
    assert (answer.status_code, answer.json()) == (500, {"error": "internal"})
    assert time.monotonic() - started < 0.4, "it was repeated"


def test_an_overloaded_server_is_asked_again_and_then_named_as_such(gate: Gate) -> None:
    gate.start("127.0.0.2")
    for status in (429, 503):
        started = time.monotonic()
        answer = gate.post({"texts": ["x"], "status": status, "body": '{"error": "full"}'})
        assert answer.status_code == status
        assert answer.json()["error"].startswith("every ImageBind server is overloaded or stopping")
        assert 1.5 <= time.monotonic() - started < 4


def test_a_request_above_the_limit_is_told_the_limit(gate: Gate) -> None:
    gate.start("127.0.0.2")
    answer = gate.post({"images": ["A" * 5_000_000]})
    assert answer.status_code == 413
    assert "4MiB" in answer.json()["error"]


def test_meta_is_the_servers(gate: Gate) -> None:
    gate.start("127.0.0.2")
    assert httpx.get(f"{gate.url}/meta").json() == {"model": "fake"}


def test_meta_of_a_server_that_hangs_is_a_quick_json_object(gate: Gate) -> None:
    gate.start("127.0.0.2", meta_delay_s=10)
    started = time.monotonic()
    answer = httpx.get(f"{gate.url}/meta", timeout=20)
    assert "error" in answer.json()
    assert time.monotonic() - started < 1


def test_requests_are_spread_over_all_servers(gate: Gate) -> None:
    hosts = ("127.0.0.2", "127.0.0.3", "127.0.0.4")
    gate.start(*hosts)
    with ThreadPoolExecutor(12) as pool:
        answers = pool.map(lambda _: gate.post({"texts": ["x"], "delay_s": 0.1}), range(60))
        counts = Counter(answer.json()["server"] for answer in answers)
    assert set(counts) == {*hosts}
    assert min(counts.values()) >= 10


def test_health_and_metrics_have_a_port_of_their_own(gate: Gate) -> None:
    gate.start("127.0.0.2")
    gate.post({"texts": ["x"]})
    health = f"http://127.0.0.1:{gate.health_port}"
    assert httpx.get(f"{health}/healthz").status_code == 200
    assert "caddy_http_requests_total" in httpx.get(f"{health}/metrics").text
