"""Whatever one client sends, the others are answered meanwhile: the event loop does not stand still."""

import json
import re
import socket
from collections.abc import Iterator

import httpx
import pytest

from support.server import ServerProcess, server
from support.stalls import probed

BOUND_S = 0.5  # of seconds before; what it takes now is milliseconds, but this machine is not ours alone
AMPERSANDS = "&" + "amp;" * 499 + "lt;"
MIXED = "Ã©â€œï¼\u0130ﬁ\u1e9e" * 220  # what ftfy takes longest to repair
BODIES: dict[str, tuple[str, bytes]] = {
    "entities in entities": (
        "/vectorize",
        json.dumps({"texts": [f"{number} {AMPERSANDS}"[:2000] for number in range(256)]}).encode(),
    ),
    "characters that look wrong": (
        "/vectorize",
        json.dumps(
            {"texts": [f"{number} {MIXED}"[:2000] for number in range(256)]}, ensure_ascii=False
        ).encode(),
    ),
    "a thousand texts": (
        "/vectorize",
        json.dumps({"texts": [f"{number} " + "word " * 390 for number in range(1024)]}).encode(),
    ),
    "unknown fields": ("/vectorize", json.dumps(dict.fromkeys(map(str, range(85_000)), 0)).encode()),
    "unknown fields of OpenAI's": (
        "/v1/embeddings",
        json.dumps(dict.fromkeys(map(str, range(85_000)), 0)).encode(),
    ),
    "digits": ("/vectorize", b'{"texts":[' + b"9" * 1_000_000 + b"]}"),
    "60 MB": ("/vectorize", json.dumps({"images": ["A" * 60_000_000]}).encode()),
}


@pytest.fixture(scope="module", params=["0", "2"], ids=["alone", "workers"])
def fresh(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerProcess]:
    with server(tmp_path_factory.mktemp("stalls"), "--http-workers", request.param) as process:
        yield process


@pytest.mark.parametrize("name", BODIES)
def test_no_body_holds_up_the_others(fresh: ServerProcess, name: str) -> None:
    path, body = BODIES[name]
    with probed(fresh.port, connections=2) as waits:
        answer = httpx.post(fresh.url + path, content=body, timeout=120)
    assert answer.status_code < 500, answer.text[:500]
    assert len(waits.seconds) > 10
    assert waits.longest < BOUND_S, f"{name}: {waits.longest:.2f} s"


def test_many_requests_in_one_piece_hold_up_nobody(fresh: ServerProcess) -> None:
    many = b"GET / HTTP/1.1\r\n\r\n" * 50_000
    with probed(fresh.port, connections=2) as waits:
        for _ in range(4):
            with socket.create_connection(("127.0.0.1", fresh.port), timeout=20) as connection:
                try:
                    connection.sendall(many)
                    while connection.recv(1 << 20):
                        pass
                except ConnectionError:
                    pass
    assert waits.longest < BOUND_S, f"{waits.longest:.2f} s"


def test_a_few_requests_in_one_piece_are_answered_in_their_order(fresh: ServerProcess) -> None:
    paths = [f"/nowhere/{number}" for number in range(20)]
    asked = "".join(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n" for path in paths)
    received = ""
    with socket.create_connection(("127.0.0.1", fresh.port), timeout=20) as connection:
        connection.sendall(asked.encode())
        while received.count("see /docs") < len(paths):
            received += connection.recv(100_000).decode()
    assert re.findall(r"there is no (\S+);", received) == paths


def test_the_lag_of_every_loop_is_a_metric(fresh: ServerProcess) -> None:
    text = httpx.get(f"{fresh.url}/metrics", timeout=20).text
    lines = [line for line in text.splitlines() if line.startswith("bind_event_loop_lag_seconds_count")]
    counts = {line.split('"')[1]: float(line.split()[-1]) for line in lines}
    assert counts["main"] > 10
    if "--http-workers 2" in " ".join(fresh.process.args):  # type: ignore[arg-type]
        assert counts["http_worker"] > 10
