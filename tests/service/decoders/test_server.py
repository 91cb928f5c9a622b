"""The decoders of the real server: it outlives them, and none outlives it."""

import asyncio
import base64
import os
import random
import signal
import threading
import time
from pathlib import Path

import httpx
import pytest

from bind_bench.figures.targets import META_MS
from bind_bench.workload.probe import probing
from bind_inference.modality import Modality
from support.decoder_pool import IMAGE
from support.decoder_processes import descendants, one_busy, wait_gone, workers
from support.media import slow_picture, tone
from support.samples import Expected, encoded
from support.server import ServerProcess, server


async def test_the_server_outlives_its_decoders_and_says_which_item(
    running: ServerProcess, async_client: httpx.AsyncClient, expected: Expected
) -> None:
    async def restarts() -> float:
        text = (await async_client.get("/metrics")).text
        name = 'bind_decoder_restarts_total{cause="crash"}'
        return next(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))

    before = await restarts()
    body = {"texts": ["beside it"], "images": [encoded(IMAGE, "small.webp", 901), slow_picture()]}
    bad = asyncio.create_task(async_client.post("/vectorize", json=body))
    pid = await one_busy(running.process.pid)
    neighbours = [
        asyncio.create_task(
            async_client.post("/vectorize", json={"images": [encoded(IMAGE, "alpha.png", n)]})
        )
        for n in range(910, 920)
    ]
    os.kill(pid, signal.SIGSEGV)
    answer = await bad
    assert answer.status_code == 422, answer.text
    assert answer.json()["error"].startswith("images[1]: its decoder crashed (SIGSEGV)")
    for neighbour in neighbours:
        told = await neighbour
        assert told.status_code == 200, told.text
        expected.check(IMAGE, "alpha.png", told.json()["imageVectors"][0])
    assert await restarts() == before + 1
    assert (await async_client.get("/.well-known/live")).status_code == 204
    (event,) = [event for event in running.events() if event["message"] == "a decoder was replaced"]
    assert (event["level"], event["cause"], event["modality"]) == ("WARNING", "crash", "image")
    assert event["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
async def test_no_process_outlives_the_server(tmp_path: Path, end: signal.Signals) -> None:
    files = tmp_path / "tmp"
    files.mkdir()
    at_once = ("--drain-delay-s", "0", "--drain-timeout-s", "0.1")
    with server(tmp_path, *at_once, TMPDIR=str(files)) as running:
        async with httpx.AsyncClient(base_url=running.url, timeout=30) as client:
            load = [
                asyncio.create_task(client.post("/vectorize", json={"images": [slow_picture(number)]}))
                for number in range(3)
            ]
            os.kill(await one_busy(running.process.pid), signal.SIGSTOP)  # this one will not end by itself
            pids = descendants(running.process.pid)
            assert len(pids) >= 3  # the fork server, multiprocessing's tracker and a decoder
            running.process.send_signal(end)
            await asyncio.to_thread(running.process.wait, 10)
            await asyncio.to_thread(wait_gone, pids, 5)
            await asyncio.gather(*load, return_exceptions=True)
            assert list(files.iterdir()) == []


def test_the_server_loads_no_decoder_and_a_decoder_no_torch(
    running: ServerProcess, client: httpx.Client
) -> None:
    body = {
        "images": [encoded(IMAGE, "cmyk.jpg", 930)],
        "audio": [encoded(Modality.AUDIO, "tone_16k_mono_5s.wav", 931)],
    }
    assert client.post("/vectorize", json=body).status_code == 200
    of_server = Path(f"/proc/{running.process.pid}/maps").read_text()
    assert "libtorch_cpu" in of_server
    assert not any(name in of_server for name in ("libavcodec", "_imaging", "libsndfile"))
    for pid in workers(running.process.pid):
        of_decoder = Path(f"/proc/{pid}/maps").read_text()
        assert "libavcodec" in of_decoder
        assert "torch" not in of_decoder
        limits = Path(f"/proc/{pid}/limits").read_text()
        assert f"Max data size             {2 << 30}" in limits


async def test_a_large_body_is_answered_as_a_small_one(
    async_client: httpx.AsyncClient, expected: Expected
) -> None:
    wide = "  " * (1 << 20)  # in base64, white space says nothing
    body = {
        "texts": ["a photo of a cat on the mat"],
        "images": [encoded(IMAGE, "landscape.jpg") + wide, "!" + wide, encoded(IMAGE, "small.webp") + wide],
    }
    answer = await async_client.post("/vectorize", json=body)
    assert answer.status_code == 422
    assert answer.json()["error"] == "images[1]: not valid base64"
    del body["images"][1]
    answer = await async_client.post("/vectorize", json=body)
    assert answer.status_code == 200, answer.text
    expected.check(IMAGE, "landscape.jpg", answer.json()["imageVectors"][0])
    expected.check(IMAGE, "small.webp", answer.json()["imageVectors"][1])
    expected.check(Modality.TEXT, "a photo of a cat on the mat", answer.json()["textVectors"][0])
    assert (await async_client.post("/vectorize", content=b"[" * (2 << 20))).status_code == 400


def test_probes_answer_while_the_largest_bodies_are_posted(
    running: ServerProcess, client: httpx.Client
) -> None:
    """Reading one in the server would hold up all else for some 100 ms: once for each body."""
    bodies = 8
    with probing("127.0.0.1", running.port, every_s=0.01) as probe:
        for number in range(bodies):
            body = b'{"images":["%08d' % number + b"AAAA" * 15_000_000 + b'"]}'
            assert client.post("/vectorize", content=body).status_code in {415, 422}
    assert set(probe.statuses) == {200}
    assert len(probe.statuses) > 50
    assert sum(ms > META_MS for ms in probe.milliseconds) <= bodies // 2


LONG_TEXTS = {
    "one word": ["".join(random.Random(1).choices("abcdefghij", k=99_000))],
    "a nest": ["&" + "amp;" * 9000],
    "short nests": ["&" + "amp;" * 490 + str(number) for number in range(400)],
    "short words": ["".join(random.Random(n).choices("abcdefghij", k=2000)) for n in range(1000)],
}


@pytest.mark.parametrize("kind", LONG_TEXTS)
def test_a_text_that_takes_seconds_holds_up_nobody(
    running: ServerProcess, client: httpx.Client, kind: str
) -> None:
    """In the server, one word of 99,000 letters would hold the interpreter for 2 s."""
    answers: list[httpx.Response] = []
    asking = threading.Thread(
        target=lambda: answers.append(
            httpx.post(f"{running.url}/vectorize", json={"texts": LONG_TEXTS[kind]}, timeout=60)
        )
    )
    asking.start()
    times: list[float] = []
    while asking.is_alive():
        start = time.perf_counter()
        assert client.post("/vectorize", json={"texts": [f"short {len(times)}"]}).status_code == 200
        times.append(time.perf_counter() - start)
        time.sleep(0.01)
    assert answers[0].status_code == 200
    assert len(times) > 10
    assert max(times) < 0.5


def test_what_decoders_say_of_a_file_is_not_in_the_log(running: ServerProcess, client: httpx.Client) -> None:
    whole = tone(1, kind="MP3")
    broken = bytearray(whole)
    broken[600:700] = bytes(100)  # libmpg123 has much to say about this
    answer = client.post("/vectorize", json={"audio": [base64.b64encode(broken).decode()]})
    assert answer.status_code in {200, 422}
    assert all(line.startswith("{") for line in running.log.read_text().splitlines())
