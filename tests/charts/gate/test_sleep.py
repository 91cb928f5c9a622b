"""No server is there because nobody asked: the gate tells who waits, holds them, and counts no live check."""

import threading
import time
from collections.abc import Iterator

import httpx
import pytest

from bind_operator.policy.autoscaling import Counts, read_counts
from support.waiting import until

from .conftest import Gate, running_gate

SCALING = "modules.multi2vec-bind.autoscaling"
HOLD_S = 20


@pytest.fixture(scope="module")
def gate() -> Iterator[Gate]:
    values = {"enabled": "true", "minReplicas": "0", "holdSeconds": str(HOLD_S)}
    arguments = [part for name, value in values.items() for part in ("--set", f"{SCALING}.{name}={value}")]
    with running_gate(arguments, maxBodySize="4MiB", tryDuration="1s", mediaTryDuration="1s") as gate:
        yield gate


def counts(gate: Gate) -> Counts | None:
    return read_counts(httpx.get(f"{gate.health_url}/metrics", timeout=5).text)


def asked(gate: Gate) -> Counts:
    """Return the counts once Weaviate has asked for its readiness, as it does all the time."""
    httpx.get(f"{gate.url}/meta", timeout=5)
    found = counts(gate)
    assert found is not None
    return found


def test_readiness_and_the_live_check_ask_for_nothing(gate: Gate) -> None:
    before = asked(gate)
    answer = httpx.get(f"{gate.health_url}/verify", timeout=30)
    assert answer.status_code == 503
    assert answer.json()["error"].startswith("no ImageBind server is ready")
    assert asked(gate) == before
    assert before.waiting == 0


def test_a_text_and_a_picture_are_seen_held_and_answered(gate: Gate) -> None:
    before = asked(gate)
    answers: list[int] = []
    bodies = ({"texts": ["a bird"]}, {"images": ["A" * 20_000]}, {"images": ["A" * 1_500_000]})

    def ask(body: object) -> None:
        answers.append(gate.post(body, timeout_s=HOLD_S + 10).status_code)

    threads = [threading.Thread(target=ask, args=(body,)) for body in bodies]
    for thread in threads:
        thread.start()
    until(lambda: asked(gate).waiting == len(bodies), 5, "all are seen to wait", poll_s=0.05)
    # Longer than any of them would be held where there always is a server.
    time.sleep(2)
    assert answers == []
    gate.start("127.0.0.2")
    for thread in threads:
        thread.join()
    assert answers == [200] * len(bodies)
    until(lambda: asked(gate).waiting == 0, 5, "nobody waits", poll_s=0.05)
    assert asked(gate).passed == before.passed + len(bodies)


def test_a_live_check_is_answered_and_not_counted_when_a_server_is_there(gate: Gate) -> None:
    before = asked(gate)
    assert httpx.get(f"{gate.health_url}/verify", timeout=30).status_code == 200
    assert asked(gate) == before
