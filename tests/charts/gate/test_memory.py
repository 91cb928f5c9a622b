"""Many large bodies at once: none is lost, the gate stays below its memory limit, and texts go past them."""

import http.client
import json
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from .conftest import Gate, running_gate

CALLS = 128
"""What a Weaviate of 64 cores sends at once."""
BODY = json.dumps({"delay_s": 0.2, "images": ["A" * 13_000_000]}).encode()
SMALL = json.dumps({"delay_s": 0.2, "images": ["A" * 900_000]}).encode()
LIMIT_MIB = 512
LARGE_LIMIT_MIB = 1024
HOSTS = ("127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5")


@pytest.fixture
def full_size_gate() -> Iterator[Gate]:
    """The gate with the chart's own values, before 4 servers that work on 2 requests each."""
    with running_gate() as gate:
        gate.start(*HOSTS, workers=2)
        yield gate


def send(gate: Gate, body: bytes) -> int:
    """Send `body` as Weaviate does, and return the status of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", gate.port, timeout=50)
    try:
        connection.request("POST", "/vectorize", body)
        return connection.getresponse().status
    finally:
        connection.close()


def peak_mib(process: subprocess.Popen[bytes]) -> float:
    """Return the most memory that `process` has had resident."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def test_128_calls_of_13_mb_lose_nothing_and_stay_below_the_limit(full_size_gate: Gate) -> None:
    with ThreadPoolExecutor(CALLS) as pool:
        statuses = Counter(pool.map(lambda _: send(full_size_gate, BODY), range(CALLS)))
    peaks = peak_mib(full_size_gate.caddy), peak_mib(full_size_gate.large)
    assert statuses == {200: CALLS}
    assert peaks[0] < LIMIT_MIB
    assert peaks[1] < LARGE_LIMIT_MIB


def test_bodies_of_all_sizes_at_once_stay_below_the_limits(full_size_gate: Gate) -> None:
    huge = json.dumps({"images": ["A" * 60_000_000]}).encode()
    bodies = [*[BODY] * 32, *[huge] * 16, *[SMALL] * 128, *[b'{"texts": ["a bird"]}'] * 256]
    with ThreadPoolExecutor(CALLS) as pool:
        statuses = Counter(pool.map(lambda body: send(full_size_gate, body), bodies))
    peaks = peak_mib(full_size_gate.caddy), peak_mib(full_size_gate.large)
    assert statuses == {200: len(bodies)}
    assert peaks[0] < LIMIT_MIB
    assert peaks[1] < LARGE_LIMIT_MIB


def test_a_text_does_not_wait_behind_pictures(full_size_gate: Gate) -> None:
    with ThreadPoolExecutor(CALLS) as pool:
        pictures = [pool.submit(send, full_size_gate, BODY) for _ in range(64)]
        time.sleep(0.5)
        for _ in range(10):
            assert send(full_size_gate, b'{"texts": ["a bird"]}') == 200
        busy = sum(not picture.done() for picture in pictures)
        statuses = Counter(picture.result() for picture in pictures)
    assert busy, "the pictures were done before the texts"
    assert statuses == {200: 64}


def test_requests_wait_in_their_order() -> None:
    """With room for one at a time, the first to come is the first to be answered."""
    with running_gate(**{"large.resources.limits.memory": "300Mi"}) as gate:
        gate.start("127.0.0.2")
        answered = []

        def ask(number: int) -> None:
            time.sleep(0.15 * number)
            assert send(gate, json.dumps({"delay_s": 0.4, "images": ["A" * 1_000_000]}).encode()) == 200
            answered.append(number)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(ask, range(8)))
    assert answered == sorted(answered)
