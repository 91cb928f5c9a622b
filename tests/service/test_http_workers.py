"""HTTP in processes of its own: the same answers as without, and a death costs no more than it must."""

import asyncio
import base64
import json
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from bind_inference.modality import Modality
from support.decoder_processes import descendants, wait_gone
from support.http_workers import holder, http_workers, metric, sockets
from support.media import slow_picture
from support.samples import SAMPLES, encoded
from support.server import ServerProcess, server
from support.waiting import becomes, until

WORKERS = ("--http-workers", "2")
LARGE = 1 << 20


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with server(tmp_path_factory.mktemp("alone"), "--http-workers", "0") as process:
        yield process


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Return a server with two workers, both of which are there."""
    with server(tmp_path_factory.mktemp("pair"), *WORKERS) as process:
        wait_spread(process, 2)
        yield process


def wait_spread(process: ServerProcess, workers: int) -> None:
    """Wait until so many workers take connections, and none has one left."""

    def spread() -> bool:
        pids = http_workers(process)
        before = [sockets(pid) for pid in pids]
        with ExitStack() as stack:
            for _ in pids:
                connection = stack.enter_context(socket.create_connection(("127.0.0.1", process.port)))
                probe(connection)
            return len(pids) == workers and [sockets(pid) for pid in pids] == [n + 1 for n in before]

    until(spread, 30, "workers that share connections", poll_s=0.1)


def probe(connection: socket.socket) -> None:
    connection.settimeout(20)
    connection.sendall(b"HEAD /.well-known/live HTTP/1.1\r\nHost: x\r\n\r\n")
    assert connection.recv(1000).startswith(b"HTTP/1.1 204")


def held(process: ServerProcess) -> float:
    return metric(process.url, "bind_held{") + metric(process.url, "bind_queue_items{")


@pytest.mark.parametrize("modality", Modality)
def test_vectors_are_the_same_to_the_last_bit(
    alone: ServerProcess, pair: ServerProcess, modality: Modality
) -> None:
    for name in SAMPLES[modality]:
        body = {modality.plural: [encoded(modality, name)]}
        one, other = (httpx.post(f"{each.url}/vectorize", json=body, timeout=60) for each in (alone, pair))
        assert one.status_code == other.status_code == 200
        assert one.content == other.content


BAD = base64.b64encode(b"hello").decode()
PICTURE = encoded(Modality.IMAGE, "small.webp")
REQUESTS: dict[str, tuple[str, str, bytes]] = {
    "no JSON": ("POST", "/vectorize", b"{"),
    "nothing": ("POST", "/vectorize", b""),
    "a wrong type": ("POST", "/vectorize", b'{"texts":["a",1],"image":[]}'),
    "half a pair": ("POST", "/vectorize", rb'{"texts":["\ud800"]}'),
    "too many": ("POST", "/vectorize", json.dumps({"texts": ["a"] * 1025}).encode()),
    "items of all kinds": (
        "POST",
        "/vectorize",
        json.dumps({key: ["", "!", BAD] for key in [m.plural for m in Modality]}).encode(),
    ),
    "good beside bad": ("POST", "/vectorize", json.dumps({"images": [PICTURE, "!", PICTURE, BAD]}).encode()),
    "a long text": ("POST", "/vectorize", json.dumps({"texts": ["a" * 100_000]}).encode()),
    "large, and broken": ("POST", "/vectorize", b'{"texts":["' + b" " * LARGE),
    "large, and wrong": ("POST", "/vectorize", json.dumps({"text": [" " * LARGE]}).encode()),
    "large, with bad items": (
        "POST",
        "/vectorize",
        json.dumps({"images": [PICTURE, "!" * LARGE, BAD]}).encode(),
    ),
    "windows": (
        "POST",
        "/vectorize",
        json.dumps(
            {"audio": [encoded(Modality.AUDIO, "tone_16k_mono_5s.wav")], "windows": {"audio": {}}}
        ).encode(),
    ),
    "wrong windows": ("POST", "/vectorize", b'{"windows":{"audio":{"length_s":0,"size":1},"images":{}}}'),
    "OpenAI: no model": ("POST", "/v1/embeddings", b'{"input":"a","model":"other"}'),
    "OpenAI: a wrong dimension": ("POST", "/v1/embeddings", b'{"input":"a","dimensions":3}'),
    "OpenAI: nothing": ("POST", "/v1/embeddings", b'{"input":[]}'),
    "OpenAI: bad items": (
        "POST",
        "/v1/embeddings",
        json.dumps({"input": ["a", "data:image/png;base64,aGVsbG8=", "data:x/y;base64,a"]}).encode(),
    ),
    "OpenAI: large": (
        "POST",
        "/v1/embeddings",
        json.dumps({"input": [" " * LARGE, "data:x/y;base64,a"]}).encode(),
    ),
    "OpenAI: good": ("POST", "/v1/embeddings", b'{"input":["a","b"],"encoding_format":"base64"}'),
    "no such path": ("GET", "/nothing", b""),
    "no such method": ("GET", "/vectorize", b""),
    "no such model": ("GET", "/v1/models/other", b""),
    "no suspects": ("POST", "/suspects", b"[]"),
    "suspects": ("POST", "/suspects", b'{"suspects":[]}'),
    "meta": ("GET", "/meta", b""),
    "openapi": ("GET", "/openapi.json", b""),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_every_answer_is_the_same(alone: ServerProcess, pair: ServerProcess, name: str) -> None:
    method, path, body = REQUESTS[name]
    one, other = (httpx.request(method, each.url + path, content=body, timeout=60) for each in (alone, pair))
    assert (one.status_code, one.content) == (other.status_code, other.content)
    own = {"date", "x-request-id"}
    assert {k: v for k, v in one.headers.items() if k not in own} == {
        k: v for k, v in other.headers.items() if k not in own
    }


def test_so_is_one_with_errors_beside_vectors(alone: ServerProcess, pair: ServerProcess) -> None:
    bodies = [{"texts": ["a"] * 1023, "images": [BAD]}, {"images": [PICTURE, "!" * LARGE], "texts": ["b"]}]
    for body in bodies:
        one, other = (
            httpx.post(f"{each.url}/vectorize", json=body, headers={"Prefer": "handling=lenient"}, timeout=60)
            for each in (alone, pair)
        )
        assert (one.status_code, one.content) == (200, other.content)
        assert [fault["field"] for fault in other.json()["errors"]] == ["images"]
        assert other.json()["imageVectors"][-1] is None
        assert None not in other.json()["textVectors"]
    inputs = ["a", {"image": BAD}, {"smell": "x"}, {"image": "https://x/y"}]
    for given in (inputs, [*inputs, {"image": "!" * LARGE}]):
        one, other = (
            httpx.post(
                f"{each.url}/v1/embeddings",
                json={"input": given},
                headers={"Prefer": "handling=lenient"},
                timeout=60,
            )
            for each in (alone, pair)
        )
        assert (one.status_code, one.content) == (200, other.content)
        assert [error["index"] for error in other.json()["errors"]] == list(range(1, len(given)))


async def test_so_is_that_of_a_full_queue(tmp_path: Path) -> None:
    with server(tmp_path, *WORKERS, "--max-queue-items", "1", "--decode-workers", "1") as process:
        async with httpx.AsyncClient(base_url=process.url, timeout=60) as client:
            slow = asyncio.create_task(client.post("/vectorize", json={"images": [slow_picture()]}))
            await becomes(lambda: metric(process.url, 'bind_held{unit="items"}') == 1)
            refused = await client.post("/vectorize", json={"texts": ["a"]})
            assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
            assert refused.json() == {"error": "the queue is full (1 of 1 items); try again"}
            assert (await slow).status_code == 200
        assert held(process) == 0


def test_connections_are_spread_evenly(pair: ServerProcess) -> None:
    pids = http_workers(pair)
    before = {pid: sockets(pid) for pid in pids}
    with ExitStack() as stack:
        for _ in range(64):
            probe(stack.enter_context(socket.create_connection(("127.0.0.1", pair.port))))
        assert [sockets(pid) - before[pid] for pid in pids] == [32, 32]


def test_the_count_of_requests_is_one_whoever_is_asked(pair: ServerProcess) -> None:
    name = 'bind_requests_total{path="/vectorize",status="200"}'
    before = metric(pair.url, name)
    with ExitStack() as stack:
        clients = [stack.enter_context(httpx.Client(base_url=pair.url, timeout=60)) for _ in range(8)]
        for number in range(40):
            answer = clients[number % 8].post("/vectorize", json={"texts": [f"counted {number}"]})
            assert answer.status_code == 200
            if number % 10 == 9:  # each time of another worker, and at once
                assert metric(pair.url, name) == before + number + 1


def test_a_large_body_of_many_pictures_is_answered(alone: ServerProcess, pair: ServerProcess) -> None:
    pictures = [encoded(Modality.IMAGE, "landscape.jpg", number) for number in range(160)]
    body = json.dumps({"images": pictures, "texts": ["a", "b" * 3000]}).encode()
    assert len(body) > 2 * LARGE
    one, other = (httpx.post(f"{each.url}/vectorize", content=body, timeout=60) for each in (alone, pair))
    assert other.status_code == 200, other.text
    assert one.content == other.content
    assert held(pair) == 0


async def test_a_client_that_hangs_up_frees_its_items(tmp_path: Path) -> None:
    picture = slow_picture()
    with server(tmp_path, *WORKERS, "--decode-workers", "1") as process:
        async with httpx.AsyncClient(base_url=process.url, timeout=60) as client:
            for bodies in (
                [{"images": [picture + " " * number]} for number in range(4)],
                [{"images": [picture], "texts": [" " * 2 * LARGE]}] * 2,  # a decoder reads them
            ):
                asked = [asyncio.create_task(client.post("/vectorize", json=body)) for body in bodies]
                await becomes(lambda: metric(process.url, 'bind_held{unit="bytes"}') > 0)
                for task in asked:
                    task.cancel()
                await becomes(lambda: held(process) == 0)
        assert metric(process.url, 'bind_requests_total{path="/vectorize",status="499"}') == 6


async def test_a_worker_that_dies_costs_its_own_requests_and_is_replaced(tmp_path: Path) -> None:
    with server(tmp_path, *WORKERS) as process:
        wait_spread(process, 2)
        victim, other = http_workers(process)
        stopped = asyncio.Event()
        served_by: dict[int, int] = {}

        async def client(number: int) -> list[int]:
            """Ask on one connection until it breaks or the load ends; return the statuses, 0 for a break.

            A break between two requests is none: the client connects anew.
            """
            statuses: list[int] = []
            async with httpx.AsyncClient(base_url=process.url, timeout=60) as http:
                while not stopped.is_set():
                    body = {"texts": [f"{number} {len(statuses)}"], "images": [PICTURE + " " * number]}
                    try:
                        response = await http.post("/vectorize", json=body)
                    except httpx.TransportError:
                        return [*statuses, 0]
                    statuses.append(response.status_code)
                    if number not in served_by:
                        stream = response.extensions["network_stream"]
                        served_by[number] = holder(process, stream.get_extra_info("client_addr")[1])
            return statuses

        with socket.create_connection(("127.0.0.1", process.port)) as uploading:
            head = b"POST /vectorize HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\n"
            uploading.sendall(head + b" " * 400_000)
            await becomes(lambda: metric(process.url, 'bind_held{unit="bytes"}') >= 400_000)
            load = [asyncio.create_task(client(number)) for number in range(8)]
            await becomes(lambda: len(served_by) == len(load))
            os.kill(victim, signal.SIGKILL)
            await becomes(lambda: victim not in (now := http_workers(process)) and len(now) == 2)
            await asyncio.sleep(0.5)
            stopped.set()
            answers = [await task for task in load]
        assert set(served_by.values()) == {victim, other}
        broken = {number for number, statuses in enumerate(answers) if statuses[-1] == 0}
        assert broken
        assert broken <= {number for number, pid in served_by.items() if pid == victim}
        for statuses in answers:
            assert set(statuses[:-1]) == {200}
        assert metric(process.url, "bind_http_worker_restarts_total") == 1
        await becomes(lambda: held(process) == 0)
        wait_spread(process, 2)
        (event,) = [event for event in process.events() if event["message"] == "an HTTP worker ended"]
        assert (event["level"], event["exit_status"]) == ("WARNING", -signal.SIGKILL)


def test_no_process_outlives_the_main_process(tmp_path: Path) -> None:
    with server(tmp_path, *WORKERS) as process:
        wait_spread(process, 2)
        pids = descendants(process.process.pid)
        assert len(pids) > 4
        with socket.create_connection(("127.0.0.1", process.port)) as connection:
            probe(connection)
            process.process.kill()
            process.process.wait()
            wait_gone(pids, 2)
        with socket.create_server(("127.0.0.1", process.port)):
            pass


async def test_sigterm_to_all_processes_loses_nothing_that_was_accepted(tmp_path: Path) -> None:
    with server(tmp_path, *WORKERS, "--drain-delay-s", "0.5") as process:
        wait_spread(process, 2)
        bodies = [{"video": [encoded(Modality.VIDEO, "wide_25fps_6s.mp4", number)]} for number in range(8)]
        async with httpx.AsyncClient(base_url=process.url, timeout=60) as client:
            accepted = [asyncio.create_task(client.post("/vectorize", json=body)) for body in bodies]
            await asyncio.sleep(0.3)
            for pid in http_workers(process):  # as a terminal does with ^C
                os.kill(pid, signal.SIGTERM)
                os.kill(pid, signal.SIGINT)
            process.terminate()
            await asyncio.sleep(0.2)
            assert (await client.get("/.well-known/ready")).status_code == 503
            assert (await client.get("/meta")).json()["state"] == "Draining"
            assert (await client.post("/vectorize", json={"texts": ["late"]})).status_code == 200
            assert [(await task).status_code for task in accepted] == [200] * len(bodies)
        assert await asyncio.to_thread(process.process.wait, 20) == 0
        assert not [event for event in process.events() if event["message"] == "an HTTP worker ended"]


async def test_a_second_signal_ends_all_at_once(tmp_path: Path) -> None:
    with server(tmp_path, *WORKERS, "--decode-workers", "1", "--drain-timeout-s", "60") as process:
        pids = descendants(process.process.pid)
        picture = slow_picture()
        async with httpx.AsyncClient(base_url=process.url, timeout=60) as client:
            asked = [
                asyncio.create_task(client.post("/vectorize", json={"images": [picture + " " * number]}))
                for number in range(20)
            ]
            await becomes(lambda: metric(process.url, 'bind_held{unit="items"}') >= 10)
            process.terminate()
            await becomes(lambda: "Draining" in process.log.read_text())
            process.terminate()
            assert await asyncio.to_thread(process.process.wait, 5) == 0
            assert any(
                isinstance(end, Exception) for end in await asyncio.gather(*asked, return_exceptions=True)
            )
        wait_gone(pids, 5)


def test_a_body_near_the_limit_is_taken_by_one_of_many_workers(tmp_path: Path) -> None:
    limits = ("--max-request-bytes", str(20 << 20), "--max-queue-bytes", str(64 << 20))
    with server(tmp_path, "--http-workers", "6", *limits) as process:
        body = json.dumps({"images": ["A" * (19 << 20)]}).encode()
        answer = httpx.post(f"{process.url}/vectorize", content=body, timeout=60)
        assert answer.status_code in {415, 422}, answer.text
        until(lambda: held(process) == 0, 20, "it holds nothing any more")


def test_so_is_what_meta_tells_a_gate(alone: ServerProcess, pair: ServerProcess) -> None:
    headers = {"X-Gate-Name": "space/shop"}
    one, other = (httpx.get(f"{each.url}/meta", headers=headers, timeout=60) for each in (alone, pair))
    assert one.content == other.content
    assert one.json()["gate"] == "space/shop"
