"""What operators and Weaviate ask: live, ready, meta, metrics, docs; and a prompt answer under load."""

import asyncio
import re
import socket
import time

import httpx
import numpy as np
import pytest

from bind_inference.modality import Modality
from support.samples import encoded
from support.server import ServerProcess


@pytest.mark.parametrize("path", ["/.well-known/live", "/.well-known/ready"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_probes_answer_204(client: httpx.Client, path: str, method: str) -> None:
    answer = client.request(method, path)
    assert answer.status_code == 204
    assert answer.content == b""


def test_meta_tells_what_is_served(client: httpx.Client) -> None:
    meta = client.get("/meta").json()
    assert (meta["model"], meta["dimension"], meta["state"]) == ("Tiny", 32, "Ready")
    assert (meta["device"], meta["precision"]) == ("cpu", "float32")
    assert meta["fingerprint"].startswith("Tiny-float32-")
    assert meta["modalities"] == list(Modality)
    assert "random" in meta["weights"]
    assert meta["licence"]


def test_metrics_count_requests_and_items(client: httpx.Client) -> None:
    def read(name: str) -> float:
        lines = client.get("/metrics").text.splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))

    requests = 'bind_requests_total{path="/vectorize",status="422"}'
    refused, good = (
        'bind_items_total{modality="image",outcome="InvalidItem"}',
        'bind_items_total{modality="text",outcome="ok"}',
    )
    before = read(requests), read(refused), read(good)
    client.post("/vectorize", json={"images": ["!"], "texts": ["a"]})
    assert (read(requests), read(refused), read(good)) == tuple(value + 1 for value in before)
    assert read('bind_state{state="Ready"}') == 1
    assert read("process_resident_memory_bytes") > 1e7
    assert read('bind_held{unit="bytes"}') == 0


def test_the_documentation_describes_requests_and_errors(client: httpx.Client) -> None:
    page = client.get("/docs")
    assert page.status_code == 200
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert addresses
    # Each is served by the server itself: many clusters have no way out.
    assert [client.get(address).status_code for address in addresses] == [200] * len(addresses)
    vectorize = client.get("/openapi.json").json()["paths"]["/vectorize"]["post"]
    fields = vectorize["requestBody"]["content"]["application/json"]["schema"]["properties"]
    assert list(fields) == [*(modality.plural for modality in Modality), "windows"]
    assert set(vectorize["responses"]) >= {"200", "400", "413", "415", "422", "429", "503"}


async def test_meta_and_probes_answer_while_the_model_computes(async_client: httpx.AsyncClient) -> None:
    bodies = [
        {
            "video": [encoded(Modality.VIDEO, "wide_25fps_6s.mp4", number)],
            "images": [encoded(Modality.IMAGE, "landscape.jpg", number)],
        }
        for number in range(20)
    ]
    load = [asyncio.create_task(async_client.post("/vectorize", json=body)) for body in bodies]
    await asyncio.sleep(0.2)
    times: list[float] = []
    while not all(task.done() for task in load):
        for path in ("/meta", "/.well-known/ready", "/.well-known/live"):
            start = time.perf_counter()
            assert (await async_client.get(path)).is_success
            times.append(time.perf_counter() - start)
        await asyncio.sleep(0.01)
    assert [(await task).status_code for task in load] == [200] * len(load)
    assert len(times) > 10
    assert np.quantile(times, 0.95) < 0.5  # Weaviate's probe gives up there


def test_an_idle_connection_outlasts_five_seconds_and_is_used_again(running: ServerProcess) -> None:
    # uvicorn's own default is 5 s; ours is checked to be above Weaviate's 90 s in the unit tests
    with socket.create_connection(("127.0.0.1", running.port), timeout=10) as connection:
        request = b"HEAD /.well-known/live HTTP/1.1\r\nHost: x\r\n\r\n"
        connection.sendall(request)
        assert connection.recv(1000).startswith(b"HTTP/1.1 204")
        time.sleep(6)
        connection.sendall(request)
        assert connection.recv(1000).startswith(b"HTTP/1.1 204")


def test_meta_shows_the_gate_that_asks(client: httpx.Client) -> None:
    assert "gate" not in client.get("/meta").json()
    told = client.get("/meta", headers={"X-Gate-Name": "space/shop"}).json()
    assert told.pop("gate") == "space/shop"
    assert told == client.get("/meta").json()
    long = client.get("/meta", headers={"X-Gate-Name": "x" * 1000}).json()["gate"]
    assert long == "x" * 128
