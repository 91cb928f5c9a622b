"""Servers die at work: no request is lost, and none is carried to every server."""

import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx

from support.waiting import until

from .conftest import Gate, run_caddy, wait_for

HOSTS = ("127.0.0.2", "127.0.0.3", "127.0.0.4")
REQUESTS = 200
MEGABYTE = "A" * 1_000_000
IMPORT_THREADS = 16


def wait_left(gate: Gate, count: int) -> None:
    """Wait until so many servers live: a connection breaks a little before its process has ended."""
    until(lambda: len(gate.alive()) == count, 10, f"{count} servers are left", poll_s=0.02)


def test_a_request_whose_server_dies_is_repeated_on_another(gate: Gate) -> None:
    gate.start("127.0.0.2")
    killer = threading.Timer(0.5, gate.kill, args=("127.0.0.2",))
    starter = threading.Timer(0.5, gate.start, args=("127.0.0.3",))
    killer.start()
    starter.start()
    answer = gate.post({"images": [MEGABYTE], "delay_s": 1})
    killer.join()
    starter.join()
    assert (answer.status_code, answer.json()["server"]) == (200, "127.0.0.3")


def test_no_request_of_an_import_is_lost_while_servers_are_killed_and_replaced(gate: Gate) -> None:
    gate.start(*HOSTS[:2])
    killed = threading.Thread(target=_replace_servers, args=(gate,))
    with ThreadPoolExecutor(IMPORT_THREADS) as pool, httpx.Client(timeout=60) as client:

        def send(_: int) -> int:
            body = {"images": [MEGABYTE], "delay_s": 0.15}
            return client.post(f"{gate.url}/vectorize", json=body).status_code

        killed.start()
        statuses = list(pool.map(send, range(REQUESTS)))
    killed.join()
    assert statuses == [200] * REQUESTS


def test_a_request_that_kills_servers_meets_two(gate: Gate) -> None:
    hosts = [f"127.0.0.{number}" for number in range(2, 8)]
    gate.start(*hosts)
    answer = gate.post({"images": [MEGABYTE], "die": True})
    assert answer.status_code == 502
    assert answer.json()["error"].startswith("the connection to the ImageBind server broke")
    assert "on each of 2 tries" in answer.json()["error"]
    wait_left(gate, 4)
    assert gate.post({"texts": ["a bird"]}).status_code == 200
    assert len(hosts) - len(gate.alive()) == 2


def test_the_second_server_is_told_that_the_first_died(gate: Gate) -> None:
    gate.start(*HOSTS)
    assert gate.post({"images": [MEGABYTE], "die_at_first": True}).status_code == 200
    wait_left(gate, 2)


def test_a_refusal_after_a_death_does_not_let_it_be_forgotten(gate: Gate) -> None:
    gate.start(*HOSTS)
    answer = gate.post({"images": [MEGABYTE], "die_at_first": True, "status": 429})
    assert answer.status_code == 429
    assert "x-gate" not in answer.headers
    wait_left(gate, 2)


def test_what_a_client_says_of_an_earlier_try_is_not_believed(gate: Gate) -> None:
    gate.start("127.0.0.2")
    said = httpx.post(
        f"{gate.url}/vectorize",
        json={"texts": ["a bird"], "die_at_first": True},
        headers={"X-Gate-Retry": "broken"},
    )
    assert said.status_code in {502, 503}
    wait_left(gate, 0)


def test_a_server_that_is_named_but_gone_is_gone_round(gate: Gate) -> None:
    gate.start(*HOSTS)
    gate.kill(HOSTS[0])
    started = time.monotonic()
    servers = {gate.post({"texts": ["a bird"]}).json()["server"] for _ in range(20)}
    assert servers == {*HOSTS[1:]}
    assert time.monotonic() - started < 3


def test_a_gate_that_was_killed_starts_again_beside_its_old_socket(gate: Gate) -> None:
    gate.start("127.0.0.2")
    gate.caddy.kill()
    gate.caddy.wait()
    gate.caddy = run_caddy(gate.caddyfile)
    wait_for("127.0.0.1", gate.port, gate.caddy)
    assert gate.post({"texts": ["a bird"]}).status_code == 200


def test_a_gate_that_is_told_to_stop_finishes_its_requests(gate: Gate) -> None:
    gate.start("127.0.0.2")
    stopper = threading.Timer(0.5, gate.caddy.terminate)
    stopper.start()
    answer = gate.post({"texts": ["a bird"], "delay_s": 2})
    assert answer.status_code == 200
    try:
        assert gate.caddy.wait(timeout=10) == 0
    except subprocess.TimeoutExpired as error:
        raise AssertionError("the gate did not stop") from error


def _replace_servers(gate: Gate) -> None:
    """Kill each server in turn; its address stays in the DNS for a moment, and a new one takes its place."""
    for number in range(4):
        time.sleep(0.8)
        old = gate.alive()[0]
        gate.kill(old)
        time.sleep(0.3)
        gate.dns.addresses = tuple(host for host in gate.dns.addresses if host != old)
        gate.start(f"127.0.0.{20 + number}")
